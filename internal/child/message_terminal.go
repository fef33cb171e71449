//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package child

import (
	"encoding/binary"
	"io"
	"os"
)

// kind says what a message between this process and the leader is about.
type kind byte

// What the leader is told.
const (
	start     kind = iota + 1 // start the command
	goOn                      // let it go on, which was stopped
	toCommand                 // send the signal to it
	toGroup                   // send the signal to the foreground group of the terminal
	rawNow                    // the real terminal is in raw mode from here on
	goodbye                   // what it printed has been passed on
)

// What the leader tells.
const (
	ready   kind = iota + 100 // it knows what the real terminal is like
	failed                    // the command cannot be started: the error's number
	stopped                   // it was stopped: the signal
	ended                     // it has ended: its exit code
)

// message is one word between the two.
type message struct {
	kind  kind
	value int
}

const messageSize = 5

// send is one write, so that messages stay whole.
func send(to *os.File, k kind, value int) error {
	var b [messageSize]byte
	b[0] = byte(k)
	binary.BigEndian.PutUint32(b[1:], uint32(value)) //nolint:gosec // G115: signals, exit codes and error numbers
	_, err := to.Write(b[:])
	return err
}

// receive gives every message that comes, until the other end is closed.
func receive(from *os.File) <-chan message {
	messages := make(chan message)
	go func() {
		defer close(messages)
		var b [messageSize]byte
		for {
			if _, err := io.ReadFull(from, b[:]); err != nil {
				return
			}
			messages <- message{kind(b[0]), int(binary.BigEndian.Uint32(b[1:]))}
		}
	}()
	return messages
}
