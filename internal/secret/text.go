package secret

import (
	"strings"
	"unicode"
)

// Plain makes untrusted text fit to be shown on one line: white space becomes
// single spaces; control, format (bidirectional, zero-width) and unassigned
// characters go; what is longer than limit runes ends in "…".
func Plain(text string, limit int) string {
	var b strings.Builder
	count, space := 0, false
	for _, r := range text {
		if unicode.IsSpace(r) {
			space = count > 0
			continue
		}
		if !unicode.IsGraphic(r) || r == unicode.ReplacementChar {
			continue
		}
		if count+1 >= limit {
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			count++
			space = false
		}
		b.WriteRune(r)
		count++
	}
	return b.String()
}
