package validate

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"scrim/internal/secret"
)

// isInvisible reports whether r is white space, or takes no room at all.
func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\ufeff'
}

func trim(value string) string { return strings.TrimFunc(value, isInvisible) }

func isEmpty(s subject) bool { return s.value == "" }

func isBlank(s subject) bool { return s.trimmed == "" }

func hasNUL(s subject) bool { return strings.Contains(s.value, "\x00") }

// hasSpaceAround lets a text of several lines end with a line's end, as files
// do, and documents that are read by a parser have space around them.
func hasSpaceAround(s subject) bool {
	if s.form == secret.JSON || s.form == secret.PEM {
		return false
	}
	value := s.value
	if strings.Contains(s.trimmed, "\n") {
		value = strings.TrimRight(value, "\r\n")
	}
	return value != s.trimmed
}

// isQuoted reports whether double quotes stand around the whole value and
// nowhere in it, as where a line of an .env file was pasted.
func isQuoted(s subject) bool {
	inner, ok := strings.CutPrefix(s.trimmed, `"`)
	if !ok || s.form == secret.JSON {
		return false
	}
	inner, ok = strings.CutSuffix(inner, `"`)
	return ok && !strings.Contains(inner, `"`)
}

// reference is how Infisical writes one, besides the ways of a shell.
var reference = regexp.MustCompile(`\$\{[A-Za-z0-9_][A-Za-z0-9_.-]*\}`)

func hasReference(s subject) bool { return reference.MatchString(s.value) }

// What people and templates write where a value is to go.
var (
	bracketed   = regexp.MustCompile(`^<[A-Za-z][A-Za-z0-9 _.:-]*>$|^\[(?i:your|insert|enter|put|replace|redacted)\b[^\[\]]*\]$`)
	templated   = regexp.MustCompile(`^\{\{[^{}]*\}\}$|^\$\([A-Za-z_][A-Za-z0-9_.-]*\)$|^\$[A-Z_][A-Z0-9_]*$|^%[A-Z_][A-Z0-9_]*%$|^#\{[^{}]*\}#?$|^__[A-Z][A-Z0-9_]*__$`)
	crossedOut  = regexp.MustCompile(`^(?:[xX]{3,}|\*{3,}|\?{3,}|\.{3,}|…+)$`)
	crossedPart = regexp.MustCompile(`(?:^|[^A-Za-z0-9])[xX]{4,}(?:$|[^A-Za-z0-9])|[xX]{8,}`)
	instruction = regexp.MustCompile(`(?i)^(?:your|insert|enter|replace|put)[ _-][a-z0-9 _-]*(?:key|token|secret|password|id|url|value|here|name|me|this)$`)
	marked      = regexp.MustCompile(`^(?:TODO|FIXME|TBD|CHANGEME|CHANGE_ME|REPLACEME|REPLACE_ME)(?:$|[ :,(-])`)
)

func isPlaceholder(s subject) bool {
	value := strings.Trim(s.trimmed, `"'`+"`")
	switch {
	case bracketed.MatchString(value) && !s.mentions("HTML", "XML", "TAG", "MARKUP"),
		templated.MatchString(value), crossedOut.MatchString(value), instruction.MatchString(value), marked.MatchString(value):
		return true
	case s.isCredential() && crossedPart.MatchString(value):
		return true
	}
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(value)) {
	case "changeme", "changethis", "replaceme", "replacethis", "replacewithyourown", "placeholder", "setme", "fillme", "fillmein", "fillin", "undefined", "[objectobject]":
		return true
	case "todo", "tbd", "fixme", "dummy", "notset", "unset", "null", "nil", "none", "n/a":
		return s.isCredential()
	default:
		return false
	}
}

// exampleValue is how documentation marks a key that nobody is to use.
var exampleValue = regexp.MustCompile(`(?i)^(?:example|sample)(?:$|[ _-])|[ _-]example$|EXAMPLE(?:KEY)?$|^(?i:example|sample)(?:key|token|secret|password|value)$`)

// isExample reports whether a value is that of documentation, or an address in
// production that is reserved for documentation.
func isExample(s subject) bool {
	if s.isCredential() && exampleValue.MatchString(s.trimmed) {
		return true
	}
	host := s.host()
	return s.stage == production && slices.ContainsFunc([]string{"example.com", "example.org", "example.net"}, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// isDescription reports whether a sentence, as English goes, stands where a
// credential or a value of a known form belongs.
func isDescription(s subject) bool {
	if s.form == secret.Regex {
		return false // its pattern says what it is
	}
	if !s.isCredential() && (s.form == "" || s.form == secret.JSON || s.form == secret.PEM) {
		return false
	}
	words := strings.FieldsFunc(strings.ToLower(s.trimmed), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`.,:;!?()"'`, r)
	})
	if len(words) < 3 || !strings.Contains(s.trimmed, " ") {
		return false
	}
	needed := 1
	if s.mentions("PASSWORD", "PASSWD", "PWD") {
		needed = 2 // a row of words is a good password
	}
	grammar, about, odd := 0, 0, 0
	for _, word := range words {
		switch {
		case isGrammar(word):
			grammar++
		case isAboutSecrets(word):
			about += 2
		case isAboutUse(word):
			about++
		case !isPlainWord(word):
			odd++
		}
	}
	return grammar > 0 && about >= needed && odd <= 1
}

// isGrammar reports whether a word is one that sentences have and rows of random
// words do not: lists of words for passphrases leave them out.
func isGrammar(word string) bool {
	switch word {
	case "the", "is", "for", "to", "of", "from", "in", "your", "our", "and", "or", "by", "are", "be", "it", "an", "on", "at", "as":
		return true
	default:
		return false
	}
}

func isAboutSecrets(word string) bool {
	switch word {
	case "key", "keys", "token", "tokens", "secret", "password", "credential", "credentials", "api", "ask", "wiki", "dashboard",
		"docs", "documentation", "stored", "generated", "obtained", "provided", "contact", "webhook", "endpoint":
		return true
	default:
		return false
	}
}

func isAboutUse(word string) bool {
	switch word {
	case "value", "url", "address", "see", "get", "use", "used", "set", "generate", "service", "account", "user", "number", "port":
		return true
	default:
		return false
	}
}

// isPlainWord reports whether a word has letters and what joins them, as a
// random string seldom has.
func isPlainWord(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("-'’/", r) })
}
