package validate

import (
	"encoding/pem"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"scrim/internal/secret"
)

// What follows holds a value to the parameter of its declared type, where it is of
// the kind: one fault is told once.

// hasOtherSize counts bytes: those that two digits of hex, or four of base64 for
// three, stand for.
func hasOtherSize(s subject) bool {
	want, err := strconv.Atoi(s.parameter)
	switch {
	case err != nil:
		return false
	case s.form == secret.Hex && isHex(s):
		digits := strings.NewReplacer(":", "", " ", "", "-", "", "\n", "", "\r", "", "#", "", "0x", "", "0X", "").Replace(s.trimmed)
		return len(digits) != 2*want
	case s.form == secret.Base64 && isBase64(s):
		data, ok := decodeBase64(s.trimmed[strings.LastIndexByte(s.trimmed, ',')+1:])
		return ok && len(data) != want
	default:
		return false
	}
}

// hasOtherScheme lets a scheme have an s for TLS and a driver behind a plus.
func hasOtherScheme(s subject) bool {
	if s.form != secret.URL || s.parameter == "" || !isURL(s) {
		return false
	}
	got, _, _ := strings.Cut(strings.ToLower(s.trimmed), ":")
	driven, _, _ := strings.Cut(got, "+")
	return !slices.Contains([]string{got, driven, strings.TrimSuffix(got, "s")}, s.parameter) && schemeName(driven) != schemeName(s.parameter)
}

// schemeName is one of the names that mean the same.
func schemeName(scheme string) string {
	if scheme == "postgresql" {
		return "postgres"
	}
	return scheme
}

// hasOtherBlocks wants one block of the declared sort, and lets others be beside
// it: an EC key has its parameters there.
func hasOtherBlocks(s subject) bool {
	blocks := s.blocks()
	if s.parameter == "" || len(blocks) == 0 {
		return false
	}
	return !slices.ContainsFunc(blocks, func(b *pem.Block) bool {
		switch s.parameter {
		case secret.PrivateKey:
			return isPrivateKey(b)
		case secret.PublicKey:
			return strings.HasSuffix(b.Type, "PUBLIC KEY")
		default:
			return strings.HasSuffix(b.Type, "CERTIFICATE")
		}
	})
}

func hasOtherPrefix(s subject) bool {
	return s.form == secret.Prefix && s.parameter != "" && !strings.HasPrefix(s.trimmed, s.parameter)
}

// isOutsidePattern matches the whole value. A pattern that Go cannot read is
// refused where it is declared.
func isOutsidePattern(s subject) bool {
	if s.form != secret.Regex || s.parameter == "" {
		return false
	}
	pattern, err := regexp.Compile(`^(?:` + s.parameter + `)$`)
	return err == nil && !pattern.MatchString(s.trimmed)
}

// hasPassword reports whether a URL has one, as far as can be seen.
func hasPassword(value string) bool {
	_, rest, ok := strings.Cut(value, "://")
	if !ok || strings.ContainsFunc(value, isInvisible) {
		return false
	}
	authority, _, _ := strings.Cut(rest, "/")
	user, _, ok := strings.Cut(authority, "@")
	_, password, with := strings.Cut(user, ":")
	return ok && with && password != ""
}
