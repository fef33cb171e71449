package validate

import (
	"slices"

	"scrim/internal/secret"
)

// Rule is one thing that can be wrong with a secret. That of a form is named
// after its type.
type Rule struct {
	ID       string
	Severity secret.Severity
	Verdict  secret.Verdict
	Sentence string // what is wrong
	Fix      string // what to do about it, a sentence
	Example  Example
	By       Finder

	broken func(subject) bool
	noun   string // of a form: what the value is to be
	last   bool   // what breaks it is no value, and no other rule judges it
	always bool   // holds for what is declared to be any text as well
}

// Example is a secret that breaks a rule and no other.
type Example struct {
	Environment string // prod where it is empty
	Name        string
	Type        secret.Type // that is declared
	Value       string      // made up
	Words       string      // where a value says too little, or too much
}

// Finder says who can find that a rule is broken. The zero Finder is whoever
// asks about a value: check_secrets, scrim check and the launcher.
type Finder int

// The finders.
const (
	ByValue     Finder = iota
	ByParameter        // of a declared type: for people and the launcher alone
	ByCheck            // scrim check, which compares values with each other and with files
	ByDiff             // scrim diff
)

// The verdicts that agents do not get.
const (
	unmasked secret.Verdict = "cannot be masked"
	unread   secret.Verdict = "value not readable"
	reused   secret.Verdict = "reused"
	exposed  secret.Verdict = "exposed"
	unused   secret.Verdict = "unused"
)

// The rules that others than this package find broken.
const (
	// Unresolved is the rule for a value that still holds a ${reference}, which
	// stands for what is not there.
	Unresolved = "reference"
	Unmaskable = "unmaskable"
	Unreadable = "unreadable"
	Reused     = "reused"
	Copied     = "copied"
	Tracked    = "tracked"
	Unused     = "unused"
	SameInProd = "same_in_production"
)

// Table lists every rule, those of values in the order in which values are
// judged.
func Table() []Rule {
	const (
		write   = "Write the value itself into the store."
		replace = "Put the value of this environment there, or name it for what it is."
		renew   = "Renew it, and write the new one into the store."
		declare = "Correct the value in the store, or the type that [types] declares."
		clean   = "Take away what is around it, in the store."
	)
	return []Rule{
		{
			ID: "empty", Verdict: secret.Empty, broken: isEmpty, last: true, always: true, Fix: write,
			Sentence: "the value is empty", Example: Example{Name: "API_KEY", Words: "nothing at all"},
		},
		{
			ID: "blank", Verdict: secret.Empty, broken: isBlank, last: true, always: true, Fix: write,
			Sentence: "the value is white space and nothing else", Example: Example{Name: "API_KEY", Value: "   ", Words: "three spaces"},
		},
		{
			ID: "nul", Verdict: secret.Malformed, broken: hasNUL, last: true, always: true, Fix: "Store it in base64, and decode it where it is used.",
			Sentence: "the value holds a NUL character, which no environment variable can", Example: Example{Name: "API_KEY", Value: "made\x00up", Words: "a NUL within"},
		},
		{
			ID: Unresolved, Verdict: secret.Placeholder, broken: hasReference, last: true, always: true, Fix: "Correct the reference, or write the value itself.",
			Sentence: "the value still holds a ${reference} that nothing resolved", Example: Example{Name: "DATABASE_URL", Value: "postgres://${DB_HOST}/app"},
		},
		{
			ID: "placeholder", Verdict: secret.Placeholder, broken: isPlaceholder, last: true, Fix: write,
			Sentence: "the value is a placeholder that was to be replaced", Example: Example{Name: "API_KEY", Value: "changeme"},
		},
		{
			ID: "example", Verdict: secret.Placeholder, broken: isExample, last: true, Fix: write,
			Sentence: "the value is that of an example", Example: Example{Name: "API_KEY", Value: "example-key"},
		},
		{
			ID: "sentence", Verdict: secret.Description, broken: isDescription, last: true, Fix: write,
			Sentence: "a sentence stands where the value belongs", Example: Example{Name: "API_KEY", Value: "Get it from the dashboard"},
		},

		{
			ID: "space_around", Verdict: secret.Whitespace, broken: hasSpaceAround, Fix: clean,
			Sentence: "white space or an invisible character stands before or after the value", Example: Example{Name: "API_KEY", Value: "made-up-value\n", Words: "a line's end behind it"},
		},
		{
			ID: "quotes", Verdict: secret.Malformed, broken: isQuoted, Fix: clean,
			Sentence: "the value stands in quotes, which programs will take for a part of it", Example: Example{Name: "API_KEY", Value: `"made-up-value"`},
		},

		form(secret.URL, "a URL", isURL, Example{Name: "API_URL", Value: "api.internal"}),
		form(secret.Email, "an e-mail address", isEmail, Example{Name: "ADMIN_EMAIL", Value: "ops@"}),
		form(secret.Port, "a port", isPort, Example{Name: "HTTP_PORT", Value: "65536"}),
		form(secret.Integer, "an integer", isInteger, Example{Name: "RETRIES", Type: secret.Integer, Value: "many"}),
		form(secret.Boolean, "true or false", isBoolean, Example{Name: "VERBOSE", Type: secret.Boolean, Value: "maybe"}),
		form(secret.UUID, "a UUID", isUUID, Example{Name: "TENANT_UUID", Value: "6f1c2a34"}),
		form(secret.Hex, "hexadecimal", isHex, Example{Name: "SALT_HEX", Value: "9f8g"}),
		form(secret.Base64, "base64", isBase64, Example{Name: "SEED_BASE64", Value: "made up!"}),
		form(secret.JSON, "JSON", isJSON, Example{Name: "CONFIG_JSON", Value: "{'a': 1}"}),
		form(secret.JWT, "a JWT", isJWT, Example{Name: "SERVICE_JWT", Value: "a.b.c"}),
		form(secret.PEM, "PEM", isPEM, Example{Name: "TLS_PEM", Value: "-----BEGIN CERTIFICATE-----", Words: "a block without an end"}),

		{
			ID: "pem_content", Verdict: secret.Malformed, broken: hasBadContent, Fix: correctForm,
			Sentence: "the PEM is whole, and what is in it is not what its label says", Example: Example{Name: "TLS_PEM", Words: "a CERTIFICATE that holds something else"},
		},
		{
			ID: "certificate_expired", Verdict: secret.Expired, broken: hasExpiredCertificate, Fix: renew,
			Sentence: "the time of the certificate is over", Example: Example{Name: "TLS_CERT", Words: "a CERTIFICATE whose last day was yesterday"},
		},
		{
			ID: "certificate_expires", Severity: secret.SeverityWarning, Verdict: secret.Expiring, broken: hasExpiringCertificate, Fix: renew,
			Sentence: "the time of the certificate is over within a month", Example: Example{Name: "TLS_CERT", Words: "a CERTIFICATE whose last day is next week"},
		},
		{
			ID: "token_expired", Verdict: secret.Expired, broken: hasExpiredToken, Fix: renew,
			Sentence: "the time of the token is over", Example: Example{Name: "SERVICE_JWT", Words: "a JWT whose `exp` was yesterday"},
		},
		{
			ID: "token_expires", Severity: secret.SeverityWarning, Verdict: secret.Expiring, broken: hasExpiringToken, Fix: renew,
			Sentence: "the time of the token is over within a month", Example: Example{Name: "SERVICE_JWT", Words: "a JWT whose `exp` is next week"},
		},

		{
			ID: "size", Verdict: secret.Malformed, By: ByParameter, broken: hasOtherSize, Fix: declare,
			Sentence: "the value has another size than its type declares", Example: Example{Name: "WEBHOOK_SECRET", Type: "hex:4", Value: "9f8e7d"},
		},
		{
			ID: "scheme", Verdict: secret.Malformed, By: ByParameter, broken: hasOtherScheme, Fix: declare,
			Sentence: "the URL has another scheme than its type declares", Example: Example{Name: "DATABASE_URL", Type: "url:postgres", Value: "mysql://db.internal/app"},
		},
		{
			ID: "pem_kind", Verdict: secret.Malformed, By: ByParameter, broken: hasOtherBlocks, Fix: declare,
			Sentence: "the PEM holds something else than its type declares", Example: Example{Name: "TLS_KEY", Type: "pem:private-key", Words: "a CERTIFICATE"},
		},
		{
			ID: "prefix", Verdict: secret.Malformed, By: ByParameter, broken: hasOtherPrefix, Fix: declare,
			Sentence: "the value does not begin as its type declares", Example: Example{Name: "PAYMENTS_KEY", Type: "prefix:pay_", Value: "made-up-value"},
		},
		{
			ID: "pattern", Verdict: secret.Malformed, By: ByParameter, broken: isOutsidePattern, Fix: declare,
			Sentence: "the value does not match the pattern that its type declares", Example: Example{Name: "TENANT", Type: "regex:[a-z]{2}-[0-9]+", Value: "made-up"},
		},

		{
			ID: "test_value", Verdict: secret.Misplaced, broken: isTestInProduction, Fix: replace,
			Sentence: "the value is marked as one for tests, and this is production", Example: Example{Name: "PAYMENTS_KEY", Value: "pay_test_made-up"},
		},
		{
			ID: "sandbox_address", Verdict: secret.Misplaced, broken: isSandboxInProduction, Fix: replace,
			Sentence: "the address is that of a sandbox, and this is production", Example: Example{Name: "PAYMENTS_URL", Value: "https://api.sandbox.pay.internal"},
		},
		{
			ID: "local_address", Verdict: secret.Misplaced, broken: isLocalInProduction, Fix: replace,
			Sentence: "the address is that of the machine itself, and this is production", Example: Example{Name: "API_URL", Value: "http://localhost:8080"},
		},
		{
			ID: "live_value", Verdict: secret.Misplaced, broken: isLiveElsewhere, Fix: replace,
			Sentence: "the value is marked as a live one, and this is not production", Example: Example{Environment: "dev", Name: "PAYMENTS_KEY", Value: "pay_live_made-up"},
		},

		{
			ID: Unmaskable, Verdict: unmasked, By: ByCheck, Fix: "Make it longer, and no everyday word; or, where it is no secret, make its name public in your own scrim/config.toml.",
			Sentence: "nothing hides the value in output, since it is too short, too common, or equal to a name", Example: Example{Name: "PIN", Words: "four digits"},
		},
		{
			ID: Unreadable, Verdict: unread, By: ByCheck, Fix: "Let the identity read values, unless scrim is only to describe that place.",
			Sentence: "nothing hides the value in output, since this identity may not read it", Example: Example{Name: "DEPLOY_TOKEN", Words: "an identity that may only describe secrets"},
		},
		{
			ID: Copied, Severity: secret.SeverityWarning, Verdict: reused, By: ByCheck, Fix: "Give each project its own, or move it to the shared source.",
			Sentence: "several projects have the same value of their own", Example: Example{Name: "API_KEY", Words: "the same key at `/alpha` and at `/beta`, and not in the shared source"},
		},
		{
			ID: Reused, Severity: secret.SeverityWarning, Verdict: reused, By: ByCheck, Fix: "Keep one name, or give each its own value.",
			Sentence: "several names have the same value", Example: Example{Name: "API_KEY", Words: "the same key as `OTHER_KEY`"},
		},
		{
			ID: Tracked, Verdict: exposed, By: ByCheck, Fix: "Rotate it, and take it out of the file; where it is no secret, declare it to be text in [types].",
			Sentence: "the value lies in a file that git tracks", Example: Example{Name: "API_KEY", Words: "the key in a `config.yml`, plain or encoded"},
		},
		{
			ID: Unused, Severity: secret.SeverityInfo, Verdict: unused, By: ByCheck, Fix: "Consider the vault, where it is in no program's environment.",
			Sentence: "no file that git tracks has the name", Example: Example{Name: "OLD_TOKEN", Words: "a name that only the store has"},
		},
		{
			ID: SameInProd, Verdict: reused, By: ByDiff, Fix: "Give each environment its own.",
			Sentence: "the value is the same in production and elsewhere", Example: Example{Name: "API_KEY", Words: "the same key in `dev` and in `prod`"},
		},
	}
}

// correctForm is what to do about a value that is not of its form.
const correctForm = "Correct it in the store, or declare in [types] what it is."

// form is the rule for values that are to be of type t. Where only a name says
// so, what programs usually take in such a place passes as well.
func form(t secret.Type, noun string, holds func(s subject) bool, example Example) Rule {
	return Rule{
		ID: string(t), Verdict: secret.Malformed, Sentence: "the value is to be " + noun + ", and does not read as such", Fix: correctForm, Example: example, noun: noun,
		broken: func(s subject) bool { return s.form == t && !holds(s) && (s.declared || !isSwitch(s.trimmed)) },
	}
}

// Rules lists the ids of the rules that these can find broken: for none, of all.
func Rules(by ...Finder) []string {
	var ids []string
	for _, r := range Table() {
		if len(by) == 0 || slices.Contains(by, r.By) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// Named returns what the rule called id says. It is for those that others find
// broken; there is none of another name, and then what it says is empty.
func Named(id string) secret.Problem {
	for _, r := range Table() {
		if r.ID == id {
			return r.problem(r.Sentence)
		}
	}
	return secret.Problem{}
}

func (r Rule) problem(detail string) secret.Problem {
	return secret.Problem{Verdict: r.Verdict, Rule: r.ID, Severity: r.Severity, Detail: detail, Fix: r.Fix}
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
