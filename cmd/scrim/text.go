package main

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
)

// lineWidth is how many cells a line for people has at most, unless a single
// word of it is longer.
const lineWidth = 80

// wrapped breaks text at spaces into lines of lineWidth. Every line ends in a
// newline, and all but the first are indented.
func wrapped(text string) string { return hung("", text, "  ") }

// hung is wrapped for a text that stands behind a label, with an indent of its
// own for all lines but the first.
func hung(label, text, indent string) string {
	var b strings.Builder
	b.WriteString(label)
	column := cells(label)
	begun := false
	for word := range strings.FieldsSeq(text) {
		switch {
		case !begun:
			begun = true
		case column+1+cells(word) > lineWidth:
			b.WriteString("\n" + indent)
			column = cells(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += cells(word)
	}
	return b.String() + "\n"
}

// aligned returns a line for each row, its cells in columns.
func aligned(rows [][]string) []string {
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush() // a buffer takes everything
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
