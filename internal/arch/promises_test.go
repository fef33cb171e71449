package arch

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// promises holds documentation to the tests that it names, and tests to their
// names in it: "TestReplay", "TestRule…" for any that begin so, "TestScripts/run"
// for a script.
type promises struct {
	tests   map[string]bool // that there are
	scripts map[string]bool
	named   []promise
	rows    []string // findings: a channel without a test
}

type promise struct{ where, test, more string }

var (
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
	testName   = regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)(…|/[\w-]+)?`)
	stopsTable = regexp.MustCompile(`^\|.*\| what stops it \|`)
)

// read takes in one file of the module.
func (p *promises) read(name, text string) {
	switch {
	case strings.HasSuffix(name, "_test.go"):
		for _, found := range testFunc.FindAllStringSubmatch(text, -1) {
			p.tests[found[1]] = true
		}
	case strings.HasSuffix(name, ".txtar"):
		p.scripts[strings.TrimSuffix(path.Base(name), ".txtar")] = true
	case strings.HasSuffix(name, ".md"):
		p.readDocument(name, text)
	}
}

// readDocument takes in the names, and the rows of a table that says what stops what.
func (p *promises) readDocument(name, text string) {
	number, column := 0, -1
	for line := range strings.Lines(text) {
		number++
		where := fmt.Sprintf("%s:%d", name, number)
		for _, found := range testName.FindAllStringSubmatch(line, -1) {
			p.named = append(p.named, promise{where, found[1], found[2]})
		}
		cells := strings.Split(line, "|")
		switch {
		case stopsTable.MatchString(line):
			column = slices.Index(cells, " what stops it ")
		case !strings.HasPrefix(line, "|"):
			column = -1
		case column > 0 && !strings.HasPrefix(line, "|--") && (len(cells) <= column || !testName.MatchString(cells[column])):
			p.rows = append(p.rows, where+": no test shows what stops this")
		}
	}
}

// findings are the names of tests that are not there, and what no test shows.
func (p *promises) findings() []string {
	all := p.rows
	for _, n := range p.named {
		there := p.tests[n.test]
		switch {
		case n.more == "…":
			there = slices.ContainsFunc(slices.Collect(maps.Keys(p.tests)), func(test string) bool { return strings.HasPrefix(test, n.test) })
		case n.test == "TestScripts" && n.more != "":
			there = there && p.scripts[n.more[1:]]
		}
		if !there {
			all = append(all, fmt.Sprintf("%s: there is no test %s%s", n.where, n.test, n.more))
		}
	}
	return all
}
