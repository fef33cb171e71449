package redact

import (
	"bytes"
	"strings"
	"testing"

	"scrim/internal/secret"
)

// TestStreamKeepsNoMoreThanAPattern: occurrences that overlap for ever are one
// interval, and its bytes must not be kept.
func TestStreamKeepsNoMoreThanAPattern(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	r.Learn(secret.Ref{}, secret.NewValue("ab12ab12ab12"))
	var out bytes.Buffer
	s := &stream{r: r, w: &out}
	for range 1000 {
		if _, err := s.write([]byte(strings.Repeat("ab12", 256))); err != nil {
			t.Fatal(err)
		}
		if len(s.held) > 128+unitReach || !strings.HasPrefix(unnamed, out.String()) { // the marker shows after a silence
			t.Fatalf("holds %d bytes, wrote %q", len(s.held), out.Bytes())
		}
	}
	if err := s.close(); err != nil || out.String() != unnamed {
		t.Errorf("%v, %q", err, out.String())
	}
}
