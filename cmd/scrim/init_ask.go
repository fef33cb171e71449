package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// questions are put to whoever sits at the terminal, one line each.
type questions struct {
	c       *cli
	in      *bufio.Reader
	onTerm  bool
	refused bool // an answer did not come
}

func newQuestions(c *cli) *questions {
	f, isFile := c.stdin.(*os.File)
	return &questions{c: c, in: bufio.NewReader(c.stdin), onTerm: isFile && isTerminal(f)}
}

// possible reports whether somebody is there to answer.
func (q *questions) possible() bool { return q.onTerm }

// yes asks for a yes or a no. No answer is a no.
func (q *questions) yes(question string) (bool, error) {
	answer, err := q.line(question + " [y/N] ")
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}

// text asks for a text until check has nothing against it. An empty answer is
// otherwise.
func (q *questions) text(question, otherwise string, check func(string) error) (string, error) {
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	for {
		answer, err := q.line(question + ": ")
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = otherwise
		}
		err = check(answer)
		if err == nil {
			return answer, nil
		}
		fmt.Fprint(q.c.stderr, wrapped(err.Error()))
		if q.refused {
			return "", errNotApproved // the terminal has gone, and would be asked for ever
		}
	}
}

// line shows a question and returns the line that somebody types. Nobody can
// end a read from a terminal, so one that an interrupt cut off goes on until
// the process ends.
func (q *questions) line(question string) (string, error) {
	fmt.Fprint(q.c.stderr, question)
	typed := make(chan string, 1)
	go func() {
		line, _ := q.in.ReadString('\n') // no line is no answer
		typed <- line
	}()
	select {
	case <-q.c.ctx.Done():
		fmt.Fprintln(q.c.stderr)
		return "", errInterrupted
	case line := <-typed:
		if q.refused = !strings.HasSuffix(line, "\n"); q.refused {
			fmt.Fprintln(q.c.stderr)
		}
		return strings.TrimSpace(line), nil
	}
}
