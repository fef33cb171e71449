package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// teeMode is the argument that turns the test binary into the recorder.
const teeMode = "tee"

// teeConfig is what the recorder reads from its file. It is a file and not
// arguments or variables, since clients pass neither on faithfully.
type teeConfig struct {
	Addr string   // of the recording that takes the copies
	Argv []string // the real command
	Env  []string // its whole environment
	Dir  string   // its working directory
}

// tee runs the command in file between the client and itself, and sends a copy
// of each stream to the recording. Its exit code is the command's.
func tee(file string) int {
	signal.Ignore(syscall.SIGPIPE) // a client that is gone must not end the recording
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	code, err := teeCommand(file, signals)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tee:", err)
		return 125
	}
	return code
}

func teeCommand(file string, signals <-chan os.Signal) (int, error) {
	var c teeConfig
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return 0, err
	}
	copies, err := dialCopies(c.Addr, "stdin", "stdout", "stderr")
	if err != nil {
		return 0, err
	}
	defer closeAll(copies)

	cmd := exec.Command(c.Argv[0], c.Argv[1:]...) //nolint:noctx // running the server is the job; the client ends it
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdout = keeping{copies["stdout"], os.Stdout}
	cmd.Stderr = keeping{copies["stderr"], os.Stderr}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		_, _ = io.Copy(stdin, io.TeeReader(os.Stdin, copies["stdin"]))
		_ = stdin.Close()
	}()
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()

	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

func dialCopies(addr string, streams ...string) (map[string]net.Conn, error) {
	copies := make(map[string]net.Conn)
	for _, stream := range streams {
		conn, err := net.Dial("tcp", addr) //nolint:noctx // loopback
		if err != nil {
			closeAll(copies)
			return nil, err
		}
		copies[stream] = conn
		if _, err := fmt.Fprintf(conn, "%s %d\n", stream, os.Getpid()); err != nil {
			closeAll(copies)
			return nil, err
		}
	}
	return copies, nil
}

func closeAll(conns map[string]net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

// keeping writes to a recording first and then on to a client, and goes on
// recording when the client is gone.
type keeping struct{ record, client io.Writer }

func (k keeping) Write(p []byte) (int, error) {
	if n, err := k.record.Write(p); err != nil {
		return n, err
	}
	_, _ = k.client.Write(p)
	return len(p), nil
}

// transcript is all that one server process read and wrote.
type transcript struct{ stdin, stdout, stderr []byte }

// String returns the transcript for a failure's log, long lines cut.
func (s transcript) String() string {
	var b strings.Builder
	for _, stream := range []struct {
		did  string
		text []byte
	}{{"read", s.stdin}, {"wrote", s.stdout}, {"logged", s.stderr}} {
		fmt.Fprintf(&b, "%s:\n", stream.did)
		for line := range bytes.Lines(stream.text) {
			fmt.Fprintf(&b, "  %.1200s\n", bytes.TrimSpace(line))
		}
	}
	return b.String()
}

// recording collects the transcripts of the servers that a client starts.
type recording struct {
	addr   string
	copies sync.WaitGroup
	ended  chan struct{}

	mu      sync.Mutex
	servers map[string]map[string]*bytes.Buffer // process, stream
}

// record starts a recording that ends with the test.
func record(t *testing.T) *recording {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &recording{
		addr:    l.Addr().String(),
		ended:   make(chan struct{}),
		servers: make(map[string]map[string]*bytes.Buffer),
	}
	go r.accept(l)
	return r
}

// accept takes the copies until the connection of end. The queue is in order,
// so by then it has taken those of every server that was started before.
func (r *recording) accept(l net.Listener) {
	defer close(r.ended)
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		in := bufio.NewReader(conn)
		head, _ := in.ReadString('\n')
		stream, process, _ := strings.Cut(strings.TrimSpace(head), " ")
		if stream == "end" {
			_ = conn.Close()
			return
		}
		buf := r.buffer(process, stream)
		r.copies.Go(func() {
			_, _ = io.Copy(buf, in)
			_ = conn.Close()
		})
	}
}

func (r *recording) buffer(process, stream string) *bytes.Buffer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.servers[process] == nil {
		r.servers[process] = map[string]*bytes.Buffer{"stdin": {}, "stdout": {}, "stderr": {}}
	}
	return r.servers[process][stream]
}

// command returns the command line that runs argv under the recording.
func (r *recording) command(t *testing.T, argv, env []string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b, err := json.Marshal(teeConfig{Addr: r.addr, Argv: argv, Env: env, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tee.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{self, teeMode, file}
}

// end waits until every server that was started has ended, and returns their
// transcripts. Nothing can be recorded afterwards.
func (r *recording) end(t *testing.T) []transcript {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr) //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "end 0\n"); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	r.copies.Wait()

	var all []transcript
	for _, s := range r.servers {
		all = append(all, transcript{s["stdin"].Bytes(), s["stdout"].Bytes(), s["stderr"].Bytes()})
	}
	return all
}
