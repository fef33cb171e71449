package secret

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Type is what a secret's value is declared to be: a kind, such as "url", and for
// some kinds a parameter behind a colon, such as "hex:32". ParseType makes one of
// text; the empty Type declares nothing.
//
// Whoever declares a type learns whether a value is of it. A kind tells little,
// but with a parameter of one's own one could ask about a value piece by piece.
// So parameters are for people and the launcher: who answers an agent goes by Bare.
type Type string

// The kinds. A value of the kind Text may be anything but empty.
const (
	Text    Type = "text"
	URL     Type = "url" // or url:SCHEME
	Email   Type = "email"
	Port    Type = "port"
	Integer Type = "integer"
	Boolean Type = "boolean"
	UUID    Type = "uuid"
	Hex     Type = "hex"    // or hex:BYTES
	Base64  Type = "base64" // or base64:BYTES
	JSON    Type = "json"
	JWT     Type = "jwt"
	PEM     Type = "pem" // or pem: and what is in it

	Prefix Type = "prefix" // prefix:TEXT, and never without
	Regex  Type = "regex"  // regex:PATTERN, and never without; of the whole value
)

// What a type with the kind PEM may say that is in it.
const (
	PrivateKey  = "private-key"
	PublicKey   = "public-key"
	Certificate = "certificate"
)

// Types lists the kinds that say something by themselves.
func Types() []Type {
	return []Type{Text, URL, Email, Port, Integer, Boolean, UUID, Hex, Base64, JSON, JWT, PEM}
}

// TypeForms lists what a type can be, as people write it.
func TypeForms() []string {
	var forms []string
	for _, t := range Types() {
		forms = append(forms, string(t))
	}
	return append(forms, "hex:BYTES", "base64:BYTES", "pem:"+PrivateKey, "pem:"+PublicKey, "pem:"+Certificate, "url:SCHEME", "prefix:TEXT", "regex:PATTERN")
}

// ErrUnknownType says that text names no kind.
var ErrUnknownType = errors.New("there is no such type")

// The longest parameters, and the most bytes that hex and base64 can ask for.
const (
	maxPrefix  = 200
	maxPattern = 1000
	maxBytes   = 1 << 16
)

// ParseType returns the type that text declares. Its error is ErrUnknownType, or
// says what the parameter of that kind is to be; it never holds text.
func ParseType(text string) (Type, error) {
	word, parameter, with := strings.Cut(text, ":")
	kind := Type(word)
	if word == "int" || word == "bool" {
		kind = map[string]Type{"int": Integer, "bool": Boolean}[word]
	}
	hint, good := wanted(kind, parameter)
	switch {
	case hint == "" && with, hint == "" && !slices.Contains(Types(), kind):
		return "", ErrUnknownType
	case !with && slices.Contains(Types(), kind):
		return kind, nil
	case !good:
		return "", errors.New(hint)
	}
	if kind == URL {
		parameter = strings.ToLower(parameter)
	}
	return kind + ":" + Type(parameter), nil
}

// wanted says what the parameter of kind is to be, and whether this one is; ""
// for a kind that has none.
func wanted(kind Type, parameter string) (hint string, good bool) {
	switch kind {
	case Hex, Base64:
		n, err := strconv.Atoi(parameter)
		return fmt.Sprintf("write how many bytes, as in %s:32", kind), err == nil && n > 0 && n <= maxBytes && strconv.Itoa(n) == parameter
	case PEM:
		return "write pem:" + PrivateKey + ", pem:" + PublicKey + " or pem:" + Certificate, slices.Contains([]string{PrivateKey, PublicKey, Certificate}, parameter)
	case URL:
		return "write the scheme without what follows it, as in url:postgres", scheme.MatchString(parameter)
	case Prefix:
		return "write what the value begins with, as in prefix:sk_live_", parameter != "" && len(parameter) <= maxPrefix && !strings.ContainsFunc(parameter, unicode.IsSpace)
	case Regex:
		return "write a pattern for the whole value, as RE2 has them, in at most 1000 characters", isPattern(parameter)
	default:
		return "", false
	}
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{1,31}$`)

func isPattern(text string) bool {
	if text == "" || len(text) > maxPattern {
		return false
	}
	_, err := regexp.Compile(text)
	return err == nil
}

// Kind returns the kind of t: hex of hex:32.
func (t Type) Kind() Type {
	kind, _, _ := strings.Cut(string(t), ":")
	return Type(kind)
}

// Parameter returns what stands behind the colon of t, or "".
func (t Type) Parameter() string {
	_, parameter, _ := strings.Cut(string(t), ":")
	return parameter
}

// Bare returns t without a parameter. No value is held to a bare Prefix or Regex.
func (t Type) Bare() Type { return t.Kind() }
