package validate

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/mail"
	"regexp"
	"strconv"
	"strings"

	"scrim/internal/secret"
)

// isSwitch reports whether a value turns something on or off: USE_JWT is no JWT.
func isSwitch(value string) bool {
	switch strings.ToLower(value) {
	case "true", "false", "yes", "no", "on", "off", "enabled", "disabled":
		return true
	default:
		return false
	}
}

// isURL takes what has a scheme and something after it. By a name alone, a list
// of URLs, a path and "." are as good: programs resolve them.
func isURL(s subject) bool {
	if s.declared {
		return isOneURL(s.trimmed)
	}
	if strings.HasPrefix(s.trimmed, "/") || strings.HasPrefix(s.trimmed, ".") || s.trimmed == "*" {
		return !strings.ContainsFunc(s.trimmed, isInvisible)
	}
	first, _, _ := strings.Cut(s.trimmed, ",") // what follows may be another host of the same URL
	return isOneURL(first)
}

// webScheme is what must have a host.
var webScheme = regexp.MustCompile(`^(?i:https?|wss?|ftp)$`)

func isOneURL(value string) bool {
	scheme, rest, ok := strings.Cut(value, ":")
	if !ok || !isScheme(scheme) || rest == "" || rest == "//" || strings.ContainsFunc(value, isInvisible) {
		return false
	}
	if !webScheme.MatchString(scheme) {
		return strings.HasPrefix(rest, "//") || !isNumber(rest) // a host and its port have no scheme
	}
	host, ok := strings.CutPrefix(rest, "//")
	return ok && !strings.ContainsAny(host[:1], "/?#:@")
}

// isNumber reports whether text begins with a port.
func isNumber(text string) bool {
	port, _, _ := strings.Cut(text, "/")
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isScheme(word string) bool {
	for i, r := range []byte(strings.ToLower(word)) {
		letter := 'a' <= r && r <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+.-", rune(r))) {
			return false
		}
	}
	return len(word) > 1 // C:\ is a drive
}

func isEmail(s subject) bool {
	if s.declared {
		address, err := mail.ParseAddress(s.trimmed)
		return err == nil && address.Address != ""
	}
	_, err := mail.ParseAddressList(strings.ReplaceAll(s.trimmed, ";", ","))
	return err == nil
}

// ports is what by a name alone may stand for one: several, a range, a mapping,
// an address to listen on.
var ports = regexp.MustCompile(`^:?[0-9]{1,5}(?:[,: /-]+[0-9]{1,5})*(?:/(?:tcp|udp))?$`)

func isPort(s subject) bool {
	if s.declared {
		n, err := strconv.ParseUint(s.trimmed, 10, 16)
		return err == nil && n > 0
	}
	// A pipe or a device is a port to some, and containers get theirs as a URL.
	if strings.HasPrefix(s.trimmed, "/") || strings.HasPrefix(s.trimmed, `\\`) || strings.HasPrefix(s.trimmed, "COM") || isOneURL(s.trimmed) {
		return true
	}
	if !ports.MatchString(s.trimmed) {
		return false
	}
	for _, part := range strings.FieldsFunc(s.trimmed, func(r rune) bool { return r < '0' || r > '9' }) {
		if _, err := strconv.ParseUint(part, 10, 16); err != nil {
			return false
		}
	}
	return true
}

var integer = regexp.MustCompile(`^[+-]?[0-9]+$`)

func isInteger(s subject) bool { return integer.MatchString(s.trimmed) }

func isBoolean(s subject) bool {
	switch strings.ToLower(s.trimmed) {
	case "true", "false", "yes", "no", "on", "off", "1", "0":
		return true
	default:
		return false
	}
}

var uuid = regexp.MustCompile(`^(?:urn:uuid:)?\{?[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\}?$`)

func isUUID(s subject) bool { return uuid.MatchString(s.trimmed) }

// hexDigits may be those of a fingerprint, with colons, or of a colour.
var hexDigits = regexp.MustCompile(`^(?:0[xX]|#)?[0-9A-Fa-f]+$|^[0-9A-Fa-f]{2}(?:[: -][0-9A-Fa-f]{2})+$`)

func isHex(s subject) bool { return hexDigits.MatchString(withoutLines(s.trimmed)) }

func isBase64(s subject) bool {
	value := s.trimmed
	if data, ok := strings.CutPrefix(value, "data:"); ok {
		_, value, ok = strings.Cut(data, ";base64,")
		if !ok {
			return false
		}
	}
	_, ok := decodeBase64(value)
	return ok
}

// decodeBase64 decodes either alphabet, with padding or without, over lines.
func decodeBase64(text string) ([]byte, bool) {
	digits := strings.NewReplacer("-", "+", "_", "/").Replace(withoutLines(text))
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(digits, "="))
	return data, err == nil && len(data) > 0
}

func withoutLines(text string) string { return strings.NewReplacer("\n", "", "\r", "").Replace(text) }

// isJSON takes, by a name alone, also where JSON is: a file, or base64.
func isJSON(s subject) bool {
	if json.Valid([]byte(s.trimmed)) {
		return true
	}
	if s.declared {
		return false
	}
	data, ok := decodeBase64(s.trimmed)
	return isPath(s.trimmed) || ok && json.Valid(data)
}

// isPath reports whether a value is an absolute path, or one that says that it
// is relative.
func isPath(value string) bool {
	return (strings.HasPrefix(value, "/") || strings.HasPrefix(value, "./") || strings.HasPrefix(value, "~/")) && !strings.ContainsAny(value, "\n\r")
}

// How many parts a JWT has.
const signedParts, encryptedParts = 3, 5

// isJWT takes a signed token and an encrypted one. Whether it is valid is for
// its reader to say.
func isJWT(s subject) bool {
	parts := strings.Split(s.trimmed, ".")
	if len(parts) != signedParts && len(parts) != encryptedParts {
		return false
	}
	for _, part := range parts {
		if _, err := base64.RawURLEncoding.DecodeString(part); err != nil {
			return false
		}
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0]) // it was decoded above
	var header struct {
		Algorithm string `json:"alg"`
	}
	return json.Unmarshal(raw, &header) == nil && header.Algorithm != ""
}

const pemBegin, pemEnd = "-----BEGIN ", "-----END "

func startsPEM(value string) bool { return strings.HasPrefix(value, pemBegin) }

// isPEM takes one block or several, also with \n for each line's end, since
// programs undo that. By a name alone, it takes base64 of PEM and a path too.
func isPEM(s subject) bool {
	if !s.declared && isPath(s.trimmed) && !strings.Contains(s.trimmed, pemBegin) {
		return true
	}
	text := s.armour()
	if strings.Contains(text, pgpBegin) {
		return strings.Count(text, pemBegin) == strings.Count(text, pemEnd) // with a checksum, which is no PEM
	}
	return wholeBlocks(text)
}

const pgpBegin = "-----BEGIN PGP "

// pemText returns the text of a value that is whole PEM, with lines.
func (s subject) pemText() (string, bool) {
	if s.form != secret.PEM {
		return "", false
	}
	text := s.armour()
	return text, !strings.Contains(text, pgpBegin) && wholeBlocks(text)
}

// armour is the value with lines in the place of \n, and out of base64 where only
// a name says that it is PEM.
func (s subject) armour() string {
	text := s.trimmed
	if !s.declared && !strings.Contains(text, pemBegin) {
		if data, ok := decodeBase64(text); ok {
			text = string(data)
		}
	}
	return strings.NewReplacer(`\r\n`, "\n", `\n`, "\n").Replace(text)
}

// wholeBlocks reports whether each block that text begins is whole. Others may
// be around them: tools write what a certificate is about.
func wholeBlocks(text string) bool {
	begun, whole := strings.Count(text, pemBegin), 0
	for rest := []byte(text); ; whole++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return whole > 0 && whole == begun
		}
		if len(block.Bytes) == 0 {
			return false
		}
	}
}
