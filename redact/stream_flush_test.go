package redact_test

import (
	"bytes"
	"io"
	"testing"
)

// TestFlush: what is held back is there at once, masked, and the stream goes on.
func TestFlush(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	var out bytes.Buffer
	w := r.Stream(&out)
	flush := func(text, want string) {
		t.Helper()
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.(interface{ Flush() error }).Flush(); err != nil || out.String() != want {
			t.Errorf("%v, %q, want %q", err, out.String(), want)
		}
		out.Reset()
	}
	flush("begins "+plaintext[:3], "begins "+plaintext[:3])
	flush("whole "+plaintext, "whole [redacted:KEY]")
	flush("\n", "\n")
	flush("", "")
	if err := w.Close(); err != nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
	if err := w.(interface{ Flush() error }).Flush(); err == nil {
		t.Error("a closed stream flushes")
	}
}
