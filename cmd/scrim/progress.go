package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// progress is a line on a terminal that says how far something is, once it has
// taken a second.
type progress struct {
	out   *os.File // nil: nobody looks
	what  string
	begun time.Time

	mu    sync.Mutex
	width int // of what stands there
}

func newProgress(c *cli, what string) *progress {
	out, _ := terminal(c.stderr)
	return &progress{out: out, what: what, begun: time.Now()}
}

// show says that so many of all are done.
func (p *progress) show(done, all int) {
	if p.out == nil || time.Since(p.begun) < time.Second {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf("%s: %d of %d", p.what, done, all)
	fmt.Fprintf(p.out, "\r%-*s", p.width, text)
	p.width = max(p.width, len(text))
}

// end takes the line away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width > 0 {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", p.width))
	}
}
