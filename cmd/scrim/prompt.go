package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// prompt is where a person is asked: the process's own terminal, wherever
// its streams lead. What is typed there is not shown.
type prompt struct {
	tty    *os.File
	before *term.State
}

// openPrompt opens the terminal and turns its echo off, until close.
func openPrompt() (*prompt, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the terminal: %w", err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err == nil {
		err = echoOff(int(tty.Fd()))
	}
	if err != nil {
		_ = tty.Close()
		return nil, fmt.Errorf("turn off the terminal's echo: %w", err)
	}
	return &prompt{tty, before}, nil
}

// close makes the terminal what it was.
func (p *prompt) close() {
	_ = term.Restore(int(p.tty.Fd()), p.before)
	_ = p.tty.Close()
}

// say shows text.
func (p *prompt) say(text string) { _, _ = io.WriteString(p.tty, text) }

// ask returns the line that is typed after question, without spaces around it.
// The end of ctx, such as Ctrl-C, ends it.
func (p *prompt) ask(ctx context.Context, question string) (string, error) {
	line, err := p.askLine(ctx, question)
	return strings.TrimSpace(string(line)), err
}

// askSecret is ask for what the caller overwrites after use: the line as it was
// typed, which must not be empty. The cursor is on the next line then.
func (p *prompt) askSecret(ctx context.Context, question string) ([]byte, error) {
	line, err := p.askLine(ctx, question)
	if err != nil {
		return nil, err
	}
	p.say("\n")
	if len(line) == 0 {
		return nil, errNothingTyped()
	}
	return line, nil
}

func errNothingTyped() error { return usageError("nothing was typed, and nothing was changed") }

// askLine returns the line that is typed after question.
func (p *prompt) askLine(ctx context.Context, question string) ([]byte, error) {
	p.say(question)
	type typed struct {
		line []byte
		err  error
	}
	answer := make(chan typed, 1)
	go func() { // a read cannot be interrupted; the process ends soon
		line, err := readLine(p.tty)
		answer <- typed{line, err}
	}()
	select {
	case a := <-answer:
		switch {
		case errors.Is(a.err, io.EOF):
			p.say("\n")
			return nil, errNothingTyped()
		case a.err != nil:
			return nil, fmt.Errorf("read from the terminal: %w", a.err)
		}
		return a.line, nil
	case <-ctx.Done():
		p.say("\n")
		return nil, errInterrupted
	}
}

// maxLine bounds a line that is typed. No credential is longer. A line of up to
// usualLine is never copied, so that its owner can overwrite it.
const (
	maxLine   = 8 << 10
	usualLine = 1 << 10
)

// readLine reads a line and nothing after it, and returns it without its end.
// term.ReadPassword is not used, since it does not heed Ctrl-D.
func readLine(r io.Reader) ([]byte, error) {
	line := make([]byte, 0, usualLine)
	var one [1]byte
	for {
		n, err := r.Read(one[:])
		switch {
		case n == 0 && err != nil && len(line) > 0:
			return line, nil
		case n == 0 && err != nil:
			return nil, err
		case n > 0 && one[0] == '\n':
			return line, nil
		case len(line) == maxLine:
			return nil, usageError("what was typed is too long")
		case n > 0:
			line = append(line, one[0])
		}
	}
}
