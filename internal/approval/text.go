package approval

import (
	"fmt"
	"strings"
	"time"

	"scrim/policy"
)

// What a question looks like: scrim's own lines first, then the agent's words,
// every line of them behind a bar. Clients may show it as plain text, wrap it,
// or render it as Markdown; whatever they do, a line without the bar is scrim's.
const (
	bar      = "| "
	barWidth = 60 // columns of the agent's words on one line
)

const warning = `Lines behind a bar are the agent's own words: unchecked,
and perhaps meant to mislead you.`

// warningOfRun says what a yes to a command comes to. Masking is no fence: the
// command may write the value backwards.
const warningOfRun = `A yes gives the secret to this command, and the command can send it
anywhere. What it prints comes back masked; the secret itself does not
enter the conversation unless the command wants it to.`

// warningOfFile says what a yes to a file comes to.
const warningOfFile = `Until it is removed every process of yours can read that file, keep
what is in it, and send it anywhere. The agent is told its path, and
can read it as well.`

// text authors the question of p.
func (g *Gate) text(p *pending) string {
	s := p.about
	var b strings.Builder
	runs, file := s.request.Delivery == policy.DeliverRun, s.request.Delivery == policy.DeliverFile
	b.WriteString(opening(runs))
	for _, ref := range s.request.Refs {
		fmt.Fprintf(&b, "Secret:      %s\n", ref.Name())
		fmt.Fprintf(&b, "Place:       vault, %s:%s\n", ref.Environment(), ref.Path())
	}
	scope := s.request.Scope
	fmt.Fprintf(&b, "Project:     %s\n", g.say(scope.Project, maxAgent))
	fmt.Fprintf(&b, "Environment: %s\n", g.say(scope.Environment, maxAgent))
	good := "read"
	switch {
	case runs:
		b.WriteString("Delivery:    run, into the environment of the command below\n")
		fmt.Fprintf(&b, "Program:     SHA-256 %s\n", s.request.ProgramSHA256)
		good = "run"
	case file:
		fmt.Fprintf(&b, "Delivery:    file, %s, removed after %s\n", where(g.options.FileOnDisk), words(g.options.FileTTL))
		good = "file"
	default:
		fmt.Fprintf(&b, "Delivery:    %s, into the agent's conversation and so to its model\n", s.request.Delivery)
	}
	fmt.Fprintf(&b, "A yes:       is good for one %s, within %s\n", good, words(p.needed.ttl))
	fmt.Fprintf(&b, "No answer:   in %s counts as no\n\n", words(g.patience(p)))
	if runs {
		b.WriteString(warningOfRun + "\n\n")
	}
	if file {
		b.WriteString(warningOfFile + "\n\n")
	}
	b.WriteString(warning + "\n")
	if runs {
		fence(&b, "command: ", line(s.command))
		fence(&b, "program: ", s.program)
		fence(&b, "directory: ", s.dir)
	}
	fence(&b, "who: ", s.agent)
	fence(&b, "why: ", s.purpose)
	return strings.TrimSuffix(b.String(), "\n")
}

// patience is for how long p is open once it is before a person.
func (g *Gate) patience(p *pending) time.Duration {
	if p.atDesk {
		return g.options.DeskTTL
	}
	return g.options.QuestionTTL
}

func where(onDisk bool) string {
	if onDisk {
		return "on disk (this system has no place in memory for it)"
	}
	return "in memory"
}

func opening(runs bool) string {
	if runs {
		return "An agent asks to run a command with a secret from the vault.\n\n"
	}
	return "An agent asks to read from the vault.\n\n"
}

// fence writes the agent's words behind bars, wrapped here so that no client
// has to, and without what Markdown or HTML would act on.
func fence(b *strings.Builder, label, untrusted string) {
	if untrusted == "" {
		untrusted = "(nothing)"
	}
	inert := strings.NewReplacer("`", "'", "<", "‹", ">", "›", "](", "] (").Replace(untrusted)
	for line := range strings.SplitSeq(wrap(label+inert, barWidth), "\n") {
		b.WriteString(bar + line + "\n")
	}
}

// wrap breaks text at spaces, or within a word that is longer than a line.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		if column > 0 && column+1+columns(word) > width {
			b.WriteByte('\n')
			column = 0
		}
		if column > 0 {
			b.WriteByte(' ')
			column++
		}
		for _, r := range word {
			if column+columns(string(r)) > width {
				b.WriteByte('\n')
				column = 0
			}
			b.WriteRune(r)
			column += columns(string(r))
		}
	}
	return b.String()
}

// columns is how wide a terminal shows s, at most.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 {
			n++
		}
	}
	return n
}

// words says a duration as a person would.
func words(d time.Duration) string {
	switch {
	case d == time.Minute:
		return "one minute"
	case d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	default:
		return d.String()
	}
}
