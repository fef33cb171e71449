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

	labelWidth = 13 // columns of what one of scrim's lines begins with
	entryWidth = 80 - 1 - labelWidth
)

const warning = `Lines behind a bar are the agent's own words: unchecked,
and perhaps meant to mislead you.`

// goesOn ends a line within a word of a command, where the end of a line would
// look like a space. No command has it: escaped leaves none.
const goesOn = "¬"

const warningOfBreaks = "A line that ends in " + goesOn + " goes on in the next without a space."

// warningOfRun says what a yes to a command comes to. Masking is no fence: the
// command may write the value backwards.
const warningOfRun = `A yes gives the secret to this command, and the command can send it
anywhere. What it prints comes back masked; the secret itself does not
enter the conversation unless the command wants it to.`

// warningOfFile says what a yes to a file comes to.
const warningOfFile = `Until it is removed every process of yours can read that file, keep
what is in it, and send it anywhere. The agent is told its path, and
can read it as well.`

// warningOfBase says what a yes to a move out of the vault comes to.
const warningOfBase = `A yes makes it readable without another one: every agent of the project
that starts from then on has it in its environment. It can be moved
back, and who has read it by then has read it.`

// text authors the question of p.
func (g *Gate) text(p *pending) string { return g.facts(p).Text(p.about.agent) }

// Text authors the question that has these facts and that agent asks. It takes them
// as they are: what is in them must have been made fit to be shown.
func (f Facts) Text(agent string) string {
	var b strings.Builder
	runs := f.Way == policy.DeliverRun
	b.WriteString(opening(f.Way))
	for _, place := range f.Secrets {
		entry(&b, "Secret:", place.Name)
		entry(&b, "Place:", "vault, "+place.Environment+":"+place.Path)
	}
	entry(&b, "Project:", f.Project)
	entry(&b, "Environment:", f.Environment)
	good := "read"
	switch f.Way {
	case policy.DeliverRun:
		good = "run"
		entry(&b, "Delivery:", "run, into the environment of the command below")
		fmt.Fprintf(&b, "Program:     SHA-256 %s\n", f.ProgramSHA256) // to be compared, in one piece
	case policy.DeliverFile:
		good = "file"
		entry(&b, "Delivery:", f.Delivery)
	case policy.DeliverBase:
		good = "move"
		entry(&b, "Delivery:", f.Delivery)
	default:
		entry(&b, "Delivery:", f.Delivery)
	}
	entry(&b, "A yes:", fmt.Sprintf("is good for one %s, within %s", good, words(f.YesTTL)))
	entry(&b, "No answer:", fmt.Sprintf("in %s counts as no", words(f.Patience)))
	b.WriteString("\n")
	if f.Warning != "" {
		b.WriteString(f.Warning + "\n\n")
	}
	b.WriteString(warning + "\n")
	if runs {
		b.WriteString(warningOfBreaks + "\n")
		fence(&b, "command: ", f.CommandLine, goesOn)
		fence(&b, "program: ", f.Program, goesOn)
		fence(&b, "directory: ", f.Dir, goesOn)
	}
	fence(&b, "who: ", agent, "")
	fence(&b, "why: ", f.Purpose, "")
	return strings.TrimSuffix(b.String(), "\n")
}

// entry writes one of scrim's own lines. What is too long for it goes on below,
// indented, so that a terminal begins no line of its own with it.
func entry(b *strings.Builder, label, text string) {
	rows := strings.ReplaceAll(wrap(text, entryWidth, ""), "\n", "\n"+strings.Repeat(" ", labelWidth))
	fmt.Fprintf(b, "%-*s%s\n", labelWidth, label, rows)
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

func opening(way policy.Delivery) string {
	switch way {
	case policy.DeliverRun:
		return "An agent asks to run a command with a secret from the vault.\n\n"
	case policy.DeliverBase:
		return "Somebody at a terminal asks to move secrets out of the vault.\n\n"
	default:
		return "An agent asks to read from the vault.\n\n"
	}
}

// fence writes the agent's words behind bars, wrapped here so that no client
// has to, and without what Markdown or HTML would act on. Broken is as for wrap.
func fence(b *strings.Builder, label, untrusted, broken string) {
	if untrusted == "" {
		untrusted = "(nothing)"
	}
	inert := strings.NewReplacer("`", "'", "<", "‹", ">", "›", "](", "] (").Replace(untrusted)
	for line := range strings.SplitSeq(wrap(label+inert, barWidth, broken), "\n") {
		b.WriteString(bar + line + "\n")
	}
}

// wrap breaks text at spaces, or within a word that is longer than a line, which
// then ends in broken.
func wrap(text string, width int, broken string) string {
	var b strings.Builder
	width -= columns(broken)
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
				b.WriteString(broken + "\n")
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
