package secret

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
	Expired     Verdict = "expired"     // a certificate or a token whose time is over
	Expiring    Verdict = "expiring"    // one whose time is over soon
)

// Verdicts lists every verdict.
func Verdicts() []Verdict {
	return []Verdict{Empty, Placeholder, Description, Whitespace, Malformed, Misplaced, Expired, Expiring}
}

// Severity is how much a problem matters. The zero Severity is the worst.
type Severity int

// The severities.
const (
	SeverityError   Severity = iota // what uses the secret fails, or the secret is no secret
	SeverityWarning                 // it will, or it may
	SeverityInfo                    // worth a thought
)

// String returns the public word for s.
func (s Severity) String() string {
	switch s {
	case SeverityWarning:
		return "warning"
	case SeverityInfo:
		return "info"
	default:
		return "error"
	}
}

// MarshalText makes a Severity its public word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is one thing that is wrong with a value. It holds fixed words alone:
// nothing of the value, and not its length.
type Problem struct {
	Verdict  Verdict
	Rule     string // which rule of internal/validate says so
	Severity Severity
	Detail   string // what is wrong, as the end of a sentence
	Fix      string // what to do, in a sentence
}

// Judge says what is wrong with the value of the secret that ref names.
// validate.Checker has the real one.
type Judge interface {
	Judge(ref Ref, v Value) []Problem
}
