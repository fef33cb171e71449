package redact

// FormsOf returns the texts under which value is looked for anywhere, and
// those that count only as whole tokens.
func FormsOf(value string) (anywhere, tokens []string) {
	for _, f := range new(former).of(value) {
		if f.token {
			tokens = append(tokens, f.text)
		} else {
			anywhere = append(anywhere, f.text)
		}
	}
	return anywhere, tokens
}
