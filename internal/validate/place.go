package validate

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"scrim/internal/secret"
)

// How providers mark what a key is for: at its beginning, or after one short
// word that says whose it is.
var (
	testMark = regexp.MustCompile(`(?i)^(?:[a-z0-9]{1,16}[_$-])?(?:test|sandbox)[_$-][a-z0-9]`)
	liveMark = regexp.MustCompile(`(?i)^(?:[a-z0-9]{1,16}[_$-])?(?:live|production)[_$-][a-z0-9]`)
)

func isTestInProduction(s subject) bool {
	return s.stage == production && s.isCredential() && !s.isForTests() && !s.declares(testMark) && testMark.MatchString(s.trimmed)
}

func isLiveElsewhere(s subject) bool {
	return s.stage == elsewhere && s.isCredential() && !s.mentions("LIVE", "PROD", "PRODUCTION") && !s.declares(liveMark) && liveMark.MatchString(s.trimmed)
}

// declares reports whether the declared prefix has the mark itself: who declares
// it wants it everywhere.
func (s subject) declares(mark *regexp.Regexp) bool {
	return s.form == secret.Prefix && mark.MatchString(s.parameter+"x")
}

func isSandboxInProduction(s subject) bool {
	return s.stage == production && !s.isForTests() && slices.Contains(hostWords(s.host()), "sandbox")
}

// isLocalInProduction lets what usually listens beside a program be on its own
// machine: agents, collectors and proxies.
func isLocalInProduction(s subject) bool {
	if s.stage != production || s.isForTests() || s.mentions("LOCAL", "LOCALHOST", "OTEL", "OTLP", "STATSD", "AGENT", "SIDECAR", "PROXY", "COLLECTOR") {
		return false
	}
	host := s.host()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "host.docker.internal" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// isForTests reports whether the name says that the value is for tests.
func (s subject) isForTests() bool {
	return s.mentions("TEST", "TESTS", "TESTING", "SANDBOX", "STAGING", "DEV", "DEMO", "EXAMPLE")
}

// hostWords splits a host into the words of its labels.
func hostWords(host string) []string {
	return strings.FieldsFunc(host, func(r rune) bool { return r == '.' || r == '-' })
}

// areSchemes reports whether text is one scheme, or several as jdbc has them.
func areSchemes(text string) bool {
	for part := range strings.SplitSeq(text, ":") {
		if !isScheme(part) {
			return false
		}
	}
	return true
}

// host returns the host of a value that is one URL with two slashes, in small
// letters, or "". It bears passwords that a URL should not have as they are.
func (s subject) host() string {
	scheme, rest, ok := strings.Cut(s.trimmed, "://")
	if !ok || !areSchemes(scheme) || strings.ContainsFunc(s.trimmed, isInvisible) {
		return ""
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
		if at := strings.LastIndexByte(rest, '@'); !strings.Contains(authority, "@") && at > end && strings.Contains(authority, ":") {
			return "" // a slash in a password, most likely
		}
	}
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if strings.ContainsAny(host, ",%") {
		return "" // several hosts, or one that is encoded
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, _, _ = strings.Cut(inner, "]")
	} else {
		var port string
		if host, port, _ = strings.Cut(host, ":"); strings.Contains(port, ":") {
			return "" // an address without brackets, or no host
		}
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}
