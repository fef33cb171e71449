package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"scrim/internal/audit"
	"scrim/internal/devstore"
)

// DemoCmd is `scrim demo`: the embedded store, the real server in a process of
// its own, and this command in the part of an agent's client.
type DemoCmd struct {
	Yes bool `help:"Answer the question with yes, for scripts."`
}

// Help is shown by `scrim demo --help`.
func (DemoCmd) Help() string {
	return `Starts an embedded store with made-up secrets and the real server, and plays an
agent that talks to it. You are asked once, as the person who decides. Without a
terminal the demo answers for you, and says so.`
}

// The names that the story is about; the sample data has them.
const (
	demoInjected = "DATABASE_URL"
	demoStored   = "DEPLOY_TOKEN"
	demoMistyped = "DATABSE_URL"
)

// Run tells the story, and clears the stage however it ends.
func (d *DemoCmd) Run(c *cli) error {
	signal.Ignore(syscall.SIGPIPE) // a reader that has gone fails a write, and does not end the process
	err := d.play(c)
	if c.ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func (d *DemoCmd) play(c *cli) error {
	ctx, cancel := context.WithTimeout(c.ctx, 5*time.Minute)
	defer cancel()
	stage, err := setStage(ctx, c)
	if err != nil {
		return err
	}
	defer stage.close()
	out := &screen{w: c.stdout}
	story := demo{stage: stage, out: out, person: d.person(c, out), ink: inkFor(c)}
	err = story.tell(ctx)
	switch {
	case errors.Is(out.err, syscall.EPIPE):
		return errNoReader
	case out.err != nil:
		return fmt.Errorf("demo: print the story: %w", out.err)
	default:
		return err
	}
}

// screen is where the story goes. After the first error it takes nothing more.
type screen struct {
	w   io.Writer
	err error
}

func (s *screen) Write(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.w.Write(p)
	}
	return n, s.err
}

// demo is the story and who takes part in it.
type demo struct {
	*stage
	out      *screen
	person   person
	ink      ink
	released bool // a value left
}

func (d *demo) tell(ctx context.Context) error {
	fmt.Fprintln(d.out, d.ink.dim("An Infisical in memory on loopback, made-up secrets, the real server."))
	fmt.Fprintf(d.out, "%s\n\n", d.ink.dim("Nothing leaves this machine."))
	acts := []func() error{d.list, d.find, func() error { return d.read(ctx) }, d.trail}
	for _, act := range acts {
		if err := act(); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		if d.out.err != nil {
			return d.out.err
		}
	}
	fmt.Fprintln(d.out, "\nNext: claude mcp add scrim-dev -- scrim dev -- scrim serve   made-up secrets")
	fmt.Fprintln(d.out, "      claude mcp add scrim -- scrim serve                    your own: README.md")
	return nil
}

func (d *demo) list() error {
	d.act("The agent asks which secrets there are. It gets names.", "list_secrets", nil)
	var answer struct {
		Secrets []struct{ Name, Location, Path string }
	}
	if err := d.agent.call("list_secrets", nil, &answer); err != nil {
		return err
	}
	for _, s := range answer.Secrets {
		fmt.Fprintf(d.out, "  %-24s %-9s %s\n", s.Name, s.Location, s.Path)
	}
	return nil
}

func (d *demo) find() error {
	d.act("It looks before it says \"missing\".", "find_secret", nil)
	for _, name := range []string{demoInjected, demoStored, demoMistyped} {
		var answer struct {
			Status     string
			DidYouMean []string `json:"did_you_mean"`
		}
		if err := d.agent.call("find_secret", map[string]any{"name": name}, &answer); err != nil {
			return err
		}
		hint := ""
		if len(answer.DidYouMean) > 0 {
			hint = "   did you mean " + strings.Join(answer.DidYouMean, ", ") + "?"
		}
		fmt.Fprintf(d.out, "  %-24s %s%s\n", name, d.ink.bold(answer.Status), hint)
	}
	return nil
}

func (d *demo) read(ctx context.Context) error {
	d.act("It needs one value from the vault. A person decides.", "get_vault_secret", map[string]any{"name": demoStored})
	d.agent.asked = func(question string) (bool, error) {
		fmt.Fprintln(d.out, d.ink.frame(question))
		return d.person(ctx)
	}
	var answer struct{ Status, Value string }
	arguments := map[string]any{"name": demoStored, "purpose": "roll out release 42 to production"}
	if err := d.agent.call("get_vault_secret", arguments, &answer); err != nil {
		return err
	}
	if answer.Status != "approved" {
		fmt.Fprintf(d.out, "  %s: the agent gets no value.\n", d.ink.bold(answer.Status))
		return nil
	}
	d.released = true
	fmt.Fprintf(d.out, "  %s, once: %s\n", d.ink.bold("approved"), answer.Value)

	d.act("The agent repeats the value where it does not belong. It leaves masked.", "find_secret", map[string]any{"name": answer.Value})
	var echo struct{ Name string }
	if err := d.agent.call("find_secret", map[string]any{"name": answer.Value}, &echo); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  \"name\": %q\n", echo.Name)
	if strings.Contains(echo.Name, answer.Value) {
		return errors.New("the value was not masked")
	}
	return nil
}

func (d *demo) trail() error {
	what := "Every decision is on record."
	if d.released {
		what = "Every decision was on record before anything left."
	}
	d.act(what, "scrim log --verify", nil)
	summary, err := audit.Verify(d.trailPath)
	if err != nil {
		return err
	}
	file, err := audit.OpenTrail(d.trailPath)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for record, err := range audit.Read(file) {
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "  %-10s %s %s\n", record.Kind, strings.Join(record.Names, " "), d.ink.dim("request "+record.RequestID))
	}
	fmt.Fprintf(d.out, "  %d records, chain intact\n", summary.Records)
	return nil
}

// act announces a step: what happens, and the call that an agent makes for it.
func (d *demo) act(what, call string, arguments map[string]any) {
	line := call
	if len(arguments) > 0 {
		encoded, _ := json.Marshal(arguments) //nolint:errchkjson // strings only
		line += " " + string(encoded)
	}
	fmt.Fprintf(d.out, "\n%s\n  %s\n", d.ink.bold(what), d.ink.dim("> "+line))
}

// stage is the store and the server that the story plays on.
type stage struct {
	store     *devstore.Server
	agent     *demoAgent
	server    *exec.Cmd
	dir       string
	trailPath string
}

// setStage starts the store, and the server with an environment of its own.
func setStage(ctx context.Context, c *cli) (*stage, error) {
	seed := devstore.SampleSeed()
	held := devstore.New(devstore.Options{Seed: seed})
	id, key := held.AddIdentity(devstore.Identity{Name: "scrim-demo", Rules: seed.Rules()})
	store, err := devstore.Serve(ctx, "127.0.0.1:0", held)
	if err != nil {
		return nil, fmt.Errorf("start the embedded store: %w", err)
	}
	dir, err := os.MkdirTemp("", "scrim-demo-")
	if err != nil {
		store.Close()
		return nil, fmt.Errorf("make a folder for the demo's audit trail: %w", err)
	}
	s := &stage{store: store, dir: dir}
	state := func(name string) string {
		if name == "XDG_STATE_HOME" {
			return dir
		}
		return c.getenv(name)
	}
	s.trailPath = audit.DefaultPath(state, dir)
	err = s.startServer(ctx, c, []string{
		"PATH=" + c.getenv("PATH"), "HOME=" + dir, "XDG_STATE_HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
		"INFISICAL_API_URL=" + store.URL(), "SCRIM_PROJECT_ID=" + held.ProjectID(), "SCRIM_PROJECT=alpha", "PROJECT_ENV=prod",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key,
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) startServer(ctx context.Context, c *cli, environment []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find scrim's own program: %w", err)
	}
	s.server = exec.CommandContext(ctx, self, "serve") //nolint:gosec // G204: scrim itself
	s.server.Dir, s.server.Env, s.server.Stderr = s.dir, environment, c.stderr
	in, err := s.server.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	out, err := s.server.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if err := s.server.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	s.agent = &demoAgent{in: in, out: bufio.NewReader(out)}
	return s.agent.initialize()
}

// close ends the server by ending its input, then the store.
func (s *stage) close() {
	if s.agent != nil {
		_ = s.agent.in.Close()
		_ = s.server.Wait()
	}
	s.store.Close()
	_ = os.RemoveAll(s.dir)
}
