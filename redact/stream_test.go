package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/secret"
)

func TestStreamHoldsBackOnlyWhatCouldBeAValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := learned(t, map[string]string{
			"KEY": "sk_made_up_0123456789", "LINES": "line-one-AAAA11\nline-two-BBBB22", "TOKEN": "hunt3r",
			"SITE": "https://user:0123456789@site.example/path",
		})
		steps := []struct{ in, atOnce, later string }{
			{"nothing at all.\n", "nothing at all.\n", ""},
			{"$ ", "$ ", ""},
			{"[y/N] ", "[y/N] ", ""},
			{"a word", "a ", "word"}, // base64 may begin in it
			{"open https://", "open ", "https://"},
			{"user:0123\n", "", ""}, // the line may be broken, and the value go on
			{"a prefix: sk_ma", "user:0123\na prefix: ", "sk_ma"},
			{"de_", "", ""},
			{"down.\n", "de_down.\n", ""},
			{"x sk_made_up_01234567", "x ", ""},
			{"89 y ", "[redacted:KEY] y ", ""},
			{"sk_made_up_0123456789", "", "[redacted:KEY]"},
			{" line-one-AAAA11\n", " ", ""},
			{"other.\n", "[redacted:LINES]\nother.\n", ""},
			{"line-one-AAAA11\nline-two-BB", "", ""},
			{"BB22\n", "[redacted:LINES]\n", ""},
			{"hunt3r", "", ""},
			{"s hunt3r", "hunt3rs ", ""},
			{".", "[redacted:TOKEN].", ""},
			{"sk_made_up_0", "", ""},
		}
		var out screen
		w := r.Stream(&out)
		for _, step := range steps {
			out.take()
			if n, err := io.WriteString(w, step.in); n != len(step.in) || err != nil {
				t.Fatal(n, err)
			}
			atOnce := out.take()
			time.Sleep(50 * time.Millisecond) // in the bubble it takes no time
			synctest.Wait()
			if later := out.take(); atOnce != step.atOnce || later != step.later {
				t.Errorf("after %q: %q, and %q after a silence; want %q and %q", step.in, atOnce, later, step.atOnce, step.later)
			}
		}
		for _, want := range []string{"sk_made_up_0", ""} {
			if err, shown := w.Close(), out.take(); err != nil || shown != want {
				t.Errorf("at the end: %v, %q", err, shown)
			}
		}
		if _, err := io.WriteString(w, "more"); err == nil {
			t.Error("a closed stream takes more")
		}
	})
}

// screen is what a stream has shown since somebody looked.
type screen struct {
	mu    sync.Mutex
	shown []byte
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = append(s.shown, p...)
	return len(p), nil
}

func (s *screen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := string(s.shown)
	s.shown = nil
	return shown
}

// TestSlowValueNeverShows prints values byte by byte with silences between:
// at most a quarter of one shows, and twelve bytes of it.
func TestSlowValueNeverShows(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"sk_demo_9aZ3kQ7xV2mN8pR4", "tok-5566", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"aaaaaaaaab", "abababababababab", "line-one-AAAA11\nline-two-BBBB22", "p\u00e4ssw\u00f6rd-\u00e9-9", "hunt3r",
	} {
		for name, written := range map[string]string{
			"plain": value, "base64": base64.StdEncoding.EncodeToString([]byte(value)), "hex": hex.EncodeToString([]byte(value)),
			"json": strconv.QuoteToASCII(value), "percent": url.QueryEscape(value),
			"coloured": strings.Join(strings.Split(value, ""), "\x1b[31m"),
		} {
			synctest.Test(t, func(t *testing.T) {
				r := learned(t, map[string]string{"A": value})
				var out bytes.Buffer
				w := r.Stream(&out)
				for i := range len(written) {
					if _, err := io.WriteString(w, written[i:i+1]); err != nil {
						t.Fatal(err)
					}
					time.Sleep(100 * time.Millisecond) // in the bubble it takes no time
					synctest.Wait()
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				shown, _, masked := strings.Cut(out.String(), "[redacted:A]")
				limit := min(len(written)/4, 12*len(written)/len(value)) + len(written)/len(value)
				if name == "plain" {
					limit = min(len(value)/4, 12)
				}
				if !masked || len(shown) > limit {
					t.Errorf("%s as %s: %q", value, name, out.String())
				}
			})
		}
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
	if err := w.Close(); err != nil || !strings.HasSuffix(out.String(), " [redacted:NEW]") {
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
