// Package chart draws lines over two logarithmic axes, as an SVG that needs
// nothing else and reads well on light and on dark.
package chart

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Chart is what is drawn. The same chart gives the same bytes.
type Chart struct {
	Title, Description string
	XLabel, YLabel     string
	Lines              []Line
}

// Line is a named line through points from left to right. The coordinates are
// positive. Lines of one Colour, a number, have the same.
type Line struct {
	Name   string
	Colour int
	Dashed bool
	Points []Point
}

// Point is a place on a line.
type Point struct{ X, Y float64 }

// The drawing, and in it the area between the axes, in pixels. Names of lines
// stand to the right of it.
const (
	width, height           = 800, 420
	left, right, top, floor = 76, 600, 24, 360
	labelGap                = 17 // between the baselines of two names
)

const style = `  <style>
    .axis { stroke: #57606a; stroke-width: 1 } .grid { stroke: #57606a; stroke-opacity: .22; stroke-width: 1 }
    .text { fill: #24292f } .soft { fill: #57606a; font-size: 12.5px }
    .line { fill: none; stroke-width: 2; stroke-linejoin: round } .dash { stroke-dasharray: 6 4 }
    .c0 { color: #9a6700 } .c1 { color: #0969da } .c2 { color: #8250df } .c3 { color: #1a7f37 } .c4 { color: #cf222e } .c5 { color: #57606a }
    .line { stroke: currentColor } .dot, .name { fill: currentColor }
    @media (prefers-color-scheme: dark) {
      .axis, .grid { stroke: #8b949e } .text { fill: #e6edf3 } .soft { fill: #9ea7b3 }
      .c0 { color: #e3b341 } .c1 { color: #6cb6ff } .c2 { color: #c297ff } .c3 { color: #56d364 } .c4 { color: #ff7b72 } .c5 { color: #9ea7b3 }
    }
  </style>
`

// colours is how many the style has.
const colours = 6

// SVG returns the drawing.
func (c Chart) SVG() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc"`+"\n", width, height)
	b.WriteString(`     font-family="ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13">` + "\n")
	fmt.Fprintf(&b, "  <title id=\"title\">%s</title>\n  <desc id=\"desc\">%s</desc>\n%s", escape(c.Title), escape(c.Description), style)
	x, y := c.axes()
	c.frame(&b, x, y)
	for _, l := range c.Lines {
		l.draw(&b, x, y)
	}
	for _, n := range c.names(x, y) {
		fmt.Fprintf(&b, `  <text class="name c%d" x="%.1f" y="%.1f">%s</text>`+"\n", n.colour, n.x, n.y, escape(n.text))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// axis maps whole decades onto pixels.
type axis struct {
	low, high  int // powers of ten
	start, end float64
}

func (a axis) at(v float64) float64 {
	return a.start + (math.Log10(v)-float64(a.low))/float64(a.high-a.low)*(a.end-a.start)
}

// ticks calls draw for each power of ten on the axis.
func (a axis) ticks(draw func(at float64, label string)) {
	for power := a.low; power <= a.high; power++ {
		v := math.Pow10(power)
		draw(a.at(v), thousands(v))
	}
}

// axes returns axes with room for every point.
func (c Chart) axes() (x, y axis) {
	x, y = axis{low: math.MaxInt, high: math.MinInt, start: left, end: right}, axis{low: math.MaxInt, high: math.MinInt, start: floor, end: top}
	for _, l := range c.Lines {
		for _, p := range l.Points {
			x.fit(p.X)
			y.fit(p.Y)
		}
	}
	return x.sane(), y.sane()
}

func (a *axis) fit(v float64) {
	a.low = min(a.low, int(math.Floor(math.Log10(v))))
	a.high = max(a.high, int(math.Ceil(math.Log10(v))))
}

// sane returns the axis with at least one decade.
func (a axis) sane() axis {
	if a.low > a.high {
		a.low, a.high = 0, 1
	}
	if a.low == a.high {
		a.high++
	}
	return a
}

func (c Chart) frame(b *bytes.Buffer, x, y axis) {
	y.ticks(func(at float64, label string) {
		fmt.Fprintf(b, `  <path class="grid" d="M%d %.1fH%d"/><text class="soft" x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left, at, right, left-8, at+4, label)
	})
	x.ticks(func(at float64, label string) {
		fmt.Fprintf(b, `  <path class="grid" d="M%.1f %dV%d"/><text class="soft" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, top, floor, at, floor+20, label)
	})
	fmt.Fprintf(b, `  <path class="axis" fill="none" d="M%d %dV%dH%d"/>`+"\n", left, top, floor, right)
	fmt.Fprintf(b, `  <text class="text" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+right)/2, floor+44, escape(c.XLabel))
	fmt.Fprintf(b, `  <text class="text" transform="translate(20 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+floor)/2, escape(c.YLabel))
}

func (l Line) draw(b *bytes.Buffer, x, y axis) {
	if len(l.Points) == 0 {
		return
	}
	colour := l.Colour % colours
	class := fmt.Sprintf("line c%d", colour)
	if l.Dashed {
		class += " dash"
	}
	fmt.Fprintf(b, `  <path class="%s" d="`, class)
	for i, p := range l.Points {
		move := "L"
		if i == 0 {
			move = "M"
		}
		fmt.Fprintf(b, "%s%.1f %.1f", move, x.at(p.X), y.at(p.Y))
	}
	b.WriteString(`"/>` + "\n")
	for _, p := range l.Points {
		fmt.Fprintf(b, `  <circle class="dot c%d" cx="%.1f" cy="%.1f" r="3"/>`+"\n", colour, x.at(p.X), y.at(p.Y))
	}
}

// name is where the name of a line stands.
type name struct {
	text   string
	colour int
	x, y   float64
}

// names returns a place for each name beside the last point of its line, and
// moves down those that would stand on another.
func (c Chart) names(x, y axis) []name {
	var names []name
	for _, l := range c.Lines {
		if len(l.Points) > 0 {
			last := l.Points[len(l.Points)-1]
			names = append(names, name{text: l.Name, colour: l.Colour % colours, x: x.at(last.X) + 10, y: y.at(last.Y) + 4})
		}
	}
	slices.SortStableFunc(names, func(a, b name) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) })
	for i := 1; i < len(names); i++ {
		if names[i].x-names[i-1].x < 1 {
			names[i].y = max(names[i].y, names[i-1].y+labelGap)
		}
	}
	return names
}

// thousands returns v in full, with commas, as people write it.
func thousands(v float64) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	for at := len(text) - 3; at > 0 && v >= 1000; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}
