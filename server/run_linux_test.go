package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/audit"
)

// command is the arguments of a call that runs command with OTHER.
func command(words ...string) map[string]any {
	return map[string]any{"names": []string{"OTHER"}, "command": words, "purpose": "deploy"}
}

func shell(script string) map[string]any { return command("sh", "-c", script) }

// with returns arguments with one of them as given.
func with(arguments map[string]any, key string, value any) map[string]any {
	changed := map[string]any{key: value}
	for k, v := range arguments {
		if k != key {
			changed[k] = v
		}
	}
	return changed
}

func (c *client) runCall(id string, arguments map[string]any) {
	c.t.Helper()
	raw, err := json.Marshal(arguments)
	if err != nil {
		c.t.Fatal(err)
	}
	c.call(id, "run_with_vault_secrets", string(raw))
}

// approvedRun runs a command that the person says yes to.
func (c *client) approvedRun(id string, arguments map[string]any) envelope {
	c.t.Helper()
	c.runCall(id, arguments)
	c.answer(c.question(), "approve")
	return c.reply(id)
}

func (e envelope) text(key string) string {
	s, _ := e.Result.StructuredContent[key].(string)
	return s
}

// wantNoValue expects that no value left in any form.
func (c *client) wantNoValue() {
	c.t.Helper()
	for _, value := range []string{vaultValue, otherValue, injectedValue} {
		if where := c.leaked(value); where != "" {
			c.t.Errorf("a value left as %s", where)
		}
	}
}

// wantKinds compares the kinds of events on the audit trail.
func (c *client) wantKinds(want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.kinds()); diff != "" {
		c.t.Errorf("on record (-want +got):\n%s", diff)
	}
}

// wantGone expects the processes whose numbers are in these files, by their
// ends, to be gone.
func (c *client) wantGone(files ...string) {
	c.t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(c.dir, file))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil || pid <= 1 {
			c.t.Errorf("%s: %q %v", file, data, err)
			continue
		}
		if stat := lingering(pid); stat != "" {
			c.t.Errorf("the process in %s is there: %s", file, stat)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// lingering returns what the system says of a process that does not end, or "". It
// is killed by then: that takes effect when it next would run.
func lingering(pid int) string {
	var stat []byte
	for range 300 {
		var err error
		stat, err = os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) { // one that nobody has waited for has ended all the same
			return ""
		}
		time.Sleep(10 * time.Millisecond) // another process's doing: nothing here can be waited on
	}
	return string(stat)
}

// awaitFile waits until a command has written a file.
func (c *client) awaitFile(name string) {
	c.t.Helper()
	for range 1000 {
		if data, err := os.ReadFile(filepath.Join(c.dir, name)); err == nil && bytes.HasSuffix(data, []byte("\n")) {
			return
		}
		time.Sleep(10 * time.Millisecond) // another process's doing: nothing here can be waited on
	}
	c.t.Fatalf("no %s", name)
}

func (c *client) writeProgram(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o700); err != nil {
		c.t.Fatal(err)
	}
}

// wantNotRun expects that no command left the file that shows that it ran.
func (c *client) wantNotRun() {
	c.t.Helper()
	if _, err := os.Stat(filepath.Join(c.dir, "ran")); !errors.Is(err, os.ErrNotExist) {
		c.t.Errorf("it ran: %v", err)
	}
}

func TestRunMasksWhatIsPrinted(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"plain":           `echo "$OTHER"`,
		"base64":          `echo "$OTHER"; echo "$OTHER" | base64`,
		"base64, shifted": `printf 'x:%s' "$OTHER" | base64 -w 0; printf 'xy:%s' "$OTHER" | base64 -w 7`,
		"hex":             `printf %s "$OTHER" | od -An -v -tx1 | tr -d ' \n'`,
		"standard error":  `echo "$OTHER" >&2; echo "$OTHER"`,
		"split":           `printf %.10s "$OTHER"; sleep 0.3; printf %s "${OTHER#??????????}"`,
		"byte by byte":    `echo "$OTHER" | fold -w 1 | while read -r c; do printf %s "$c"; sleep 0.01; done`,
		"in no UTF-8":     `printf '\377\376%s\300' "$OTHER"`,
		"another's":       `printf '%s\n' "$STORED" "$OTHER"`,
		"the environment": `env; cat /proc/self/environ; cat /proc/$$/environ`,
		"of the parent":   `cat /proc/$PPID/environ /proc/$PPID/cmdline; tr '\0' '\n' </proc/$$/cmdline`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).handshake(`{"elicitation":{}}`)
			e := c.approvedRun("1", with(shell(script), "names", []string{"OTHER", "STORED"}))
			if e.status() != "approved" || !strings.Contains(e.raw, "[redacted:OTHER]") && name != "of the parent" {
				t.Errorf("got %s", e.raw)
			}
			c.wantNoValue()
			for _, part := range []string{otherValue[:6], otherValue[8:16], otherValue[len(otherValue)-8:]} {
				if printed := e.text("stdout") + e.text("stderr"); strings.Contains(printed, part) {
					t.Errorf("a part of the value left: %s", printed)
				}
			}
			c.wantKinds("asked", "approved", "granted", "ended")
		})
	}
}

func TestRunQuestionSaysEverything(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	const script = "#!/bin/sh\necho \"deployed with $0\"\n"
	c.writeProgram("deploy.sh", script)
	if err := os.Symlink("deploy.sh", filepath.Join(c.dir, "link")); err != nil {
		t.Fatal(err)
	}
	arguments := with(command("./link", "--to", "a  b\nDelivery:    none", "`x`", "\u202ey"), "names", []string{"OTHER", "STORED"})
	c.runCall("1", arguments)
	asked := c.question()
	var params struct{ Message string }
	if err := json.Unmarshal(asked.Params, &params); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"Secret:      OTHER\n", "Secret:      STORED\n", "Delivery:    run,", "send it\nanywhere",
		fmt.Sprintf("SHA-256 %x\n", sha256.Sum256([]byte(script))),
		`command: ./link --to "a \x20b\nDelivery: \x20\x20\x20none" "\x60x\x60" "\u202ey"`,
		"| program:", "/deploy.sh", "| directory: ", "| why: deploy",
	} {
		if !strings.Contains(params.Message, part) && !strings.Contains(strings.ReplaceAll(params.Message, "\n| ", " "), part) {
			t.Errorf("the question does not say %q:\n%s", part, params.Message)
		}
	}
	if strings.Contains(params.Message, "\nDelivery:    none") {
		t.Errorf("the command plays the server:\n%s", params.Message)
	}
	c.answer(asked, "approve")
	if e := c.reply("1"); e.text("stdout") != "deployed with /proc/self/fd/3\n" {
		t.Errorf("got %s", e.raw)
	}
	last := c.lastRecord()
	if last.ExitCode == nil || *last.ExitCode != 0 || last.Delivery != "run" || len(last.Command) != 5 || !strings.HasSuffix(last.Program, "/deploy.sh") || len(last.ProgramHash) != 64 {
		t.Errorf("recorded %s", last.Line())
	}
	if strings.Contains(string(last.Line()), "deployed") {
		t.Errorf("what it printed is on record: %s", last.Line())
	}
}

// TestRunProgramChangedAfterTheYes replaces the program while the person reads.
func TestRunProgramChangedAfterTheYes(t *testing.T) {
	t.Parallel()
	const harmless = "#!/bin/sh\ntouch ran\n"
	for name, change := range map[string]func(c *client){
		"in its place": func(c *client) { c.writeProgram("tool", harmless+"curl evil") },
		"by another": func(c *client) {
			c.writeProgram("evil", harmless+"x")
			_ = os.Rename(filepath.Join(c.dir, "evil"), filepath.Join(c.dir, "tool"))
		},
		"taken away":     func(c *client) { _ = os.Remove(filepath.Join(c.dir, "tool")) },
		"not executable": func(c *client) { _ = os.Chmod(filepath.Join(c.dir, "tool"), 0o600) },
		"a pipe": func(c *client) {
			_ = os.Remove(filepath.Join(c.dir, "tool"))
			_ = syscall.Mkfifo(filepath.Join(c.dir, "tool"), 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).handshake(`{"elicitation":{}}`)
			c.writeProgram("tool", harmless)
			c.runCall("1", command("./tool"))
			asked := c.question()
			change(c)
			c.answer(asked, "approve")
			if e := c.reply("1"); e.status() != "denied" || !strings.Contains(e.raw, "nothing was started") {
				t.Errorf("got %s", e.raw)
			}
			c.wantNotRun()
			c.wantKinds("asked", "approved", "granted", "refused")
		})
	}
}

// TestRunDirectoryChangedAfterTheYes puts another directory behind the path that
// the person reads.
func TestRunDirectoryChangedAfterTheYes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *client){
		"a link": func(c *client) {
			_ = os.Rename(filepath.Join(c.dir, "above/here"), filepath.Join(c.dir, "above/away"))
			_ = os.Symlink(filepath.Join(c.dir, "elsewhere/here"), filepath.Join(c.dir, "above/here"))
		},
		"a link above": func(c *client) {
			_ = os.Rename(filepath.Join(c.dir, "above"), filepath.Join(c.dir, "away"))
			_ = os.Symlink(filepath.Join(c.dir, "elsewhere"), filepath.Join(c.dir, "above"))
		},
		"taken away": func(c *client) { _ = os.Remove(filepath.Join(c.dir, "above/here")) },
		"a file": func(c *client) {
			_ = os.Remove(filepath.Join(c.dir, "above/here"))
			c.writeProgram("above/here", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).handshake(`{"elicitation":{}}`)
			for _, dir := range []string{"above/here", "elsewhere/here"} {
				if err := os.MkdirAll(filepath.Join(c.dir, dir), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			c.runCall("1", with(shell("touch ../../ran"), "dir", "above/here"))
			asked := c.question()
			change(c)
			c.answer(asked, "approve")
			if e := c.reply("1"); e.status() != "denied" || !strings.Contains(e.raw, "nothing was started") {
				t.Errorf("got %s", e.raw)
			}
			c.wantNotRun()
			c.wantKinds("asked", "approved", "granted", "refused")
		})
	}
}

// TestRunYesIsForExactlyThat takes a yes with its id for something else.
func TestRunYesIsForExactlyThat(t *testing.T) {
	t.Parallel()
	c := startScope(t, true, 200*time.Millisecond).handshake(`{"elicitation":{}}`)
	if err := os.Mkdir(filepath.Join(c.dir, "elsewhere"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.writeProgram("tool", "#!/bin/sh\necho ran >> ran\n")
	wanted := command("./tool", "a", "b")
	c.runCall("1", wanted)
	asked := c.question()
	e := c.reply("1")
	id := e.text("request_id")
	if e.status() != "pending" || !strings.Contains(e.text("next_step"), "run_with_vault_secrets") {
		t.Fatalf("got %s", e.raw)
	}
	c.answer(asked, "approve")
	wanted["request_id"] = id
	for name, other := range map[string]map[string]any{
		"argument":      with(wanted, "command", []string{"./tool", "a", "c"}),
		"joined":        with(wanted, "command", []string{"./tool", "a b"}),
		"one more":      with(wanted, "command", []string{"./tool", "a", "b", ""}),
		"another name":  with(wanted, "names", []string{"STORED"}),
		"one more name": with(wanted, "names", []string{"OTHER", "STORED"}),
	} {
		c.runCall("2", other)
		if e := c.reply("2"); e.status() != "denied" {
			t.Errorf("%s: got %s", name, e.raw)
		}
	}
	c.runCall("2", with(with(wanted, "dir", "elsewhere"), "command", []string{filepath.Join(c.dir, "tool"), "a", "b"}))
	if e := c.reply("2"); e.status() != "denied" {
		t.Errorf("another directory: got %s", e.raw)
	}
	c.call("3", "get_vault_secret", fmt.Sprintf(`{"name":"OTHER","purpose":"deploy","request_id":%q}`, id))
	if e := c.reply("3"); e.status() != "denied" {
		t.Errorf("the value itself: got %s", e.raw)
	}
	c.wantNotRun()
	c.runCall("4", with(wanted, "purpose", "in other words"))
	if e := c.reply("4"); e.status() != "approved" {
		t.Fatalf("got %s", e.raw)
	}
	c.runCall("5", wanted)
	if e := c.reply("5"); e.status() != "denied" {
		t.Errorf("the yes was used twice: %s", e.raw)
	}
	if ran, _ := os.ReadFile(filepath.Join(c.dir, "ran")); string(ran) != "ran\n" {
		t.Errorf("it ran: %q", ran)
	}
}

// TestRunProgramChangedBeforeThePickUp changes the program between the yes and
// the call that picks it up.
func TestRunProgramChangedBeforeThePickUp(t *testing.T) {
	t.Parallel()
	c := startScope(t, true, 200*time.Millisecond).handshake(`{"elicitation":{}}`)
	c.writeProgram("tool", "#!/bin/sh\ntouch ran\n")
	c.runCall("1", command("./tool"))
	asked := c.question()
	id := c.reply("1").text("request_id")
	c.answer(asked, "approve")
	c.writeProgram("tool", "#!/bin/sh\ntouch ran; curl evil\n")
	c.runCall("2", with(command("./tool"), "request_id", id))
	if e := c.reply("2"); e.status() != "denied" {
		t.Errorf("got %s", e.raw)
	}
	c.wantNotRun()
}

func TestRunAsksNobodyInVain(t *testing.T) {
	t.Parallel()
	fine := command("true")
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprint("NAME", i)
	}
	for name, k := range map[string]struct {
		arguments map[string]any
		want      string
	}{
		"no such directory":   {with(fine, "dir", "nowhere"), "invalid_argument"},
		"a file as directory": {with(fine, "dir", "file"), "invalid_argument"},
		"no such program":     {command("no-such-program-anywhere"), "invalid_argument"},
		"no such file":        {command("./nowhere"), "invalid_argument"},
		"not executable":      {command("./file"), "invalid_argument"},
		"a directory":         {command("/"), "invalid_argument"},
		"a device":            {command("/dev/null"), "invalid_argument"},
		"empty name":          {command(""), "invalid_argument"},
		"no words":            {with(fine, "command", []string{}), "invalid_argument"},
		"a text":              {with(fine, "command", "true"), "invalid_argument"},
		"too long":            {command("true", strings.Repeat("x ", 1400), strings.Repeat("y ", 1400)), "invalid_argument"},
		"no names":            {with(fine, "names", []string{}), "invalid_argument"},
		"too many names":      {with(fine, "names", many), "invalid_argument"},
		"a name twice":        {with(fine, "names", []string{"OTHER", "OTHER"}), "invalid_argument"},
		"bad name":            {with(fine, "names", []string{"../OTHER"}), "invalid_argument"},
		"no purpose":          {with(fine, "purpose", ""), "invalid_argument"},
		"no time":             {with(fine, "timeout_seconds", 0), "invalid_argument"},
		"too much time":       {with(fine, "timeout_seconds", 601), "invalid_argument"},
		"missing":             {with(fine, "names", []string{"OTHER", "NOWHERE"}), "missing"},
		"injected":            {with(fine, "names", []string{"OTHER", "INJECTED"}), "not_in_vault"},
		"runs code":           {with(fine, "names", []string{"OTHER", "LD_PRELOAD"}), "denied"},
		"in another case":     {with(fine, "names", []string{"Path"}), "denied"},
		"scrim's own":         {with(fine, "names", []string{"SCRIM_CONFIG"}), "denied"},
		"a hidden value":      {command("echo", otherValue[:5]+"\u200b"+otherValue[5:]), "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			for _, name := range []string{"LD_PRELOAD", "Path", "SCRIM_CONFIG"} {
				c.held.Set("prod", "/alpha/vault", name, "made-up-value-of-"+name)
			}
			c.handshake(`{"elicitation":{}}`)
			if err := os.WriteFile(filepath.Join(c.dir, "file"), []byte("#!/bin/sh\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c.runCall("1", k.arguments)
			if e := c.reply("1"); e.status() != k.want || e.text("next_step") == "" {
				t.Errorf("got %s", e.raw)
			}
			c.wantNoValue()
		})
	}
}

func TestRunNotAYes(t *testing.T) {
	t.Parallel()
	for capabilities, k := range map[string]struct{ decision, want string }{
		`{"elicitation":{}}`: {"deny", "denied"},
		`{}`:                 {"", "unavailable"},
	} {
		c := start(t).handshake(capabilities)
		c.runCall("1", shell("touch ran"))
		if k.decision != "" {
			c.answer(c.question(), k.decision)
		}
		if e := c.reply("1"); e.status() != k.want {
			t.Errorf("got %s", e.raw)
		}
		c.wantNotRun()
	}
	c := startScope(t, false, 0).handshake(`{"elicitation":{}}`)
	c.runCall("1", shell("touch ran"))
	if e := c.reply("1"); e.status() != "environment_not_stated" {
		t.Errorf("got %s", e.raw)
	}
}

func TestRunEnvironment(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	e := c.approvedRun("1", command("env"))
	var got []string
	for line := range strings.Lines(e.text("stdout")) {
		got = append(got, strings.TrimSuffix(line, "\n"))
	}
	dir, err := filepath.EvalSymlinks(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"LC_TIME=C", "OTHER=[redacted:OTHER]", "PATH=" + os.Getenv("PATH"), "PWD=" + dir, "TERM=dumb", "TZ=UTC"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains([]string{"HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TMPDIR"}, name) || strings.HasPrefix(name, "LC_") && name != "LC_TIME" {
			want = append(want, variable)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRunHasNoInput(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, write.Fd(), syscall.F_SETFD, 0); errno != 0 { // as a careless client would
		t.Fatal(errno)
	}
	c := start(t).handshake(`{"elicitation":{}}`)
	e := c.approvedRun("1", shell(`cat; (: </dev/tty) 2>/dev/null && echo tty; ls -l /proc/self/fd >fds; grep -c pipe fds; echo "$(ps -o pgid= -p $$)" | tr -d ' ' | grep -qx $$ && echo group; exit 7`))
	if e.text("stdout") != "1\ngroup\n" || e.Result.StructuredContent["exit_code"] != 7.0 {
		t.Errorf("got %s", e.raw)
	}
}

// TestRunTimeoutEndsTheTree: nothing is left of a command that heeds no signal,
// nor of what left its session and its parents.
func TestRunTimeoutEndsTheTree(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	began := time.Now()
	e := c.approvedRun("1", with(shell(`trap "" TERM HUP INT; echo $$ > main
setsid sh -c 'echo $$ > session; exec sleep 300' &
setsid sh -c 'setsid sh -c "echo \$\$ > daemon; exec sleep 300" & exit' &
sleep 300 & echo $! > job
echo begun; while :; do sleep 1; done`), "timeout_seconds", 1))
	if e.Result.StructuredContent["timed_out"] != true || e.Result.StructuredContent["exit_code"] != 137.0 || e.text("stdout") != "begun\n" {
		t.Errorf("got %s", e.raw)
	}
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("it took %s", took)
	}
	c.wantGone("main", "session", "daemon", "job")
	if last := c.lastRecord(); !last.TimedOut || last.Kind != audit.Ended {
		t.Errorf("recorded %s", last.Line())
	}
}

func TestRunHeedsTheFirstSignal(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	e := c.approvedRun("1", with(shell(`trap "echo cleaned; exit 3" TERM; while :; do sleep 0.1; done`), "timeout_seconds", 1))
	if e.text("stdout") != "cleaned\n" || e.Result.StructuredContent["exit_code"] != 3.0 || e.Result.StructuredContent["timed_out"] != true {
		t.Errorf("got %s", e.raw)
	}
}

// TestRunLeavesNothingBehind: a command that has ended keeps nothing running,
// and is not waited for longer because of it.
func TestRunLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	e := c.approvedRun("1", shell(`setsid sh -c 'trap "" TERM HUP; echo $$ > daemon; exec sleep 300' & while [ ! -s daemon ]; do sleep 0.01; done; echo done`))
	if e.text("stdout") != "done\n" || e.Result.StructuredContent["exit_code"] != 0.0 || e.Result.StructuredContent["timed_out"] != nil {
		t.Errorf("got %s", e.raw)
	}
	c.wantGone("daemon")
}

func TestRunCancelled(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.runCall("1", shell(`setsid sleep 300 & echo $! > daemon; trap "" TERM; echo $$ > main; while :; do sleep 1; done`))
	c.answer(c.question(), "approve")
	c.awaitFile("main")
	c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	for range 500 {
		if kinds := c.kinds(); kinds[len(kinds)-1] == "ended" {
			break
		}
		time.Sleep(10 * time.Millisecond) // another process's doing: nothing here can be waited on
	}
	c.wantGone("main", "daemon")
	c.wantKinds("asked", "approved", "granted", "ended")
	c.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	c.reply("2") // and none to the call
}

// TestRunAgainstItsSupervisor plays a command that turns on the process that is
// to end it.
func TestRunAgainstItsSupervisor(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"stops it": `setsid sleep 300 & echo $! > other; echo $$ > main; kill -STOP $PPID; exec sleep 300`,
		"kills it": `sleep 300 & echo $! > other; echo $$ > main; kill -KILL $PPID; exec sleep 300`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).handshake(`{"elicitation":{}}`)
			e := c.approvedRun("1", with(shell(script), "timeout_seconds", 2))
			if e.status() != "internal" || !strings.Contains(e.raw, "not known") {
				t.Errorf("got %s", e.raw)
			}
			c.wantGone("main", "other")
			c.wantKinds("asked", "approved", "granted", "ended")
			c.wantNoValue()
		})
	}
}

func TestRunOutputIsBounded(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"large":         `head -c 10000000 /dev/zero | tr '\0' x; head -c 100000 /dev/zero >&2`,
		"full of it":    `yes "$OTHER" | head -c 5000000`,
		"one byte more": `head -c 65527 /dev/zero | tr '\0' x; printf %s "$OTHER"`,
		"in a rune":     `printf xx; yes é | tr -d '\n' | head -c 200000`,
		"never ends":    `yes x`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).handshake(`{"elicitation":{}}`)
			e := c.approvedRun("1", with(shell(script), "timeout_seconds", 60-59*strings.Count(name, "never")))
			for _, text := range []string{e.text("stdout"), e.text("stderr")} {
				if len(text) > 64<<10 || !utf8.ValidString(text) {
					t.Errorf("%d bytes", len(text))
				}
				whole := strings.ReplaceAll(text, "[redacted:OTHER]", "")
				if strings.ContainsAny(whole, "[]") || strings.Contains(whole, "made") || strings.Contains(whole, "\ufffd") {
					t.Errorf("cut within: …%q", text[max(0, len(text)-60):])
				}
			}
			if e.Result.StructuredContent["truncated"] != true || !strings.Contains(e.text("next_step"), "beginning") {
				t.Errorf("not said: %.300s", e.raw)
			}
			if len(e.text("stdout")) < 60_000 {
				t.Errorf("only %d bytes", len(e.text("stdout")))
			}
			c.wantNoValue()
		})
	}
}

func TestRunOutputThatIsNoText(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	e := c.approvedRun("1", shell(`printf 'a\377b\000c\033[31m'`))
	if got := e.text("stdout"); got != "a\ufffdb\x00c\x1b[31m" {
		t.Errorf("got %q", got)
	}
}

// TestRunWithholdsWhatNothingMasks: a value that is too short to be masked is
// not shown by way of what the command prints.
func TestRunWithholdsWhatNothingMasks(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.held.Set("prod", "/alpha/vault", "SHORT", "q7x")
	c.handshake(`{"elicitation":{}}`)
	e := c.approvedRun("1", with(shell(`echo "it is $SHORT"; echo "$SHORT" >&2; exit 4`), "names", []string{"SHORT"}))
	if e.Result.StructuredContent["exit_code"] != 4.0 || e.text("stdout")+e.text("stderr") != "" || !strings.Contains(e.text("next_step"), "not shown") {
		t.Errorf("got %s", e.raw)
	}
	if strings.Contains(c.said(), "q7x") {
		t.Error("the value left")
	}
}

func TestRunValueThatCannotBe(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.held.Set("prod", "/alpha/vault", "REFERS", "made-up-${dev.folder.NAME}-value")
	c.handshake(`{"elicitation":{}}`)
	e := c.approvedRun("1", with(shell("touch ran"), "names", []string{"OTHER", "REFERS"}))
	if e.status() != "denied" || !strings.Contains(e.raw, "REFERS") || strings.Contains(e.raw, "folder") {
		t.Errorf("got %s", e.raw)
	}
	c.wantNotRun()
	c.wantKinds("asked", "approved", "granted", "refused")
}

func TestRunWhatTheSystemDoesNotStart(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.writeProgram("junk", "\x00\x01junk")
	c.writeProgram("orphan", "#!/no/such/interpreter\n")
	for i, program := range []string{"./junk", "./orphan"} {
		if e := c.approvedRun(fmt.Sprint(i+1), command(program)); e.status() != "invalid_argument" {
			t.Errorf("%s: got %s", program, e.raw)
		}
	}
	if kinds := c.kinds(); kinds[len(kinds)-1] != "refused" {
		t.Errorf("on record: %v", kinds)
	}
}

// TestRunsAtOnce: each of several commands that run together ends its own
// processes, and no other's.
func TestRunsAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	for i := range 4 {
		c.runCall(fmt.Sprint(i), shell(fmt.Sprintf(`sh -c 'sleep 0.%d; echo late > late%d' & wait; setsid sleep 300 & echo $! > daemon%d; echo %d`, 9-2*i, i, i, i)))
	}
	got := map[string]string{}
	for len(got) < 4 {
		e := c.next()
		if e.Method == "elicitation/create" {
			c.answer(e, "approve")
			continue
		}
		got[string(e.ID)] = e.text("stdout")
	}
	for i := range 4 {
		if got[fmt.Sprint(i)] != fmt.Sprintf("%d\n", i) {
			t.Errorf("%d: %q", i, got[fmt.Sprint(i)])
		}
		c.awaitFile(fmt.Sprintf("late%d", i))
		c.wantGone(fmt.Sprintf("daemon%d", i))
	}
}

func TestModernRun(t *testing.T) {
	t.Parallel()
	c := start(t)
	arguments, err := json.Marshal(shell(`echo "$OTHER"`))
	if err != nil {
		t.Fatal(err)
	}
	call := func(id, answer string) envelope {
		c.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"run_with_vault_secrets","arguments":%s%s,"_meta":%s}}`,
			id, arguments, answer, modern(`{"elicitation":{"form":{}}}`))
		return c.reply(id)
	}
	asked := call("1", "")
	answer := fmt.Sprintf(`,"requestState":%q,"inputResponses":{"decision":{"action":"accept","content":{"decision":"approve"}}}`, asked.Result.RequestState)
	if e := call("2", answer); e.text("stdout") != "[redacted:OTHER]\n" {
		t.Errorf("got %s", e.raw)
	}
	if e := call("3", answer); e.status() != "denied" {
		t.Errorf("a yes was used twice: %s", e.raw)
	}
	c.wantNoValue()
}
