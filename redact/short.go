package redact

import "strings"

// class says how a text may be matched.
type class int

const (
	never   class = iota // too short or too common: it would mask what is no secret
	token                // only where it is a whole token or a whole JSON string
	anyhere              // any substring
)

// The lengths, in bytes, from which a text is matched as a substring, and as a
// token if it has a digit.
const (
	minSubstring = 8
	minToken     = 6
)

// classify says how text, which is a value or a part of one, may be matched.
func classify(text string) class {
	switch {
	case len(text) < minToken || isCommon(text) || isOneByte(text):
		return never
	case len(text) >= minSubstring:
		return anyhere
	case strings.ContainsAny(text, "0123456789"):
		return token
	default:
		return never
	}
}

// isOneByte reports whether text repeats one byte, such as a line of dashes.
func isOneByte(text string) bool {
	return strings.Count(text, text[:1]) == len(text)
}

// isCommon reports whether text is an everyday word of configuration, in any
// case, or part of what a marker says.
func isCommon(text string) bool {
	switch strings.ToLower(text) {
	case "administrator", "allow-all", "application", "changeme", "confidential", "config", "configuration", "credential", "credentials",
		"database", "debugging", "default", "development", "disabled", "docker", "document", "enabled", "environment", "example",
		"external", "filesystem", "hostname", "in-memory", "information", "internal", "kubernetes", "local", "localhost", "localhost.localdomain",
		"127.0.0.1", "0.0.0.0", "255.255.255.255", "management", "mariadb", "memcached", "memory", "mongodb", "mysql", "none", "null",
		"optional", "passphrase", "password", "postgres", "postgresql", "preview", "primary", "private", "production", "protected", "provider", "public",
		"rabbitmq", "readonly", "read-only", "readwrite", "read-write", "redacted", "[redacted]", "[redacted", "[redacted:", "redacted]", "redacted:", "redis", "release",
		"replica", "required", "resource", "sandbox", "secondary", "secret", "secrets", "sensitive", "service", "services", "settings", "sqlite3", "staging",
		"standard", "standalone", "telemetry", "template", "temporary", "test", "testing", "true", "false", "undefined", "unlimited", "username",
		"us-ascii", "utf-8", "utf8", "utf8mb4", "warning", "workspace":
		return true
	default:
		return false
	}
}
