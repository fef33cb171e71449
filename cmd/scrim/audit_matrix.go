package main

import (
	"fmt"
	"strconv"
	"strings"

	"scrim/internal/estate"
)

// matrix lays a report out as projects by names.
type matrix struct {
	report   estate.Report
	coloured bool
	first    int // cells of the first column
}

func matrixOf(r estate.Report, coloured bool) matrix {
	m := matrix{r, coloured, len("PROJECT")}
	for _, row := range r.Rows {
		m.first = max(m.first, cells(row.Project.Name))
	}
	return m
}

// symbol is a state in one cell, which is told from the others without colour.
func symbol(s estate.State) string {
	switch s {
	case estate.OK:
		return "="
	case estate.Imported:
		return "i"
	case estate.Shadowed:
		return "s"
	case estate.Missing:
		return "-"
	case estate.Differs:
		return "x"
	default:
		return "?"
	}
}

// column is how wide that of a number is.
func (m matrix) column() int { return len(strconv.Itoa(len(m.report.Names))) + 1 }

// fits reports whether a terminal of that width has room for it.
func (m matrix) fits(width int) bool {
	return len(m.report.Rows) > 0 && m.first+1+len(m.report.Names)*m.column() <= width
}

// text is the matrix, what its columns are, and what its symbols mean.
func (m matrix) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%-*s ", m.report.Environment, m.first, "PROJECT")
	for i := range m.report.Names {
		fmt.Fprintf(&b, "%*d", m.column(), i+1)
	}
	b.WriteString("\n")
	for _, row := range m.report.Rows {
		fmt.Fprintf(&b, "%s%s ", row.Project.Name, strings.Repeat(" ", m.first-cells(row.Project.Name)))
		for _, state := range row.States {
			b.WriteString(strings.Repeat(" ", m.column()-1) + m.paint(state))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n" + m.key())
	for _, s := range estate.States() {
		if m.report.Count(s) > 0 {
			fmt.Fprintf(&b, "%s %s  ", m.paint(s), s)
		}
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// key says which name is in which column, in lines that fit.
func (m matrix) key() string {
	var b strings.Builder
	used := 0
	for i, name := range m.report.Names {
		part := fmt.Sprintf("%d %s", i+1, name)
		if used > 0 && used+2+len(part) > lineWidth {
			b.WriteString("\n")
			used = 0
		}
		if used > 0 {
			b.WriteString("  ")
			used += 2
		}
		b.WriteString(part)
		used += len(part)
	}
	return b.String() + "\n"
}

func (m matrix) paint(s estate.State) string {
	const green, red, yellow, faint, reset = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
	ink := map[estate.State]string{estate.OK: green, estate.Imported: faint, estate.Shadowed: faint, estate.Missing: red, estate.Differs: red, estate.Unknown: yellow}[s]
	if !m.coloured {
		return symbol(s)
	}
	return ink + symbol(s) + reset
}
