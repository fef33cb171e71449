package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds a whole conversation, so that a server that hangs fails its
// test with what it had said.
const patience = 45 * time.Second

// The protocol versions that tests speak: the era of per-request metadata and
// the one before.
const (
	modern = "2026-07-28"
	legacy = "2025-11-25"
)

// canAsk are the capabilities of a client that shows forms.
var canAsk = map[string]any{"elicitation": map[string]any{}}

// lockedBuffer is what a running program has written so far.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wire is a client that is as plain as can be: lines to a server and lines
// from it.
type wire struct {
	t       *testing.T
	rig     rig
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	frames  chan frame
	backlog []frame                       // read, but not yet awaited
	hold    atomic.Pointer[chan struct{}] // while it is open nothing more is read

	version      string
	capabilities map[string]any
	lastID       int

	sent, received bytes.Buffer // received belongs to the reader until frames is closed
	logged         lockedBuffer
}

// dial starts the server of r without a word to it.
func dial(t *testing.T, r rig) *wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(r.patience, patience))
	t.Cleanup(cancel)

	w := &wire{t: t, rig: r, frames: make(chan frame, 1024)}
	w.cmd = exec.Command(r.argv[0], r.argv[1:]...) //nolint:noctx // the binary under test; ended below
	w.cmd.Env, w.cmd.Dir = r.env, r.home
	w.cmd.Stderr, w.cmd.WaitDelay = &w.logged, 5*time.Second
	if r.prepare != nil {
		r.prepare(w.cmd)
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() {
		_ = w.stdin.Close()
		_ = w.cmd.Process.Kill()
		_ = stdout.Close()
	})
	go w.receive(stdout)
	return w
}

// open starts the server of r and greets it in the manner of version.
func open(t *testing.T, r rig, version string, capabilities map[string]any) *wire {
	t.Helper()
	w := dial(t, r)
	w.greet(version, capabilities)
	return w
}

func (w *wire) receive(stdout io.Reader) {
	defer close(w.frames)
	in := bufio.NewReader(stdout)
	for {
		if hold := w.hold.Load(); hold != nil {
			<-*hold
		}
		line, err := in.ReadBytes('\n')
		w.received.Write(line)
		if f, bad := parseFrame(line); bad == nil {
			w.frames <- f // what does not parse fails the check at the end
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) greet(version string, capabilities map[string]any) {
	w.t.Helper()
	if capabilities == nil {
		capabilities = map[string]any{}
	}
	w.version, w.capabilities = version, capabilities
	if version == modern {
		w.reply(w.request("server/discover", map[string]any{}))
		return
	}
	w.reply(w.request("initialize", map[string]any{
		"protocolVersion": version,
		"capabilities":    capabilities,
		"clientInfo":      clientInfo,
	}))
	w.notify("notifications/initialized", map[string]any{})
}

var clientInfo = map[string]any{"name": "wire", "version": "1"}

// line writes text and the end of a line.
func (w *wire) line(text string) {
	w.t.Helper()
	w.sent.WriteString(text[:min(len(text), 2000)] + "\n")
	if _, err := io.WriteString(w.stdin, text+"\n"); err != nil {
		w.fatalf("write: %v", err)
	}
}

// requestAs sends a request under an id as it is to be written.
func (w *wire) requestAs(id, method string, params map[string]any) {
	w.t.Helper()
	w.line(w.encode(id, method, params))
}

// request sends a request and returns the id that it chose.
func (w *wire) request(method string, params map[string]any) string {
	w.t.Helper()
	w.lastID++
	id := strconv.Itoa(w.lastID)
	w.requestAs(id, method, params)
	return id
}

func (w *wire) notify(method string, params map[string]any) {
	w.t.Helper()
	w.line(w.encode("", method, params))
}

// encode returns a message in the manner of the version: since 2026-07-28
// every request says what client it is from.
func (w *wire) encode(id, method string, params map[string]any) string {
	w.t.Helper()
	if w.version == modern && id != "" {
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    modern,
			"io.modelcontextprotocol/clientInfo":         clientInfo,
			"io.modelcontextprotocol/clientCapabilities": w.capabilities,
		}
	}
	message := map[string]any{"jsonrpc": "2.0", "method": method, "params": params}
	if id != "" {
		message["id"] = json.RawMessage(id)
	}
	b, err := json.Marshal(message)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// await returns the first frame that match accepts, of those that arrived and
// those still to come, and keeps the others.
func (w *wire) await(what string, match func(frame) bool) frame {
	w.t.Helper()
	if i := slices.IndexFunc(w.backlog, match); i >= 0 {
		f := w.backlog[i]
		w.backlog = slices.Delete(w.backlog, i, i+1)
		return f
	}
	for f := range w.frames {
		if match(f) {
			return f
		}
		w.backlog = append(w.backlog, f)
	}
	w.fatalf("the server ended before %s", what)
	return frame{}
}

// reply returns the reply to the request with this id.
func (w *wire) reply(id string) frame {
	w.t.Helper()
	return w.await("the reply to "+id, func(f frame) bool { return f.answers(id) })
}

// arrived reports whether a reply to id is among the frames read so far.
func (w *wire) arrived(id string) bool {
	return slices.ContainsFunc(w.backlog, func(f frame) bool { return f.answers(id) })
}

// start calls a tool and returns the request's id.
func (w *wire) start(name string, args map[string]any) string {
	w.t.Helper()
	return w.request("tools/call", map[string]any{"name": name, "arguments": args})
}

// call calls a tool and returns its result.
func (w *wire) call(name string, args map[string]any) toolResult {
	w.t.Helper()
	return w.reply(w.start(name, args)).tool(w.t)
}

func (w *wire) find(name string) toolResult {
	w.t.Helper()
	return w.call("find_secret", map[string]any{"name": name})
}

// end closes the input, waits for the server to finish by itself, and makes
// the checks that every conversation ends with. It returns the last frames.
func (w *wire) end(approved disclosure) []frame {
	w.t.Helper()
	_ = w.stdin.Close()
	rest := w.drain()
	if err := w.cmd.Wait(); err != nil {
		w.t.Errorf("at the end of its input the server ends with %v", err)
	}
	w.check(approved)
	return rest
}

// drain reads until the server closes its output.
func (w *wire) drain() []frame {
	rest := w.backlog
	for f := range w.frames {
		rest = append(rest, f)
	}
	w.backlog = nil
	return rest
}

// check is for a server that has ended.
func (w *wire) check(approved disclosure) {
	w.t.Helper()
	w.rig.check(w.t, approved, w.transcript())
}

func (w *wire) transcript() transcript {
	return transcript{w.sent.Bytes(), w.received.Bytes(), []byte(w.logged.String())}
}

func (w *wire) fatalf(format string, args ...any) {
	w.t.Helper()
	_ = w.stdin.Close()
	_ = w.cmd.Process.Kill()
	w.drain()
	_ = w.cmd.Wait()
	w.t.Fatalf("%s\nthe server %v", fmt.Sprintf(format, args...), w.transcript())
}
