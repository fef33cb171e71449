package errand

import (
	"os"
	"sync"
	"time"
)

// maxRaw bounds what is kept of one stream while the command runs. It is far
// more than is ever shown, so that a value at its end need not be shown in part.
const maxRaw = 768 << 10

// Output is the beginning of what a command printed on one stream.
type Output struct {
	Raw  []byte
	More bool // it printed more than is kept
}

// ear hears one stream to its end, and keeps what it may.
type ear struct {
	from *os.File
	done chan struct{}

	mu     sync.Mutex
	output Output
}

func listen(from *os.File) *ear {
	e := &ear{from: from, done: make(chan struct{})}
	go e.hear()
	return e
}

func (e *ear) hear() {
	defer close(e.done)
	buffer := make([]byte, 64<<10)
	for {
		n, err := e.from.Read(buffer)
		e.keep(buffer[:n])
		if err != nil {
			return
		}
	}
}

func (e *ear) keep(piece []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	room := min(len(piece), maxRaw-len(e.output.Raw))
	e.output.Raw = append(e.output.Raw, piece[:room]...)
	e.output.More = e.output.More || room < len(piece)
}

// finish returns what was heard, once the stream has ended. Somebody whom the
// command gave it to, and who is none of its own, is not waited for.
func (e *ear) finish() Output {
	select {
	case <-e.done:
	case <-time.After(linger):
		_ = e.from.Close()
		<-e.done
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.output
}
