// Command bench measures scrim side by side with a bare echo server, in one
// run: start to the reply to `initialize`, a tool's round trip, and resident
// memory. It judges nothing.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"scrim/internal/devstore"
)

const (
	starts = 40   // processes of each kind, in turn
	warmUp = 200  // calls before the counted ones
	trips  = 3000 // counted calls, in blocks that take turns
	block  = 300
)

func main() {
	only := flag.String("only", "", "measure only launch (scrim run), or audit")
	flag.Parse()
	if err := run(os.Stdout, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// subject is a server under measurement.
type subject struct {
	name string
	path string
	args []string
	env  []string
	call string // the params of the tools/call that is timed

	start, trip []time.Duration
	memory      int // KiB
}

func run(out io.Writer, only string) error {
	dir, err := os.MkdirTemp("", "scrim-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, program := range []string{"./cmd/scrim", "./internal/bench/echo", "./internal/bench/echosdk"} {
		build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", dir, program) //nolint:gosec // G204: our own programs
		build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr                         // as make build does
		if err := build.Run(); err != nil {
			return fmt.Errorf("build %s: %w", program, err)
		}
	}
	switch only {
	case "launch":
		return measureLaunches(out, dir)
	case "audit":
		return measureAudits(out, dir)
	case "":
	default:
		return fmt.Errorf("-only %s: there is launch, and audit", only)
	}
	ten, stopTen, err := world(10)
	if err != nil {
		return err
	}
	defer stopTen()
	thousand, stopThousand, err := world(1000)
	if err != nil {
		return err
	}
	defer stopThousand()
	home := "HOME=" + dir
	down := append(slices.Clone(ten), "INFISICAL_API_URL=http://127.0.0.1:9", home)
	const echo, list = `{"name":"echo","arguments":{"text":"hello"}}`, `{"name":"list_secrets","arguments":{}}`
	subjects := []*subject{
		{name: "echo (mcp-go)", path: filepath.Join(dir, "echo"), call: echo},
		{name: "echo with the SDK", path: filepath.Join(dir, "echosdk"), call: echo},
		{name: "scrim, 10 names", path: filepath.Join(dir, "scrim"), args: []string{"serve"}, env: append(ten, home), call: list},
		{name: "scrim, 1,000 secrets", path: filepath.Join(dir, "scrim"), args: []string{"serve"}, env: append(thousand, home), call: `{"name":"list_secrets","arguments":{"match":"NAME_1?"}}`},
		{name: "scrim, store down", path: filepath.Join(dir, "scrim"), args: []string{"serve"}, env: down, call: `{"name":"get_vault_secret","arguments":{}}`},
	}
	if err := measureStarts(subjects); err != nil {
		return err
	}
	if err := measureTrips(subjects); err != nil {
		return err
	}
	if err := table(out, subjects); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if err := measureLaunches(out, dir); err != nil {
		return err
	}
	return measureAudits(out, dir)
}

// world returns the environment of a scrim whose scope has this many secrets.
func world(secrets int) (environment []string, stop func(), err error) {
	names := map[string]string{}
	for i := range secrets {
		names["NAME_"+strconv.Itoa(i)] = fmt.Sprintf("made-up-value-%032x", i*7919)
	}
	seed := devstore.Seed{Environments: map[string]map[string]map[string]string{"prod": {"/alpha": names, "/alpha/vault": {}, "/shared": {}}}}
	held := devstore.New(devstore.Options{Seed: seed})
	id, key := held.AddIdentity(devstore.Identity{Name: "bench", Rules: devstore.MayRead()})
	served, err := devstore.Serve(context.Background(), "127.0.0.1:0", held)
	if err != nil {
		return nil, nil, err
	}
	return []string{
		"INFISICAL_API_URL=" + served.URL(), "SCRIM_PROJECT_ID=" + held.ProjectID(), "SCRIM_PROJECT=alpha", "PROJECT_ENV=prod",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key,
	}, served.Close, nil
}

// process is a running server.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	ids int
}

// launch starts s and returns it with the time to its reply to initialize.
func (s *subject) launch() (*process, time.Duration, error) {
	p := &process{cmd: exec.CommandContext(context.Background(), s.path, s.args...)} //nolint:gosec // G204: our own programs
	p.cmd.Env = s.env
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, 0, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, 0, err
	}
	p.in, p.out = in, bufio.NewReaderSize(out, 1<<20)
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, 0, err
	}
	err = p.request("initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}`)
	return p, time.Since(begun), err
}

// request sends a request and waits for its reply, past notifications.
func (p *process) request(method, params string) error {
	p.ids++
	if _, err := fmt.Fprintf(p.in, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", p.ids, method, params); err != nil {
		return err
	}
	prefix := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,`, p.ids)
	for {
		line, err := p.out.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("read a reply: %w", err)
		}
		if bytes.HasPrefix(line, prefix) {
			return nil
		}
	}
}

func (p *process) stop() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// resident returns the process's resident memory in KiB.
func (p *process) resident() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, errors.New("no VmRSS")
}

// measureStarts starts the subjects in turn, so that a slower minute of the
// machine hits all alike.
func measureStarts(subjects []*subject) error {
	for round := range starts + 2 {
		for _, s := range subjects {
			p, took, err := s.launch()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if err := p.stop(); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round >= 2 { // the first ones fill the page cache
				s.start = append(s.start, took)
			}
		}
	}
	return nil
}

// measureTrips times calls on one process each, block by block in turn.
func measureTrips(subjects []*subject) error {
	running := make([]*process, len(subjects))
	for i, s := range subjects {
		p, _, err := s.launch()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		running[i] = p
		if _, err := s.calls(p, warmUp); err != nil {
			return err
		}
	}
	for range trips / block {
		for i, s := range subjects {
			took, err := s.calls(running[i], block)
			if err != nil {
				return err
			}
			s.trip = append(s.trip, took...)
		}
	}
	for i, s := range subjects {
		memory, err := running[i].resident()
		if err == nil {
			s.memory = memory
		}
		if err := running[i].stop(); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) calls(p *process, n int) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		begun := time.Now()
		if err := p.request("tools/call", s.call); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		took[i] = time.Since(begun)
	}
	return took, nil
}

func quantile(d []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[int(q*float64(len(sorted)-1))]
}

func table(out io.Writer, subjects []*subject) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "server\tstart p50\tp95\t/ echo\t/ echo+SDK\ttrip p50\tp99\t/ echo\t/ echo+SDK\tresident\t")
	for _, s := range subjects {
		start, trip := quantile(s.start, .5), quantile(s.trip, .5)
		fmt.Fprintf(w, "%s\t%.1f ms\t%.1f ms\t%.2f\t%.2f\t%.3f ms\t%.3f ms\t%.2f\t%.2f\t%.1f MB\t\n", s.name,
			ms(start), ms(quantile(s.start, .95)), ratio(start, quantile(subjects[0].start, .5)), ratio(start, quantile(subjects[1].start, .5)),
			ms(trip), ms(quantile(s.trip, .99)), ratio(trip, quantile(subjects[0].trip, .5)), ratio(trip, quantile(subjects[1].trip, .5)), float64(s.memory)/1024)
	}
	return w.Flush()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
