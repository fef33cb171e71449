package redact

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"scrim/internal/secret"
)

// written returns c in one of the ways of writing that are undone.
func written(t *rapid.T, c byte) string {
	switch rapid.IntRange(0, 13).Draw(t, "way") {
	case 0:
		return fmt.Sprintf(`\u%04x`, c)
	case 1:
		return fmt.Sprintf("%%%02X", c)
	case 2:
		return fmt.Sprintf("&#%d;", c)
	case 3:
		return fmt.Sprintf(`\x%02x`, c)
	case 4:
		return fmt.Sprintf("\x1b[%dm%c", c%8, c)
	case 5:
		return fmt.Sprintf("\n   %c", c)
	case 6:
		return fmt.Sprintf("=\r\n%c", c)
	case 7:
		return fmt.Sprintf("%c\b%c", c, c)
	case 8:
		return fmt.Sprintf("%c\x00", c)
	case 9:
		return html.EscapeString(string(rune(c)))
	case 10:
		return fmt.Sprintf(`\n%c`, c)
	default:
		return string(rune(c))
	}
}

// drawWritten draws text, some of its bytes written in other ways, and that
// perhaps once more. White space is not written again: nothing encodes the
// spaces that a line is indented by and leaves the line's end.
func drawWritten(t *rapid.T, text string) string {
	for pass := range rapid.IntRange(1, 2).Draw(t, "times") {
		var b strings.Builder
		rare := rapid.IntRange(1, 12).Draw(t, "rare")
		for i := range len(text) {
			if rapid.IntRange(0, rare).Draw(t, "write") == 0 && text[i] < 0x80 && (pass == 0 || text[i] > ' ') {
				b.WriteString(written(t, text[i]))
			} else {
				b.WriteByte(text[i])
			}
		}
		text = b.String()
	}
	return text
}

// TestNearIsEverywhere: where the two signs of a value are, and nowhere else, is
// what there is to undo.
func TestNearIsEverywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := New(Options{})
		values := rapid.SliceOfN(rapid.OneOf(
			rapid.StringMatching(`[a-d1"\\%&;é ]{8,40}`),
			rapid.StringMatching(`[a-z0-9+/]{8,40}`),
			rapid.StringMatching(`[a-d]{5}[0-9]`),
			rapid.StringMatching(`https://u:[a-f0-9]{8,16}@h/`),
		), 1, 3).Draw(t, "values")
		for _, value := range values {
			r.Learn(secret.Ref{}, secret.NewValue(value))
		}
		var b strings.Builder
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			b.WriteString(rapid.StringMatching(`[ a-d1"\\%\n]{0,40}`).Draw(t, "around"))
			b.WriteString(drawWritten(t, rapid.SampledFrom(values).Draw(t, "value")))
		}
		text, k := []byte(b.String()), r.snapshot()
		var near, everywhere looker
		everywhere.everywhere = true
		found := union(k.sorted(&near, text))
		for _, want := range union(k.sorted(&everywhere, text)) {
			if !slices.ContainsFunc(found, func(s span) bool { return s.start < want.end && want.start < s.end }) {
				t.Fatalf("%q in %q: nothing found at %d to %d", values, text, want.start, want.end)
			}
		}
	})
}

// TestEncodedAgainAcross: what belongs to one character is undone even where
// a control sequence or character stands inside it.
func TestEncodedAgainAcross(t *testing.T) {
	t.Parallel()
	const value = " \"      é   éé"
	for _, text := range []string{" %\x0022      é   éé", " &#3\x1b[0m4;      é   éé", " \\u00\x0022      é   éé"} {
		r := New(Options{})
		r.Learn(secret.Ref{}, secret.NewValue("x"+value))
		if _, hits := r.Bytes(nil, []byte("x"+text)); len(hits) == 0 {
			t.Errorf("%q shows", text)
		}
	}
}

// TestLongRuns: a value shows as one however much else that is encoded, or only
// looks like it, stands before and behind it without a gap.
func TestLongRuns(t *testing.T) {
	t.Parallel()
	const value = "tab\tq'uo\"te-9911"
	r := New(Options{})
	r.Learn(secret.Ref{}, secret.NewValue(value))
	for _, unit := range []string{"\x0f", `\"`, `\n`, `\\`, `\u0001`, "%0A", "%22", "&quot;", "\x1b[0m", "a\r\n", "=\n", "_\b", `\"a\":1,`, "0f", "QUJD"} {
		for _, written := range []string{`tab\tq\'uo\"te-9911`, "tab%09q'uo%22te-9911", "tab&#9;q&#39;uo&quot;te-9911", "tab\tq'uo\x1b[1m\"te-9911", "tab\tq'uo\r\n\"te-9911"} {
			for _, run := range []int{3, 100, 3000} {
				around := strings.Repeat(unit, run)
				for _, text := range []string{around + " " + written + " " + around, around + "," + written, written + "," + around} {
					want, hits := r.Bytes(nil, []byte(text))
					if len(hits) == 0 {
						t.Errorf("%q shows beside %d of %q", written, run, unit)
					}
					if got := streamed(t, r, text, 1000); got != string(want) {
						t.Errorf("%q shows in a stream beside %d of %q", written, run, unit)
					}
				}
			}
		}
	}
}

// streamed returns what a stream makes of text in steps.
func streamed(t *testing.T, r *Redactor, text string, step int) string {
	t.Helper()
	var out bytes.Buffer
	w := r.Stream(&out)
	for from := 0; from < len(text); from += step {
		if _, err := io.WriteString(w, text[from:min(len(text), from+step)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
