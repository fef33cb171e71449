package secret

import "slices"

// Type is what a secret's value is declared to be, such as "url". Types have no
// parameters: whoever declares a type learns whether a value is of it, so a
// pattern or a length of one's own would be a way to ask about a value piece by
// piece.
type Type string

// The types. A value of the type Text may be anything but empty.
const (
	Text    Type = "text"
	URL     Type = "url"
	Email   Type = "email"
	Port    Type = "port"
	Integer Type = "integer"
	Boolean Type = "boolean"
	UUID    Type = "uuid"
	Hex     Type = "hex"
	Base64  Type = "base64"
	JSON    Type = "json"
	JWT     Type = "jwt"
	PEM     Type = "pem"
)

// Types lists every type.
func Types() []Type {
	return []Type{Text, URL, Email, Port, Integer, Boolean, UUID, Hex, Base64, JSON, JWT, PEM}
}

// IsType reports whether word is a type.
func IsType(word string) bool { return slices.Contains(Types(), Type(word)) }

// Verdict says in one word what is wrong with a value.
type Verdict string

// The verdicts, a closed set.
const (
	Empty       Verdict = "empty"       // nothing is there
	Placeholder Verdict = "placeholder" // what stands there was to be replaced
	Description Verdict = "description" // a sentence about the value stands in its place
	Whitespace  Verdict = "whitespace"  // white space around it
	Malformed   Verdict = "malformed"   // not of the form that its name or its declared type asks for
	Misplaced   Verdict = "misplaced"   // for tests and in production, or the other way round
)

// Verdicts lists every verdict.
func Verdicts() []Verdict {
	return []Verdict{Empty, Placeholder, Description, Whitespace, Malformed, Misplaced}
}

// Problem is one thing that is wrong with a value. It holds fixed words alone:
// nothing of the value, and not its length.
type Problem struct {
	Verdict Verdict
	Rule    string // which rule of internal/validate says so
	Detail  string // what is wrong, as the end of a sentence
}

// Judge says what is wrong with the value of the secret that ref names.
// validate.Checker has the real one.
type Judge interface {
	Judge(ref Ref, v Value) []Problem
}
