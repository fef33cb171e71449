package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

func TestTyping(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{"y\n": true, " Yes\n": true, "n\n": false, "\n": false, "": false, "okay\n": false} {
		var out strings.Builder
		yes, err := typing(strings.NewReader(line), &out)(t.Context())
		if err != nil || yes != want {
			t.Errorf("%q: %v, %v", line, yes, err)
		}
		if ended := strings.HasSuffix(out.String(), "\n"); ended != (line == "") {
			t.Errorf("%q: the screen has %q", line, out.String())
		}
	}
}

// TestTypingEndsOnAnInterrupt has a person who never types anything.
func TestTypingEndsOnAnInterrupt(t *testing.T) {
	t.Parallel()
	in, keyboard := io.Pipe()
	defer func() { _ = keyboard.Close() }()
	ctx, interrupt := context.WithCancel(t.Context())
	screen := asking{asked: make(chan struct{})}
	go func() {
		<-screen.asked
		interrupt()
	}()
	yes, err := typing(in, &screen)(ctx)
	if yes || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", yes, err)
	}
}

// asking is a screen that tells when the question is on it.
type asking struct {
	strings.Builder
	asked chan struct{}
}

func (a *asking) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "approve?") {
		close(a.asked)
	}
	return a.Builder.Write(p)
}

func TestScreenKeepsTheFirstError(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	_ = r.CloseWithError(syscall.EPIPE)
	s := &screen{w: w}
	for range 2 {
		if _, err := io.WriteString(s, "x"); !errors.Is(err, syscall.EPIPE) || !errors.Is(s.err, syscall.EPIPE) {
			t.Errorf("%v, kept %v", err, s.err)
		}
	}
	if yes, err := played(s, "why")(t.Context()); yes || err == nil {
		t.Errorf("a question that nobody saw was answered: %v, %v", yes, err)
	}
}
