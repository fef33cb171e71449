package server_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/handover"
)

const askForFile = `{"name":"STORED","purpose":"deploy","delivery":"file"}`

// wantNoFile expects nothing to be left in the place for files, within a while.
func (c *client) wantNoFile() {
	c.t.Helper()
	for range 500 {
		entries, err := os.ReadDir(c.files.Places[0])
		if len(entries) == 0 && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			return
		}
		time.Sleep(10 * time.Millisecond) // another process's doing: nothing here can be waited on
	}
	c.t.Error("a file is left")
}

// TestFile: the value is in the file, byte for byte, and in nothing that the
// server says, then or later.
func TestFile(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"lines":  vaultValue,
		"ends":   "made-up-block-7702\n",
		"plain":  "made-up-plain-value-2291",
		"binary": "made-up\x00binary\x01\x7f\u0085value-2291",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			c.held.Set("prod", "/alpha/vault", "STORED", value)
			c.handshake(`{"elicitation":{}}`)
			c.call("1", "get_vault_secret", askForFile)
			asked := c.question()
			for _, part := range []string{"Delivery:    file, in memory, removed after 5 minutes", "every process of yours can read"} {
				if !strings.Contains(string(asked.Params), part) {
					t.Errorf("the question does not say %q: %s", part, asked.Params)
				}
			}
			c.answer(asked, "approve")
			e := c.reply("1")
			path := e.text("file")
			if e.status() != "approved" || e.text("value") != "" || !strings.Contains(e.Result.Content[0].Text, path) {
				t.Fatalf("got %s", e.raw)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != value {
				t.Errorf("the file holds %q: %v", got, err)
			}
			for path, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): fs.ModeDir | 0o700, filepath.Dir(filepath.Dir(path)): fs.ModeDir | 0o700} {
				if info, err := os.Lstat(path); err != nil || info.Mode() != want {
					t.Errorf("%s: %v %v", path, info.Mode(), err)
				}
			}
			expires, err := time.Parse(time.RFC3339, e.text("expires_at"))
			if left := time.Until(expires); err != nil || left < handover.Lifetime-time.Minute || left > handover.Lifetime {
				t.Errorf("it expires in %s: %v", left, err)
			}
			c.call("2", "find_secret", `{"name":"`+strings.Split(value, "\n")[0][:8]+`"}`)
			c.next()
			c.call("3", "get_vault_secret", `{"name":"STORED","purpose":"deploy","delivery":"file","request_id":"`+e.text("request_id")+`"}`)
			if again := c.reply("3"); again.status() != "denied" {
				t.Errorf("the yes was used twice: %s", again.raw)
			}
			if where := c.leaked(value); where != "" {
				t.Errorf("the value left as %s", where)
			}
			c.wantKinds("asked", "approved", "granted", "refused")
			c.files.Close()
			c.wantNoFile()
		})
	}
}

// TestFileInTime: at its deadline it is gone.
func TestFileInTime(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.files.Lifetime = 200 * time.Millisecond
	c.handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", askForFile)
	c.answer(c.question(), "approve")
	if e := c.reply("1"); e.status() != "approved" {
		t.Fatalf("got %s", e.raw)
	}
	c.wantNoFile()
}

// TestFileNotAYes leaves no file, and nothing that a yes to a value could be
// taken for.
func TestFileNotAYes(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{"deny", "maybe", ""} {
		c := start(t).handshake(`{"elicitation":{}}`)
		c.call("1", "get_vault_secret", askForFile)
		c.answer(c.question(), decision)
		if e := c.reply("1"); e.status() != "denied" || e.text("file") != "" {
			t.Errorf("got %s", e.raw)
		}
		c.wantNoFile()
	}
	c := startScope(t, true, 100*time.Millisecond).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
	asked := c.question()
	id := c.reply("1").text("request_id")
	c.answer(asked, "approve")
	c.call("2", "get_vault_secret", `{"name":"STORED","purpose":"deploy","delivery":"file","request_id":"`+id+`"}`)
	if e := c.reply("2"); e.status() != "denied" {
		t.Errorf("a yes to a value made a file: %s", e.raw)
	}
	c.wantNoFile()
}

// TestFileCancelled: a call that is cancelled while the value is read leaves no
// file.
func TestFileCancelled(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", askForFile)
	asked := c.question()
	c.held.Faults().Add(devstore.Fault{Kind: devstore.Silent})
	before := len(c.held.Requests())
	c.answer(asked, "approve")
	for range 500 {
		if len(c.held.Requests()) > before {
			break
		}
		time.Sleep(10 * time.Millisecond) // the store's own list: nothing here can be waited on
	}
	c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	c.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	c.reply("2")
	c.wantNoFile()
}

// TestFileCannotBe asks nobody where there is no place, and says what is wrong
// where the place is gone after the yes.
func TestFileCannotBe(t *testing.T) {
	t.Parallel()
	c := start(t)
	planted := c.files.Places[0]
	if err := os.Symlink(t.TempDir(), planted); err != nil {
		t.Fatal(err)
	}
	c.handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", askForFile)
	if e := c.reply("1"); e.status() != "invalid_argument" || !strings.Contains(e.raw, "run_with_vault_secrets") {
		t.Errorf("got %s", e.raw)
	}
	if err := os.Remove(planted); err != nil {
		t.Fatal(err)
	}
	c.call("2", "get_vault_secret", askForFile)
	asked := c.question()
	elsewhere := t.TempDir()
	if err := errors.Join(os.RemoveAll(planted), os.Symlink(elsewhere, planted)); err != nil {
		t.Fatal(err)
	}
	c.answer(asked, "approve")
	if e := c.reply("2"); e.status() != "invalid_argument" || e.text("file") != "" {
		t.Errorf("got %s", e.raw)
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
		t.Errorf("written through the link: %v %v", entries, err)
	}
	c.wantKinds("asked", "approved", "granted", "refused")
	if text, err := os.ReadFile(c.trail); err != nil || bytes.Contains(text, []byte("made-up-vault")) {
		t.Errorf("the trail: %v", err)
	}
	c.wantNoValue()
}
