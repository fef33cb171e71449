package redact_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"scrim/internal/bench/chart"
)

// section is a table with a title and a note, for a terminal and for a page.
type section struct {
	title, note string
	rows        [][]string // the first one is the head
}

// report sets the figures beside the targets, and then lists them.
func report(f figures) []section {
	sections := []section{f.targets()}
	for _, short := range shorts {
		sections = append(sections, f.speeds(short))
	}
	return append(sections, f.ratios(), f.buildTimes())
}

func (f figures) rate(secrets, short int, text, engine string) float64 {
	return f.rates[cell{known: known{secrets: secrets, short: short}, text: text, engine: engine}]
}

func (f figures) targets() section {
	log := func(secrets, short int, engine string) float64 { return f.rate(secrets, short, logText, engine) }
	over := func(engine string) float64 { return f.beside(engine, logText) }
	frame := max(f.frames[10], f.frames[1000])
	s := section{
		title: "Targets",
		note:  "Log text, one core, the decoding tier on; MB are 10^6 bytes. Without \"short\", all values have 16 bytes and more.",
		rows:  [][]string{{"what", "target", "measured", ""}},
	}
	s.target("Bytes, 1,000 secrets", ">= 3,000 MB/s", mbs(log(1000, 0, whole)), log(1000, 0, whole) >= 3000)
	s.target("Bytes, 10,000 secrets", ">= 1,500 MB/s", mbs(log(10000, 0, whole)), log(10000, 0, whole) >= 1500)
	s.target("Bytes, 10,000 secrets, 10 % short", ">= 800 MB/s", mbs(log(10000, 10, whole)), log(10000, 10, whole) >= 800)
	s.target("Bytes, 10,000 secrets beside 10", ">= 0.25", fmt.Sprintf("%.2f", log(10000, 0, whole)/log(10, 0, whole)), log(10000, 0, whole) >= log(10, 0, whole)/4)
	s.target("Bytes beside "+replacer+", 1,000 secrets", ">= 30 times", times(over(replacer)), over(replacer) >= 30)
	s.target("Bytes beside "+automaton+", 1,000 secrets", ">= 8 times", times(over(automaton)), over(automaton) >= 8)
	s.target("the same, text larger than caches", "", fmt.Sprintf("%.3g and %.3g times", f.beside(replacer, largeText), f.beside(automaton, largeText)), true)
	s.target("Bytes, allocations without hits", "0", fmt.Sprint(f.allocs["bytes"]), f.allocs["bytes"] == 0)
	s.target("writes of 4 KB, 1,000 secrets", ">= 500 MB/s", mbs(log(1000, 0, streamed)), log(1000, 0, streamed) >= 500)
	s.target("a frame of 1 KB without hits", "< 2 µs", fmt.Sprintf("%.2f µs", frame/1000), frame < 2000)
	s.target("the same, allocations", "0", fmt.Sprint(f.allocs["frame"]), f.allocs["frame"] == 0)
	s.target("build for 10,000 secrets, 10 % short", "< 250 ms", fmt.Sprintf("%.0f ms", f.build.milliseconds), f.build.milliseconds < 250)
	s.target("the same, most memory while building", "< 40 MB", fmt.Sprintf("%.1f MB", f.build.peakMB), f.build.peakMB < 40)
	s.target("the same, memory afterwards", "", fmt.Sprintf("%.1f MB", f.build.staysMB), true)
	for _, n := range []int{1000, 10000} {
		l := f.learned[n]
		s.target(fmt.Sprintf("one secret more where %s are known", thousands(float64(n))), "microseconds", fmt.Sprintf("%.0f µs, at worst %.0f µs", l.median, l.worst), l.median < 1000)
	}
	s.target("a write of 4 KB without hits, allocations", "", fmt.Sprint(f.allocs["stream"]), true)
	return s
}

// beside returns how many times as fast as an engine scrim is at 1,000 secrets.
func (f figures) beside(engine, text string) float64 {
	return f.rate(1000, 0, text, whole) / f.rate(1000, 0, text, engine)
}

func (s *section) target(what, target, measured string, met bool) {
	mark := ""
	if !met {
		mark = "missed"
	}
	s.rows = append(s.rows, []string{what, target, measured, mark})
}

func (f figures) speeds(short int) section {
	s := section{title: "MB/s, all values of 16 bytes and more", rows: [][]string{head("text", "engine")}, note: f.remarks()}
	if short > 0 {
		s.title = fmt.Sprintf("MB/s, %d %% of values of 8 to 15 bytes", short)
	}
	for _, text := range textNames {
		for _, engine := range f.engineNames() {
			s.rows = append(s.rows, f.row([]string{text, engine}, mbsOnly, func(secrets int) float64 { return f.rate(secrets, short, text, engine) }))
		}
	}
	return s
}

// engineNames are the names of the engines that were there for the smallest
// set of secrets: the largest can be too large for one.
func (f figures) engineNames() []string {
	var names []string
	for _, name := range []string{whole, streamed, hyperscans, automaton, replacer, plainCopy} {
		if _, ok := f.builds[cell{known: known{secrets: sizes[0]}, engine: name}]; ok {
			names = append(names, name)
		}
	}
	return names
}

// remarks says which figures are not of the whole.
func (f figures) remarks() string {
	note := fmt.Sprintf("%d MiB of each text, %d MiB of the larger one.", *mib, *large)
	for _, n := range sizes {
		if f.rate(n, 0, logText, automaton) == 0 {
			note += fmt.Sprintf(" %s has no figure at %s secrets: it takes too much time and memory to build.", automaton, thousands(float64(n)))
		}
	}
	return note
}

func (f figures) ratios() section {
	s := section{title: "How many times as fast as others, log text", rows: [][]string{head("values", "beside")}}
	for _, short := range shorts {
		values := "16 bytes and more"
		if short > 0 {
			values = fmt.Sprintf("%d %% short", short)
		}
		for _, engine := range f.engineNames() {
			if engine == whole || engine == streamed {
				continue
			}
			s.rows = append(s.rows, f.row([]string{values, engine}, timesOnly, func(secrets int) float64 {
				return f.rate(secrets, short, logText, whole) / f.rate(secrets, short, logText, engine)
			}))
		}
	}
	return s
}

func (f figures) buildTimes() section {
	s := section{title: "Milliseconds to build, 10 % of values short", rows: [][]string{head("engine")}}
	for _, engine := range f.engineNames() {
		if engine == streamed || engine == plainCopy {
			continue
		}
		s.rows = append(s.rows, f.row([]string{engine}, oneDigit, func(secrets int) float64 {
			return f.builds[cell{known: known{secrets: secrets, short: shorts[len(shorts)-1]}, engine: engine}]
		}))
	}
	return s
}

// head is the first row of a table with a column for each number of secrets.
func head(first ...string) []string {
	for _, n := range sizes {
		first = append(first, thousands(float64(n)))
	}
	return first
}

// row is one of its rows; what was not measured is a dash.
func (f figures) row(first []string, format func(float64) string, of func(secrets int) float64) []string {
	for _, n := range sizes {
		text := "–"
		if v := of(n); v > 0 && !math.IsInf(v, 0) {
			text = format(v)
		}
		first = append(first, text)
	}
	return first
}

func mbs(v float64) string       { return mbsOnly(v) + " MB/s" }
func mbsOnly(v float64) string   { return thousands(math.Round(v)) }
func times(v float64) string     { return timesOnly(v) + " times" }
func timesOnly(v float64) string { return fmt.Sprintf("%.3g", v) }
func oneDigit(v float64) string  { return fmt.Sprintf("%.1f", v) }

func thousands(v float64) string {
	text := fmt.Sprintf("%.0f", v)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// write writes the section as Markdown with even columns, which a terminal
// shows well too. Columns of figures are flush right.
func (s section) write(w io.Writer) {
	widths := make([]int, len(s.rows[0]))
	for _, row := range s.rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text), len("--:"))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", s.title)
	for at, row := range s.rows {
		for i, text := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if s.isFigure(i) {
				fmt.Fprintf(&b, "| %s%s ", pad, text)
			} else {
				fmt.Fprintf(&b, "| %s%s ", text, pad)
			}
		}
		b.WriteString("|\n")
		if at == 0 {
			s.rule(&b, widths)
		}
	}
	if s.note != "" {
		fmt.Fprintf(&b, "\n%s\n", s.note)
	}
	b.WriteString("\n")
	_, _ = io.WriteString(w, b.String())
}

func (s section) rule(b *strings.Builder, widths []int) {
	for i, width := range widths {
		if s.isFigure(i) {
			fmt.Fprintf(b, "|%s:", strings.Repeat("-", width+1))
		} else {
			fmt.Fprintf(b, "|%s", strings.Repeat("-", width+2))
		}
	}
	b.WriteString("|\n")
}

// isFigure reports whether column i is headed by a number of secrets.
func (s section) isFigure(i int) bool {
	head := s.rows[0][i]
	return head != "" && head[0] >= '0' && head[0] <= '9'
}

// plot draws the rates over log text, one line an engine.
func plot(f figures) chart.Chart {
	c := chart.Chart{
		Title:       "Speed over the number of secrets",
		Description: "MB/s over log text, for 10 to 10,000 secrets, of scrim and of what else finds or masks them.",
		XLabel:      "number of secrets", YLabel: "MB/s, one core, log text",
	}
	add := func(name, engine string, short, colour int) {
		line := chart.Line{Name: name, Dashed: short > 0, Colour: colour}
		for _, n := range sizes {
			if v := f.rate(n, short, logText, engine); v > 0 {
				line.Points = append(line.Points, chart.Point{X: float64(n), Y: v})
			}
		}
		c.Lines = append(c.Lines, line)
	}
	for colour, engine := range []string{whole, hyperscans, automaton, replacer} {
		add(engine, engine, 0, colour)
	}
	add("scrim, 10 % short", whole, shorts[len(shorts)-1], 0)
	add(plainCopy, plainCopy, 0, 5)
	return c
}

// What is between these in the page is made by the benchmark.
const (
	figuresStart = "<!-- figures: make bench-docs writes what follows -->\n"
	figuresEnd   = "<!-- end of figures -->\n"
)

// writeDocs rewrites the figures of the page and the plot in dir.
func writeDocs(tb testing.TB, dir string, sections []section, c chart.Chart) {
	tb.Helper()
	name := filepath.Join(dir, "performance.md")
	page, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	before, rest, started := bytes.Cut(page, []byte(figuresStart))
	_, after, ended := bytes.Cut(rest, []byte(figuresEnd))
	if !started || !ended {
		tb.Fatalf("%s has no place for figures: put %q and %q where they belong", name, figuresStart, figuresEnd)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(figuresStart + "\n")
	for _, s := range sections {
		s.write(&b)
	}
	b.WriteString(figuresEnd)
	b.Write(after)
	for path, data := range map[string][]byte{name: b.Bytes(), filepath.Join(dir, "performance.svg"): c.SVG()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}
