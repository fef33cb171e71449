//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"testing"
)

// browser is a headless Chromium with tabs, each by a name. Whatever a tab shows,
// no seeded value and no PIN may be in it.
type browser struct {
	*testing.T

	in      io.WriteCloser
	answers *bufio.Reader
	stderr  *bytes.Buffer
}

// act is one line to browser.mjs.
type act struct {
	Do         string   `json:"do"`
	Tab        string   `json:"tab,omitempty"`
	URL        string   `json:"url,omitempty"`
	Label      string   `json:"label,omitempty"`
	Button     string   `json:"button,omitempty"`
	Text       string   `json:"text,omitempty"`
	File       string   `json:"file,omitempty"`
	HTML       string   `json:"html,omitempty"`
	Keys       []string `json:"keys,omitempty"`
	JavaScript *bool    `json:"javaScript,omitempty"`
	Dark       bool     `json:"dark,omitempty"`
	Width      int      `json:"width,omitempty"`
	Is         bool     `json:"is"`
}

// seen is what a person sees of a tab.
type seen struct {
	URL        string   `json:"url"`
	Status     int      `json:"status"`
	Title      string   `json:"title"`
	Text       string   `json:"text"`
	Focus      string   `json:"focus"`
	Overflow   int      `json:"overflow"`   // pixels that are to be scrolled for, sideways
	Requests   []string `json:"requests"`   // of the tab, from its beginning
	Complaints []string `json:"complaints"` // what the browser blocked, and what failed
}

// over reports whether the tab says that its question is answered or gone.
func (s seen) over() bool {
	return s.Status == http.StatusGone && s.Title == "This question is over – scrim"
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	need(t, missingBrowser())
	path, _ := chromium()
	b := &browser{T: t, stderr: &bytes.Buffer{}}
	cmd := exec.CommandContext(t.Context(), "node", "browser.mjs", path)
	cmd.Stderr = b.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if b.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.in.Close(); _ = cmd.Wait() })
	b.answers = bufio.NewReader(out)
	return b
}

// of is the same browser for a part of the test.
func (b *browser) of(t *testing.T) *browser {
	return &browser{T: t, in: b.in, answers: b.answers, stderr: b.stderr}
}

// does has the browser do a, and returns what came of it.
func does[R any](b *browser, a act) R {
	b.Helper()
	line, err := json.Marshal(a)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		b.Fatalf("the browser is gone: %v\n%s", err, b.stderr.Bytes())
	}
	answer, err := b.answers.ReadBytes('\n')
	if err != nil {
		b.Fatalf("the browser is gone: %v\n%s", err, b.stderr.Bytes())
	}
	var failed struct{ Error string }
	var r R
	if err := json.Unmarshal(answer, &failed); err != nil || failed.Error != "" {
		b.Fatalf("%s: %s %v", line, failed.Error, err)
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		b.Fatalf("%s: %v in %s", line, err, answer)
	}
	for _, shown := range strands(answer) {
		if found := leaks(shown, pageNeedles); found != nil {
			b.Errorf("%s: the page shows %v", a.Do, found)
		}
	}
	return r
}

func (b *browser) open(tab, url string) seen {
	b.Helper()
	return does[seen](b, act{Do: "open", Tab: tab, URL: url})
}

func (b *browser) types(tab, pin string) {
	b.Helper()
	does[struct{}](b, act{Do: "fill", Tab: tab, Label: "PIN", Text: pin})
}

// click presses a button, and returns the page that follows.
func (b *browser) click(tab, button string) seen {
	b.Helper()
	return does[seen](b, act{Do: "click", Tab: tab, Button: button})
}

// press presses a button, and waits until the page says text.
func (b *browser) press(tab, button, text string) {
	b.Helper()
	does[seen](b, act{Do: "press", Tab: tab, Button: button, Text: text})
}

// readable holds a tab to what WCAG asks of text.
func (b *browser) readable(tab string) {
	b.Helper()
	least := does[struct {
		Ratio float64
		Text  string
	}](b, act{Do: "contrast", Tab: tab})
	if least.Ratio < 4.5 || least.Text == "" {
		b.Errorf("%q has a contrast of %.2f", least.Text, least.Ratio)
	}
}
