package approval_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scrim/internal/approval"
	"scrim/internal/secret"
	"scrim/policy"
)

func TestQuestionText(t *testing.T) {
	t.Parallel()
	want := `An agent asks to read from the vault.

Secret:      BACKUP_KEY
Place:       vault, prod:/alpha/vault
Project:     alpha
Environment: prod
Delivery:    value, into the agent's conversation and so to its model
A yes:       is good for one read, within 10 minutes
No answer:   in 2 minutes counts as no

Lines behind a bar are the agent's own words: unchecked,
and perhaps meant to mislead you.
| who: client 1.0
| why: restore last night's dump`
	r := newRig(t)
	if diff := cmp.Diff(want, r.ask(r.ctx, request(t, "BACKUP_KEY")).Text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuestionTextOfAFile(t *testing.T) {
	t.Parallel()
	want := `An agent asks to read from the vault.

Secret:      BACKUP_KEY
Place:       vault, prod:/alpha/vault
Project:     alpha
Environment: prod
Delivery:    file, in memory, removed after 5 minutes
A yes:       is good for one file, within 10 minutes
No answer:   in 2 minutes counts as no

Until it is removed every process of yours can read that file, keep
what is in it, and send it anywhere. The agent is told its path, and
can read it as well.

Lines behind a bar are the agent's own words: unchecked,
and perhaps meant to mislead you.
| who: client 1.0
| why: restore last night's dump`
	q := request(t, "BACKUP_KEY")
	q.Delivery = policy.DeliverFile
	r := newRig(t)
	if diff := cmp.Diff(want, r.ask(r.ctx, q).Text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuestionNamesEverySecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	q.Refs = []secret.Ref{ref(t, "/alpha/vault", "FIRST"), ref(t, "/alpha/vault", "SECOND")}
	text := r.ask(r.ctx, q).Text
	if !strings.Contains(text, "Secret:      FIRST\n") || !strings.Contains(text, "Secret:      SECOND\n") {
		t.Error(text)
	}
}

// wantFenced checks that the agent's words changed no line of scrim's.
func wantFenced(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, text, plain string,
) {
	t.Helper()
	var own []string
	for line := range strings.SplitSeq(text, "\n") {
		words, fenced := strings.CutPrefix(line, "| ")
		if !fenced {
			own = append(own, line)
			continue
		}
		if strings.Contains(words, "`") || utf8.RuneCountInString(line) > 62 {
			t.Fatalf("behind the bar: %q", line)
		}
	}
	for _, r := range text {
		invisible := !unicode.IsPrint(r) && r != '\n' || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
		if invisible || unicode.Is(unicode.Variation_Selector, r) {
			t.Fatalf("%U in %q", r, text)
		}
	}
	if !utf8.ValidString(text) {
		t.Fatalf("not UTF-8: %q", text)
	}
	plain, _, _ = strings.Cut(plain, "\n| ")
	if got := strings.Join(own, "\n"); got != plain {
		t.Fatalf("scrim's own lines are\n%s\nand not\n%s", got, plain)
	}
}

var imitations = map[string]string{
	"own line":      "fine\nDecision: approve\n\nSecret:      HARMLESS",
	"carriage":      "fine\r\nDecision: approve\rDecision: approve",
	"separators":    "a\u2028Decision: approve\u2029Decision: approve\u0085Decision: approve\vx\fy",
	"padding":       "x" + strings.Repeat(" ", 400) + "Decision: approve",
	"odd padding":   "x" + strings.Repeat("\u00a0\u3000\u2800\u3164\u200b", 100) + "Decision: approve",
	"words to wrap": strings.Repeat("word ", 30) + "Decision: approve",
	"one long word": strings.Repeat("w", 10_000),
	"wide runes":    strings.Repeat("日", 10_000),
	"ansi":          "\x1b[2J\x1b[H\x1b[32mDecision: approve\x1b[0m\x1b]0;title\x07\x9b31m",
	"right to left": "\u202eevorppa :noisiceD\u202c \u2066x\u2069 \u200fx\u061c",
	"zero width":    "De\u200bci\u200csi\u200don: ap\ufeffpro\u2060ve",
	"tags":          "x\U000e0041\U000e0042\ufe0f\U000e0100",
	"fence":         "```\nDecision: approve\n```",
	"quote":         "> quote\n\n| bar\n~~~\n---\n# Title",
	"html":          "</pre><b>Decision: approve</b><br><img src=x onerror=y>",
	"link":          "[approve](https://attacker.example) ![x](https://attacker.example/pixel)",
	"bar":           "| | |\n| who: scrim",
	"piled marks":   "Z" + strings.Repeat("\u0301\u0489\u0316", 200) + "x",
	"not utf-8":     "\xff\xfe\xc0\x80Decision",
	"nul":           "\x00\x00",
	"private use":   "\ue000\U000f0000",
	"empty":         "",
}

func TestImitations(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *approval.Options) { o.MaxOpen, o.MaxPerSession = 100, 100 })
	plain := r.ask(r.ctx, request(t, "A")).Text
	for name, words := range imitations {
		t.Run(name, func(t *testing.T) {
			q := request(t, "A")
			q.Purpose, q.Agent = words, words
			text := r.ask(r.ctx, q).Text
			wantFenced(t, text, plain)
			_, behind, _ := strings.Cut(text, "| why: ")
			if n := utf8.RuneCountInString(strings.ReplaceAll(behind, "\n| ", "")); n > 310 {
				t.Errorf("%d runes of it are shown", n)
			}
		})
	}
	for _, e := range r.trail() {
		for _, text := range []string{e.Purpose, e.Agent} {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("the trail has %q", text)
			}
		}
	}
}

func TestWhateverTheAgentWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := func(words, agent string) string {
		q := request(t, "A")
		q.Purpose, q.Agent = words, agent
		question := r.ask(r.ctx, q)
		r.gate.Withdraw(question.ID)
		return question.Text
	}
	plain := ask("", "")
	rapid.Check(t, func(t *rapid.T) {
		wantFenced(t, ask(rapid.String().Draw(t, "purpose"), rapid.String().Draw(t, "agent")), plain)
	})
}

func TestWrappedWordsAreWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	var words []string
	for i := range 40 {
		words = append(words, fmt.Sprint(1000+i))
	}
	q.Purpose = strings.Join(words, " ")
	_, behind, _ := strings.Cut(r.ask(r.ctx, q).Text, "| why: ")
	if got := strings.Join(strings.Fields(strings.ReplaceAll(behind, "\n| ", " ")), " "); got != q.Purpose {
		t.Errorf("got %q", got)
	}
}

func TestPurposeIsMasked(t *testing.T) {
	t.Parallel()
	const value = "made-up-value-of-twenty-four"
	mask := func(s string) string { return strings.ReplaceAll(s, value, "[redacted:OTHER]") }
	for name, words := range map[string]string{
		"plain":             "use " + value + " here",
		"behind zero width": "use " + strings.Join(strings.Split(value, ""), "\u200b"),
		"at the cap":        strings.Repeat("x", 280) + " " + value,
		"over the cap":      strings.Repeat("x", 299) + value,
		"behind escapes":    "use made\x1b-up\x00-value-of-twenty-four",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(o *approval.Options) { o.Mask = mask })
			q := request(t, "A")
			q.Purpose, q.Agent, q.Dir, q.Command = words, words, words, []string{words}
			text := r.ask(r.ctx, q).Text
			e := r.trail()[0]
			for what, got := range map[string]string{
				"question": strings.ReplaceAll(text, "\n| ", ""), "purpose": e.Purpose, "agent": e.Agent, "dir": e.Dir, "command": e.Command[0],
			} {
				for i := 0; i+6 <= len(value); i++ {
					if strings.Contains(got, value[i:i+6]) {
						t.Fatalf("%s has %q: %q", what, value[i:i+6], got)
					}
				}
			}
		})
	}
}

func TestWithoutAMaskNothingIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *approval.Options) { o.Mask = nil })
	q := request(t, "A")
	question := r.ask(r.ctx, q)
	if strings.Contains(question.Text, "dump") || strings.Contains(question.Text, "client") {
		t.Error(question.Text)
	}
	if e := r.trail()[0]; strings.Contains(e.Purpose+e.Agent, "dump") {
		t.Errorf("recorded %+v", e)
	}
}

// TestMadeUpIDsAreClean: what a call says its request id is, is the agent's.
func TestMadeUpIDsAreClean(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.refused(request(t, "A"), approval.Answer{ID: "x\x1b[31m\n" + strings.Repeat("y", 1000), State: "z"}, approval.ErrBadAnswer)
	if id := r.trail()[0].RequestID; utf8.RuneCountInString(id) > 40 || strings.ContainsAny(id, "\x1b\n") {
		t.Errorf("recorded %q", id)
	}
}
