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
	if time.Since(p.begun) >= time.Second {
		p.put(fmt.Sprintf("%s: %d of %d", p.what, done, all))
	}
}

// waits says that the store asked to be left alone for so long.
func (p *progress) waits(d time.Duration) {
	if d < time.Second {
		return
	}
	p.put(fmt.Sprintf("%s: the store limits the rate, going on in %s", p.what, d.Round(time.Second)))
}

// put has text in the place of what stands there.
func (p *progress) put(text string) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
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
