//go:build !unix

package child

import (
	"os"
	"os/signal"
)

// signals are interrupts: the console gives each to every process on it, so
// they are taken and left to the command.
type signals struct{ from chan os.Signal }

func catch() *signals {
	s := &signals{make(chan os.Signal, 8)}
	signal.Notify(s.from, os.Interrupt)
	return s
}

func (s *signals) release() { signal.Stop(s.from) }

func (s *signals) forward(_ *os.Process, _ func(), ended <-chan struct{}) { <-ended }
