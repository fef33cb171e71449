package scan_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scrim/internal/rules"
	"scrim/internal/scan"
	"scrim/internal/secret"
	"scrim/redact"
)

// The values in these tests, made up.
const (
	first  = "made-up-first-4711-value"
	second = "made-up-second-0815-value"
)

// token is made up, and of the form of a provider's. No file of ours holds it.
func token() string { return "gh" + "p_" + "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R" }

func scanner(t testing.TB, values map[string]string) scan.Scanner {
	t.Helper()
	redactor := redact.New(redact.Options{})
	for name, value := range values {
		ref, err := secret.ParseRef("prod", "/alpha", name)
		if err != nil {
			t.Fatal(err)
		}
		redactor.Learn(ref, secret.NewValue(value))
	}
	return scan.Scanner{Redactor: redactor, Rules: rules.New()}
}

func known(t testing.TB) scan.Scanner {
	return scanner(t, map[string]string{"FIRST": first, "SECOND": second, "PIN": "771234"})
}

// streamed returns what a stream holds, as "line: names encoding".
func streamed(t testing.TB, s scan.Scanner, r io.Reader) []string {
	t.Helper()
	var found []string
	if err := s.StreamSmall(context.Background(), "", r, func(at scan.Located) { found = append(found, located(at)) }); err != nil {
		t.Fatal(err)
	}
	return found
}

func located(at scan.Located) string {
	return fmt.Sprintf("%d: %s %s", at.Line, strings.Join(at.Names(), "+"), at.Encoding)
}

func TestText(t *testing.T) {
	t.Parallel()
	s := scanner(t, map[string]string{"FIRST": first, "TOKEN": token(), "SAME": "made-up-same-2342-value", "AS": "made-up-same-2342-value"})
	text := []byte("a " + first + " b made-up-same-2342-value c\ntoken = '" + token() + "'\nother = gh" + "p_" + strings.Repeat("Zx9", 12) + "\n")
	spots, err := s.Text(t.Context(), "", text)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, spot := range spots {
		names = append(names, strings.Join(spot.Names(), "+"))
	}
	if diff := cmp.Diff([]string{"FIRST", "AS+SAME", "TOKEN"}, names); diff != "" { // the last is not random
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := "a [redacted:FIRST] b [redacted] c\ntoken = '[redacted:TOKEN]'\nother = gh" + "p_" + strings.Repeat("Zx9", 12) + "\n"
	if got := string(scan.Mask(text, spots)); got != want {
		t.Errorf("masked:\n%s", got)
	}
}

func TestWithoutARedactorOnlyPatterns(t *testing.T) {
	t.Parallel()
	spots, err := scan.Scanner{Rules: rules.New()}.Text(t.Context(), "", []byte(first+" "+token()+"\n"))
	if err != nil || len(spots) != 1 || spots[0].Names()[0] != "gitleaks:github-pat" {
		t.Errorf("got %+v, %v", spots, err)
	}
}

// TestStreamAcrossWindows puts a value at each place around the borders of
// windows, plain and encoded, and expects it once, on its line.
func TestStreamAcrossWindows(t *testing.T) {
	t.Parallel()
	s := known(t)
	line := strings.Repeat("x", 63) + "\n"
	filler := []byte(strings.Repeat(line, 3*scan.Core/len(line)))
	for _, value := range []string{first, base64.StdEncoding.EncodeToString([]byte("x" + first)), " 771234 ", " " + token() + " "} {
		for _, border := range []int{scan.Core - scan.Before, scan.Core, scan.Core + scan.Before, scan.Core + scan.After, scan.Core + scan.Before + scan.After, 2 * scan.Core} {
			for shift := -len(value) - 2; shift <= 2; shift++ {
				text := bytes.Clone(filler)
				at := border + shift
				copy(text[at:], value)
				got := streamed(t, s, bytes.NewReader(text))
				want := bytes.Count(text[:at+strings.IndexFunc(value, func(r rune) bool { return r != ' ' })], []byte("\n")) + 1
				if len(got) != 1 || !strings.HasPrefix(got[0], fmt.Sprintf("%d: ", want)) {
					t.Errorf("%.8s… at %d%+d: %v, not on line %d", value, border, shift, got, want)
				}
			}
		}
	}
}

// TestStreamIsText compares a stream of several windows with the whole text.
func TestStreamIsText(t *testing.T) {
	t.Parallel()
	s := known(t)
	pieces := []string{first, second, "771234", "0771234", token(), base64.StdEncoding.EncodeToString([]byte(second)), "\n", " ", "\x00\xff", "api_key = '"}
	rapid.Check(t, func(t *rapid.T) {
		var b bytes.Buffer
		for b.Len() < 3*scan.Core {
			b.WriteString(strings.Repeat("filler words\n", rapid.IntRange(0, 100).Draw(t, "filler")))
			b.WriteString(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "pieces"), rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "between")))
		}
		spots, err := s.Text(context.Background(), "", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, spot := range spots {
			want = append(want, located(scan.Located{Spot: spot, Line: bytes.Count(b.Bytes()[:spot.Start], []byte("\n")) + 1}))
		}
		if err := s.StreamSmall(context.Background(), "", iotest.HalfReader(bytes.NewReader(b.Bytes())), func(at scan.Located) {
			got = append(got, located(at))
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-text +stream):\n%s", diff)
		}
	})
}

// TestOverlapsAreOne streams a value that overlaps itself for longer than any
// window: one interval, as for a whole text.
func TestOverlapsAreOne(t *testing.T) {
	t.Parallel()
	s := scanner(t, map[string]string{"WAVE": "abXabXabXabX"})
	got := streamed(t, s, strings.NewReader(strings.Repeat("abX", 8<<10)+" end"))
	if diff := cmp.Diff([]string{"1: WAVE plain"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStreamByName(t *testing.T) {
	t.Parallel()
	var rules []string
	err := known(t).Stream(t.Context(), "keys/store.p12", strings.NewReader(""), func(at scan.Located) { rules = append(rules, at.Rule) })
	if diff := cmp.Diff([]string{"pkcs12-file"}, rules); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestStreamReportsErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if err := known(t).Stream(t.Context(), "f", iotest.ErrReader(broken), func(scan.Located) {}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// FuzzMask masks any spots: nothing of them is left, and all else is.
func FuzzMask(f *testing.F) {
	f.Add([]byte("0123456789"), []byte{1, 3, 2, 4, 7, 9, 7, 8})
	f.Add([]byte("abc"), []byte{0, 0, 3, 3, 0, 3})
	f.Fuzz(func(t *testing.T, text, places []byte) {
		for i := range text {
			text[i] = 'x' // so that a marker is told from the text
		}
		hidden := make([]bool, len(text))
		var spots []scan.Spot
		for pair := range slices.Chunk(places, 2) {
			if len(pair) == 2 && pair[0] <= pair[1] && int(pair[1]) <= len(text) {
				spots = append(spots, scan.Spot{Start: int(pair[0]), End: int(pair[1]), Kind: scan.Pattern, Rule: "r"})
				for i := pair[0]; i < pair[1]; i++ {
					hidden[i] = true
				}
			}
		}
		slices.SortStableFunc(spots, func(a, b scan.Spot) int {
			if a.Start != b.Start {
				return a.Start - b.Start
			}
			return b.End - a.End
		})
		masked := string(scan.Mask(text, spots))
		left := 0
		for _, h := range hidden {
			if !h {
				left++
			}
		}
		if got := strings.Count(masked, "x"); got != left {
			t.Fatalf("%d bytes are left of %d: %q for %v", got, left, masked, spots)
		}
		if len(spots) == 0 && masked != string(text) {
			t.Fatalf("%q", masked)
		}
	})
}
