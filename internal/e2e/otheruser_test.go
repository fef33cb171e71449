//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"scrim/internal/audit"
	"scrim/internal/devstore"
)

// The users of a test: whose agent asks, who decides, and a third one. None of them
// needs an account. Each test has its own, since a user has one folder of what runs.
type cast struct{ asking, deciding, third int }

const otherPIN = "made-up walrus 4711"

// needUsers fails, or says that it leaves out, what takes two users.
func needUsers(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("SCRIM_E2E") == "require":
		t.Fatal("SCRIM_E2E=require, but only root can be two users")
	default:
		t.Skip("left out: only root can be two users")
	}
}

// users is a folder in which processes of several users meet, with scrim in it.
type users struct {
	*testing.T
	cast
	dir, scrim string
}

func newUsers(t *testing.T, c cast) users {
	t.Helper()
	needUsers(t)
	dir := t.TempDir()
	u := users{t, c, dir, filepath.Join(dir, "scrim")}
	t.Cleanup(func() {
		for _, uid := range []int{c.asking, c.deciding} {
			_ = os.RemoveAll(fmt.Sprintf("/dev/shm/scrim-%d", uid))
		}
	})
	for _, open := range []string{dir, filepath.Dir(dir)} {
		u.must(os.Chmod(open, 0o755))
	}
	program, err := os.ReadFile(scrimBin)
	u.must(err)
	u.must(os.WriteFile(u.scrim, program, 0o755))
	return u
}

func (u users) must(err error) {
	u.Helper()
	if err != nil {
		u.Fatal(err)
	}
}

// folder makes a folder of a user's.
func (u users) folder(name string, uid int, mode os.FileMode) string {
	u.Helper()
	path := filepath.Join(u.dir, name)
	u.must(os.Mkdir(path, 0o700))
	u.must(os.Chown(path, uid, uid))
	u.must(os.Chmod(path, mode))
	return path
}

// as has a command run as a user, with what is that user's around it.
func as(uid int) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
}

// person is the user who decides, at home.
type person struct {
	users
	home string
	uid  int
}

func (u users) person(name string, uid int) person {
	return person{u, u.folder(name, uid, 0o700), uid}
}

func (p person) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.Context(), p.scrim, args...)
	cmd.Dir = p.home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "XDG_CONFIG_HOME=" + p.home, "XDG_STATE_HOME=" + p.home, "TERM=xterm", "NO_COLOR=1"}
	as(p.uid)(cmd)
	return cmd
}

// sits runs scrim on a terminal, answers what it asks, and returns all that was
// shown and the exit code.
func (p person) sits(typed []string, args ...string) (shown string, code int) {
	p.Helper()
	cmd := p.command(args...)
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	tty, slave, err := pty.Open()
	p.must(err)
	defer func() { _ = tty.Close() }()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	p.must(cmd.Start())
	_ = slave.Close()
	var all bytes.Buffer
	prompt := regexp.MustCompile(`(not shown\)|again): $`)
	buffer := make([]byte, 4096)
	for {
		n, err := tty.Read(buffer)
		all.Write(buffer[:n])
		if prompt.Match(all.Bytes()) && len(typed) > 0 {
			_, _ = io.WriteString(tty, typed[0]+"\n")
			typed = typed[1:]
		}
		if err != nil {
			break // the terminal has hung up
		}
	}
	_ = cmd.Wait()
	return all.String(), cmd.ProcessState.ExitCode()
}

// serves lets others ask this person, and returns what ends it.
func (p person) serves(socket string) (kill func()) {
	p.Helper()
	cmd := p.command("approvals", "--serve", socket, "--from", strconv.Itoa(p.asking))
	var talk lockedBuffer
	cmd.Stderr = &talk
	p.must(cmd.Start())
	ended := sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p.Cleanup(ended)
	for range 600 {
		if strings.Contains(talk.String(), "can ask you at") {
			return ended
		}
		time.Sleep(50 * time.Millisecond) // it starts
	}
	ended()
	p.Fatalf("it does not serve: %s", talk.String())
	return nil
}

// trail returns the kinds on a user's audit trail, with the factor where there is one.
func (u users) trail(state string) string {
	u.Helper()
	f, err := os.Open(filepath.Join(state, "scrim", "audit.jsonl"))
	u.must(err)
	defer func() { _ = f.Close() }()
	var kinds []string
	for record, err := range audit.Read(f) {
		u.must(err)
		word := string(record.Kind)
		if record.Strength != "" {
			word += "(" + record.Strength + " by " + record.Factor + ")"
		}
		kinds = append(kinds, word)
	}
	return strings.Join(kinds, " ")
}

// asker is a rig of the user whose agent asks, with another user's verifier at
// socket.
func (u users) asker(store *devstore.Store, url, socket string) rig {
	u.Helper()
	r := storeRig(u.T, store, url, devstore.MayRead(), "PROJECT_ENV=prod")
	home := filepath.Join(u.dir, "asker-"+filepath.Base(filepath.Dir(socket)))
	u.must(os.Mkdir(home, 0o700))
	for i, entry := range r.env {
		r.env[i] = strings.ReplaceAll(entry, r.home, home)
	}
	r.home, r.argv, r.prepare, r.patience = home, []string{u.scrim, "serve"}, as(u.asking), 5*time.Minute
	config := filepath.Join(home, "XDG_CONFIG_HOME", "scrim")
	for _, dir := range []string{config, filepath.Join(home, "XDG_STATE_HOME"), filepath.Join(home, "TMPDIR")} {
		u.must(os.MkdirAll(dir, 0o700))
	}
	u.must(os.WriteFile(filepath.Join(config, "config.toml"), []byte("[approval]\nverifier = \""+socket+"\"\n"), 0o600))
	u.own(home, u.asking)
	return r
}

func (u users) own(root string, uid int) {
	u.Helper()
	at, err := os.OpenRoot(root)
	u.must(err)
	defer func() { _ = at.Close() }()
	u.must(fs.WalkDir(at.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return at.Lchown(path, uid, uid)
	}))
}

// pendingAsk asks for a vault secret with a client that can show forms, which must
// not be asked.
func pendingAsk(w *wire, name string) toolResult {
	w.t.Helper()
	call := w.start("get_vault_secret", map[string]any{"name": name, "purpose": "pay the people"})
	f := w.await("what comes of "+name, func(f frame) bool { return f.Method == "elicitation/create" || f.answers(call) })
	if f.Method != "" {
		w.fatalf("the client is asked about %s: %s", name, f.raw)
	}
	return f.tool(w.t)
}

// A person decides as another user, whose proof the agent's user never has: the
// agent's server asks there, and believes what comes back from there alone.
func TestAnotherUserDecides(t *testing.T) {
	t.Parallel()
	u := newUsers(t, cast{asking: 12001, deciding: 12002, third: 12003})
	asking, deciding := u.asking, u.deciding
	decider := u.person("decider", deciding)
	if shown, code := decider.sits([]string{otherPIN, otherPIN}, "enroll"); code != 0 {
		t.Fatalf("enroll: %s", shown)
	}
	socket := filepath.Join(u.folder("open", deciding, 0o755), "verifier.sock")
	kill := decider.serves(socket)

	store, server := serve(t)
	r := u.asker(store, server.URL(), socket)
	// The agent's user has a copy of what is enrolled, and so knows a PIN that fits.
	copied := filepath.Join(r.home, "XDG_CONFIG_HOME", "scrim", "approver.json")
	enrolled, err := os.ReadFile(filepath.Join(decider.home, "scrim", "approver.json"))
	u.must(err)
	u.must(os.WriteFile(copied, enrolled, 0o600))
	u.own(filepath.Dir(copied), asking)

	w := open(t, r, legacy, canAsk)
	pending := pendingAsk(w, "PAYOUT_PHRASE")
	if pending.Facts.Status != "pending" || !strings.Contains(pending.Facts.NextStep, "run as that user") {
		t.Fatalf("%+v", pending.Facts)
	}
	id := pending.Facts.RequestID

	agent := person{u, r.home, asking}
	own := agent.command("approve", id)
	own.Env = r.env
	out, err := own.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "terminal") {
		t.Errorf("without a terminal: %s, %v", out, err)
	}
	if shown, code := agent.sits([]string{otherPIN}, "approve", id); code != 4 || !strings.Contains(shown, "It is not approved") {
		t.Errorf("the agent's user with the right PIN: %d, %s", code, shown)
	}

	doctor := agent.command("doctor")
	doctor.Env = r.env
	if out, _ := doctor.Output(); !strings.Contains(string(out), fmt.Sprintf("another user decides, uid %d, at", deciding)) {
		t.Errorf("the doctor: %s", out)
	}

	stranger := person{u, u.folder("stranger", u.third, 0o700), u.third}
	u.must(os.CopyFS(stranger.home, os.DirFS(r.home)))
	u.own(stranger.home, u.third)
	mayNot := stranger.command("doctor")
	mayNot.Env = strings.Split(strings.ReplaceAll(strings.Join(r.env, "\x00"), r.home, stranger.home), "\x00")
	if out, _ := mayNot.Output(); !strings.Contains(strings.Join(strings.Fields(string(out)), " "), fmt.Sprintf("--from %d there", u.third)) {
		t.Errorf("a user who may not ask: %s", out)
	}

	explains := func(want string) {
		t.Helper()
		test := agent.command("policy", "test", "SPARE_PHRASE")
		test.Env = r.env
		if out, _ := test.Output(); !strings.Contains(strings.Join(strings.Fields(string(out)), " "), want) {
			t.Errorf("scrim policy test says %s, and not %q", out, want)
		}
	}
	explains("must prove their yes (what another user has)")

	list, err := decider.command("approvals", "--json").Output()
	u.must(err)
	if want := fmt.Sprintf("asked by user uid %d", asking); !strings.Contains(string(list), want) || !strings.Contains(string(list), id) {
		t.Errorf("scrim approvals does not say %q: %s", want, list)
	}
	if shown, code := decider.sits([]string{"made-up walrus 4712"}, "approve", id); code != 4 || !strings.Contains(shown, "Asked by user uid") {
		t.Errorf("a wrong PIN: %d, %s", code, shown)
	}
	if shown, code := decider.sits([]string{otherPIN}, "approve", id); code != 0 || strings.Contains(shown, "walrus") {
		t.Fatalf("the right PIN: %d, %s", code, shown)
	}
	get := func(name, id string) toolResult {
		t.Helper()
		return w.call("get_vault_secret", map[string]any{"name": name, "purpose": "in other words", "request_id": id})
	}
	if got := get("PAYOUT_PHRASE", id); got.Facts.Value != seeded["PAYOUT_PHRASE"] {
		t.Fatalf("%+v", got.Facts)
	}
	if got := get("PAYOUT_PHRASE", id); got.Facts.Value != "" {
		t.Errorf("a second time: %+v", got.Facts)
	}

	no := pendingAsk(w, "SPARE_PHRASE").Facts.RequestID
	if out, err := decider.command("approve", "--deny", no).CombinedOutput(); err != nil {
		t.Errorf("deny: %s, %v", out, err)
	}
	if got := get("SPARE_PHRASE", no); got.Facts.Status != "denied" {
		t.Errorf("%+v", got.Facts)
	}

	open := pendingAsk(w, "RECOVERY_WORDS").Facts.RequestID
	kill()
	for range 400 {
		if strings.Contains(w.logged.String(), "the user who decides has ended") {
			break
		}
		time.Sleep(25 * time.Millisecond) // the server hears of it
	}
	if got := pendingAsk(w, "SIGNING_SHEET"); got.Facts.Status != "unavailable" || !strings.Contains(got.Facts.NextStep, "scrim approvals --serve") {
		t.Errorf("with nobody there: %+v", got.Facts)
	}
	explains("unavailable. It needs a yes that a person proves, and another user is to decide: the verifier behind")
	decider.serves(socket)
	if list, err := decider.command("approvals", "--json").Output(); err != nil || waitFor(decider, open) != nil {
		t.Errorf("the next process is not asked: %s, %v", list, err)
	}
	w.end(disclosure{"PAYOUT_PHRASE", 1})

	by := fmt.Sprintf("(verified by pin of uid %d)", deciding)
	if got, want := u.trail(filepath.Join(r.home, "XDG_STATE_HOME")), "asked refused approved"+by+" granted"+by+" refused asked denied asked refused"; !strings.HasPrefix(got, want) {
		t.Errorf("the asking user's trail is %q, not %q", got, want)
	}
	if got, want := u.trail(decider.home), "enrolled asked refused approved(verified by pin) asked denied asked"; !strings.HasPrefix(got, want) {
		t.Errorf("the deciding user's trail is %q, not %q", got, want)
	}
}

// waitFor waits until the person is asked under an id.
func waitFor(p person, id string) error {
	for range 200 {
		if list, err := p.command("approvals", "--json").Output(); err == nil && strings.Contains(string(list), id) {
			return nil
		}
		time.Sleep(50 * time.Millisecond) // the server looks once a second
	}
	return os.ErrDeadlineExceeded
}

// Who could have put the socket there, or sits behind it, decides whether it is
// believed. Where it is not, production's vault is closed, and the client is not
// asked instead.
func TestPlantedVerifier(t *testing.T) {
	t.Parallel()
	u := newUsers(t, cast{12011, 12012, 12013})
	asking, deciding, third := u.asking, u.deciding, u.third
	store, server := serve(t)
	for name, c := range map[string]struct {
		folder, socket int
		mode           os.FileMode
		listener       int
		want           string
	}{
		"the asking user's own":      {deciding, asking, 0o755, asking, "is this user's own"},
		"in the asking user's":       {asking, deciding, 0o755, deciding, "has to be of the user who serves"},
		"in a folder open to all":    {deciding, deciding, 0o777, deciding, "may be written to by others"},
		"in a sticky one":            {deciding, deciding, 0o777 | os.ModeSticky, deciding, "may be written to by others"},
		"in a folder of a group":     {deciding, deciding, 0o775, deciding, "may be written to by others"},
		"in a third user's":          {third, deciding, 0o755, deciding, "belongs to a third user"},
		"with a third user behind":   {deciding, deciding, 0o755, third, "it is not believed"},
		"with the asking one behind": {deciding, deciding, 0o755, asking, "it is not believed"},
		"with nobody behind":         {deciding, deciding, 0o755, 0, "does not answer"},
		"with who says nothing":      {deciding, deciding, 0o755, deciding, "says nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := u
			u.T = t
			dir := u.folder(strings.ReplaceAll(name, " ", "-"), c.folder, c.mode)
			socket := filepath.Join(dir, "v.sock")
			heard := listenAs(t, socket, c.listener, c.socket)
			r := u.asker(store, server.URL(), socket)
			w := open(t, r, legacy, canAsk)
			if got := pendingAsk(w, "PAYOUT_PHRASE"); got.Facts.Status != "unavailable" {
				t.Errorf("%+v", got.Facts)
			}
			w.end(nothing)
			if logged := w.logged.String(); !strings.Contains(logged, c.want) {
				t.Errorf("the log does not say %q: %s", c.want, logged)
			}
			if got := heard(); len(got) != 0 {
				t.Errorf("it was told %q", got)
			}
			if got := u.trail(filepath.Join(r.home, "XDG_STATE_HOME")); got != "refused" {
				t.Errorf("the trail: %q", got)
			}
		})
	}
}

// listenAs has a process of a user listen at a socket, which is then given to
// another; with nobody, the socket of a process that has ended. The returned
// function says what was said to it.
func listenAs(t *testing.T, socket string, uid, owner int) (heard func() []byte) {
	t.Helper()
	if uid == 0 {
		var listening net.ListenConfig
		l, err := listening.Listen(t.Context(), "unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = l.Close()
		give(t, socket, owner)
		return func() []byte { return nil }
	}
	// A user may not listen in a folder of another's, so root binds the socket and
	// the process inherits it; who began to listen is who the system names.
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: socket})
	}
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), socket)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(filepath.Dir(socket)), "listener")
	copyOnce(t, self, program)
	cmd := exec.CommandContext(t.Context(), program, listenMode)
	cmd.ExtraFiles = []*os.File{file}
	var out lockedBuffer
	cmd.Stdout = &out
	as(uid)(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	ended := sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(ended)
	for range 400 {
		if strings.HasPrefix(out.String(), "listening\n") {
			break
		}
		time.Sleep(25 * time.Millisecond) // it starts
	}
	give(t, socket, owner)
	return func() []byte {
		ended()
		return []byte(strings.TrimPrefix(out.String(), "listening\n"))
	}
}

func give(t *testing.T, path string, uid int) {
	t.Helper()
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
}

// copying keeps tests that run at once from writing one program twice.
var copying sync.Mutex

func copyOnce(t *testing.T, from, to string) {
	t.Helper()
	copying.Lock()
	defer copying.Unlock()
	if _, err := os.Stat(to); err == nil {
		return
	}
	program, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// listenUp listens on the socket that it inherited, and prints what it hears.
func listenUp() int {
	if err := syscall.Listen(3, 8); err != nil {
		return 1
	}
	l, err := net.FileListener(os.NewFile(3, "socket"))
	if err != nil {
		return 1
	}
	fmt.Println("listening")
	for {
		c, err := l.Accept()
		if err != nil {
			return 1
		}
		b, _ := io.ReadAll(c)
		_, _ = os.Stdout.Write(slices.Clone(b))
	}
}

// The whole server runs as another user than the client and its agent, which then
// have what it says and nothing else: not its credentials, its trail, its questions.
func TestServerOfAnotherUser(t *testing.T) {
	t.Parallel()
	u := newUsers(t, cast{asking: 12021, deciding: 12022})
	store, server := serve(t)
	r := storeRig(t, store, server.URL(), devstore.MayRead(), "PROJECT_ENV=prod")
	home := u.folder("server", u.deciding, 0o755) // worse than it is by default
	for i, entry := range r.env {
		r.env[i] = strings.ReplaceAll(entry, r.home, home)
	}
	r.home, r.argv, r.prepare = home, []string{u.scrim, "serve"}, as(u.deciding)
	for _, dir := range []string{"XDG_CONFIG_HOME", "XDG_STATE_HOME", "TMPDIR"} {
		u.must(os.Mkdir(filepath.Join(home, dir), 0o755))
	}
	u.own(home, u.deciding)
	w := open(t, r, legacy, canAsk)
	question := w.ask("PAYOUT_PHRASE", "pay the people")

	does := func(uid int, line string) (string, error) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", line)
		cmd.Dir, cmd.Env = u.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "XDG_STATE_HOME")}
		as(uid)(cmd)
		out, err := cmd.Output()
		return string(out), err
	}
	trail, desk := "cat "+filepath.Join(home, "XDG_STATE_HOME", "scrim", "audit.jsonl"), u.scrim+" approvals --json"
	pid := w.cmd.Process.Pid
	for _, line := range []string{
		trail, fmt.Sprintf("cat /proc/%d/environ", pid), fmt.Sprintf("head -c 1 /proc/%d/mem", pid), fmt.Sprintf("ls /dev/shm/scrim-%d", u.deciding), fmt.Sprintf("kill %d", pid),
	} {
		if out, err := does(u.asking, line); err == nil || out != "" {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
	if out, err := does(u.asking, desk); err != nil || strings.Contains(out, "PAYOUT_PHRASE") {
		t.Errorf("another user's questions: %q, %v", out, err)
	}
	for _, line := range []string{trail, desk} {
		if out, err := does(u.deciding, line); err != nil || !strings.Contains(out, "PAYOUT_PHRASE") {
			t.Errorf("its own user does not see it either: %s: %q, %v", line, out, err)
		}
	}
	if got := w.answer(question, deny); got.Facts.Status != "denied" {
		t.Errorf("%+v", got.Facts)
	}
	w.end(nothing)
}
