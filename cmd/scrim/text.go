package main

import "strings"

// lineWidth is how many cells a line for people has at most, unless a single
// word of it is longer.
const lineWidth = 80

// wrapped breaks text at spaces into lines of lineWidth. Every line ends in a
// newline, and all but the first are indented.
func wrapped(text string) string {
	const indent = "  "
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+cells(word) > lineWidth:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += cells(word)
	}
	return b.String() + "\n"
}
