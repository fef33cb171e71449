package redact_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"scrim/internal/secret"
)

func TestStreamHoldsBackOnlyWhatCouldBeAValue(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": "sk_made_up_0123456789", "LINES": "line-one-AAAA11\nline-two-BBBB22", "TOKEN": "hunt3r"})
	steps := []struct{ in, want string }{
		{"nothing special\n", "nothing special\n"},
		{"a prefix: sk_made_", "a prefix: "},
		{"down\n", "sk_made_down\n"},
		{"x sk_made_up_01234567", "x "},
		{"89 y", "[redacted:KEY] y"},
		{" line-one-AAAA11\n", " "},
		{"other\n", "[redacted:LINES]\nother\n"},
		{"line-one-AAAA11\nline-two-BB", ""},
		{"BB22\n", "[redacted:LINES]\n"},
		{"hunt3r", ""},
		{"s hunt3r", "hunt3rs "},
		{"\n", "[redacted:TOKEN]\n"},
		{"sk_made_up_0", ""},
	}
	var out bytes.Buffer
	w := r.Stream(&out)
	for _, step := range steps {
		out.Reset()
		if n, err := io.WriteString(w, step.in); n != len(step.in) || err != nil {
			t.Fatal(n, err)
		}
		if out.String() != step.want {
			t.Errorf("after %q: got %q, want %q", step.in, out.String(), step.want)
		}
	}
	out.Reset()
	for range 2 {
		if err := w.Close(); err != nil || out.String() != "sk_made_up_0" {
			t.Errorf("at the end: %v, %q", err, out.String())
		}
	}
	if _, err := io.WriteString(w, "more"); err == nil {
		t.Error("a closed stream takes more")
	}
}

func TestStreamTellsTokensApartAcrossWrites(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"TOKEN": "hunt3r"})
	text := "xhunt3r hunt3r hunt3rs .hunt3r.hunt3r"
	want := "xhunt3r [redacted:TOKEN] hunt3rs .[redacted:TOKEN].[redacted:TOKEN]"
	for i := range len(text) {
		for j := i; j < len(text); j++ {
			var out bytes.Buffer
			if err := writeCut(r.Stream(&out), []byte(text), []int{i, j}); err != nil || out.String() != want {
				t.Fatalf("cut at %d and %d: %v, %q", i, j, err, out.String())
			}
		}
	}
}

func TestStreamKnowsWhatIsLearnedOnTheWay(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": "sk_made_up_0123456789"})
	var out bytes.Buffer
	w := r.Stream(&out)
	for _, part := range []string{"sk_made_up_new-value-", "7788 sk_made_", "up_new-value-7788"} {
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
		r.Learn(ref(t, "NEW"), secret.NewValue("sk_made_up_new-value-7788"))
	}
	if err := w.Close(); err != nil || !strings.HasSuffix(out.String(), "7788 [redacted:NEW]") {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestStreamFromManyGoroutines(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	var out writes
	w := r.Stream(&out)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 50 {
				if _, err := fmt.Fprintf(w, "line %d %d: %s\n", g, i, plaintext); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	text := strings.Join(out.all, "")
	if strings.Contains(text, plaintext) || strings.Count(text, ": [redacted:KEY]\n") != 400 {
		t.Errorf("%.300q", text)
	}
}
