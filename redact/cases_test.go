package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"scrim/internal/secret"
	"scrim/redact"
)

// testCase is one entry of testdata/cases.json.
type testCase struct {
	Name    string `json:"name"`
	Secrets []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"secrets"`
	Input     []byte   `json:"input"`
	MustNot   []string `json:"must_not_contain"`
	Must      []string `json:"must_contain"`
	ValidJSON bool     `json:"must_be_valid_json"`
	ValidUTF8 bool     `json:"must_be_valid_utf8"`
	Tier      string   `json:"tier"`
	Split     string   `json:"split"`
}

func loadCases(t testing.TB) []*testCase {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []*testCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestCases(t *testing.T) {
	t.Parallel()
	for _, unrelated := range []int{0, 1000} {
		for _, c := range loadCases(t) {
			t.Run(fmt.Sprintf("%s/%d", c.Name, unrelated), func(t *testing.T) {
				t.Parallel()
				r := redact.New(redact.Options{})
				for i := range unrelated {
					r.Learn(ref(t, fmt.Sprintf("OTHER_%d", i)), secret.NewValue(fmt.Sprintf("unrelated/%d+%x", i, i*7919)))
				}
				for _, s := range c.Secrets {
					r.Learn(ref(t, s.Name), secret.NewValue(s.Value))
				}
				modes := map[string]func() error{
					"bytes":  func() error { out, _ := r.Bytes(nil, c.Input); return c.check(out) },
					"stream": func() error { return c.streamed(r) },
				}
				if c.ValidJSON {
					modes["frames"] = func() error { return c.framed(r) }
				}
				for mode, run := range modes {
					if err := run(); err != nil {
						t.Errorf("%s %s: %v", c.Tier, mode, err)
					}
				}
			})
		}
	}
}

func (c *testCase) check(out []byte) error {
	for _, s := range c.MustNot {
		if bytes.Contains(out, []byte(s)) {
			return fmt.Errorf("%q is in %q", s, out)
		}
	}
	for _, s := range c.Must {
		if !bytes.Contains(out, []byte(s)) {
			return fmt.Errorf("%q is not in %q", s, out)
		}
	}
	if c.ValidUTF8 && !utf8.Valid(out) {
		return fmt.Errorf("not UTF-8: %q", out)
	}
	return nil
}

func (c *testCase) framed(r *redact.Redactor) error {
	// A frame is one line.
	line := bytes.ReplaceAll(c.Input, []byte("\n"), []byte(" "))
	var out bytes.Buffer
	if _, err := r.Frames(&out).Write(append(line, '\n')); err != nil {
		return err
	}
	if !json.Valid(out.Bytes()) {
		return fmt.Errorf("not JSON: %s", out.Bytes())
	}
	return c.check(out.Bytes())
}

// streamed checks the stream for every way to cut the input; whatever it is
// cut into, the output is that of Bytes.
func (c *testCase) streamed(r *redact.Redactor) error {
	whole, _ := r.Bytes(nil, c.Input)
	for _, cuts := range c.splits() {
		var out bytes.Buffer
		w := r.Stream(&out)
		if err := writeCut(w, c.Input, cuts); err != nil {
			return err
		}
		if err := c.check(out.Bytes()); err != nil {
			return fmt.Errorf("cut at %v: %w", cuts, err)
		}
		if !bytes.Equal(out.Bytes(), whole) {
			return fmt.Errorf("cut at %v: %q, whole: %q", cuts, out.Bytes(), whole)
		}
	}
	return nil
}

// splits returns the ways to cut the input, each a list of offsets.
func (c *testCase) splits() [][]int {
	n := len(c.Input)
	every := func(step int) []int {
		var cuts []int
		for i := step; i < n; i += step {
			cuts = append(cuts, i)
		}
		return cuts
	}
	all := [][]int{nil, every(1), every(64), every(4096)}
	if strings.HasPrefix(c.Split, "every-") {
		for i := 1; i < n; i++ {
			all = append(all, []int{i})
		}
	}
	if c.Split == "every-pair" {
		for i := 1; i < n; i++ {
			for j := i + 1; j < n; j++ {
				all = append(all, []int{i, j})
			}
		}
	}
	return all
}

func writeCut(w io.WriteCloser, input []byte, cuts []int) error {
	from := 0
	for _, cut := range append(slices.Clip(cuts), len(input)) {
		if _, err := w.Write(input[from:cut]); err != nil {
			return err
		}
		from = cut
	}
	return w.Close()
}

func ref(t testing.TB, name string) secret.Ref {
	t.Helper()
	r, err := secret.ParseRef("prod", "/alpha/vault", name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
