package validate

import (
	"slices"

	"scrim/internal/secret"
)

// rule is one thing that can be wrong with a value. That of a form is named
// after its type.
type rule struct {
	name    string
	verdict secret.Verdict
	broken  func(subject) bool
	detail  string // a sentence; of a form, what the value is to be
	last    bool   // what breaks it is no value, and no other rule judges it
	always  bool   // holds for what is declared to be any text as well
}

// Unresolved is the rule for a value that still holds a ${reference}, which
// stands for what is not there.
const Unresolved = "reference"

// rules is the table, in the order in which values are judged.
func rules() []rule {
	return []rule{
		{"empty", secret.Empty, isEmpty, "the value is empty", true, true},
		{"blank", secret.Empty, isBlank, "the value is white space and nothing else", true, true},
		{"nul", secret.Malformed, hasNUL, "the value holds a NUL character, which no environment variable can", true, true},
		{Unresolved, secret.Placeholder, hasReference, "the value still holds a ${reference} that nothing resolved", true, true},
		{"placeholder", secret.Placeholder, isPlaceholder, "the value is a placeholder that was to be replaced", true, false},
		{"example", secret.Placeholder, isExample, "the value is that of an example", true, false},
		{"sentence", secret.Description, isDescription, "a sentence stands where the value belongs", true, false},

		{"space_around", secret.Whitespace, hasSpaceAround, "white space or an invisible character stands before or after the value", false, false},
		{"quotes", secret.Malformed, isQuoted, "the value stands in quotes, which programs will take for a part of it", false, false},

		form(secret.URL, "a URL", isURL),
		form(secret.Email, "an e-mail address", isEmail),
		form(secret.Port, "a port", isPort),
		form(secret.Integer, "an integer", isInteger),
		form(secret.Boolean, "true or false", isBoolean),
		form(secret.UUID, "a UUID", isUUID),
		form(secret.Hex, "hexadecimal", isHex),
		form(secret.Base64, "base64", isBase64),
		form(secret.JSON, "JSON", isJSON),
		form(secret.JWT, "a JWT", isJWT),
		form(secret.PEM, "PEM", isPEM),

		{"test_value", secret.Misplaced, isTestInProduction, "the value is marked as one for tests, and this is production", false, false},
		{"sandbox_address", secret.Misplaced, isSandboxInProduction, "the address is that of a sandbox, and this is production", false, false},
		{"local_address", secret.Misplaced, isLocalInProduction, "the address is that of the machine itself, and this is production", false, false},
		{"live_value", secret.Misplaced, isLiveElsewhere, "the value is marked as a live one, and this is not production", false, false},
	}
}

// form is the rule for values that are to be of type t. Where only a name says
// so, what programs usually take in such a place passes as well.
func form(t secret.Type, noun string, holds func(s subject) bool) rule {
	return rule{string(t), secret.Malformed, func(s subject) bool {
		return s.form == t && !holds(s) && (s.declared || !isSwitch(s.trimmed))
	}, noun, false, false}
}

// Rules lists the names of the rules, a closed set.
func Rules() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.name)
	}
	return names
}

// formOf returns the form that the last word of a name, or the beginning of the
// value itself, promises; "" for none.
func formOf(words []string, value string) secret.Type {
	if startsPEM(value) {
		return secret.PEM
	}
	switch words[len(words)-1] {
	case "URL", "URI":
		return secret.URL
	case "EMAIL":
		return secret.Email
	case "PORT":
		return secret.Port
	case "UUID", "GUID":
		return secret.UUID
	case "HEX":
		return secret.Hex
	case "BASE64", "B64":
		return secret.Base64
	case "JSON":
		return secret.JSON
	case "JWT":
		return secret.JWT
	case "PEM":
		return secret.PEM
	default:
		return ""
	}
}

// isCredential reports whether a name is that of a key, a token or a password,
// and not of something about one, such as KEY_PATH.
func (s subject) isCredential() bool {
	switch s.words[len(s.words)-1] {
	case "KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PWD", "APIKEY", "CREDENTIAL", "CREDENTIALS":
		return true
	default:
		return false
	}
}

// mentions reports whether one of the words of the name is among words.
func (s subject) mentions(words ...string) bool {
	return slices.ContainsFunc(s.words, func(w string) bool { return slices.Contains(words, w) })
}
