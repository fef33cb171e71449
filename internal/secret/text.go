package secret

import (
	"strings"
	"unicode"
)

// Untrusted makes text that somebody else wrote fit to be shown on one line:
// masked, without what cannot be seen or changes how the rest is seen, and with
// at most limit runes. It is masked both as it came and as it will be seen,
// since a value may hide behind zero-width runes, and only then capped, since
// half a value would pass the mask.
func Untrusted(text string, limit int, mask func(string) string) string {
	if text == "" {
		return ""
	}
	return capped(mask(visible(mask(text))), limit)
}

// visible puts text on one line and leaves out controls, escapes, bidirectional
// and zero-width runes, and piles of combining marks.
func visible(text string) string {
	var b strings.Builder
	marks := 0
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		switch {
		case unicode.IsSpace(r) || unicode.In(r, unicode.Z) || r == '\u2800': // the last is a blank Braille cell
			b.WriteByte(' ')
			marks = 0
		case !unicode.IsPrint(r) || unicode.In(r, unicode.Me, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		case unicode.In(r, unicode.M):
			if marks++; marks <= 2 {
				b.WriteRune(r)
			}
		default:
			b.WriteRune(r)
			marks = 0
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// capped returns at most limit runes of text, the last one an ellipsis where
// some are missing.
func capped(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
