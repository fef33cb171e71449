package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// person answers a question that is on the screen: yes, no, or not at all.
type person func(ctx context.Context) (yes bool, err error)

// person returns who answers the question: somebody at the terminal, or nobody,
// and then the demo itself.
func (d *DemoCmd) person(c *cli, out io.Writer) person {
	in, isFile := c.stdin.(*os.File)
	switch {
	case d.Yes:
		return played(out, "--yes, so the demo plays the person")
	case !isFile || !isTerminal(in):
		return played(out, "no terminal here, so the demo plays the person")
	default:
		return typing(in, out)
	}
}

// played is a person who says yes.
func played(out io.Writer, why string) person {
	return func(context.Context) (bool, error) {
		_, err := fmt.Fprintf(out, "  approve? [y/N] y   (%s)\n", why)
		return err == nil, err
	}
}

// typing is a person who types a line of in. Nobody can end a read from a
// terminal, so one that ctx cut off goes on until the process ends.
func typing(in io.Reader, out io.Writer) person {
	return func(ctx context.Context) (bool, error) {
		if _, err := fmt.Fprint(out, "  approve? [y/N] "); err != nil {
			return false, err
		}
		typed := make(chan string, 1)
		go func() {
			line, _ := bufio.NewReader(in).ReadString('\n') // no line is no yes
			typed <- line
		}()
		select {
		case <-ctx.Done():
			_, _ = fmt.Fprintln(out)
			return false, fmt.Errorf("wait for an answer: %w", ctx.Err())
		case line := <-typed:
			if !strings.HasSuffix(line, "\n") {
				_, _ = fmt.Fprintln(out)
			}
			return strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y"), nil
		}
	}
}
