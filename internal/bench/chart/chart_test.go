package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"scrim/internal/bench/chart"
)

func drawing() chart.Chart {
	return chart.Chart{Title: "a < b", Description: "two lines", XLabel: "number", YLabel: "speed", Lines: []chart.Line{
		{Name: "upper & lower", Points: []chart.Point{{10, 3000}, {100, 2500}, {10000, 1200}}},
		{Name: "beside it", Colour: 7, Dashed: true, Points: []chart.Point{{10, 2900}, {10000, 1190}}},
		{Name: "short", Points: []chart.Point{{10, 80}, {1000, 20}}},
		{Name: "nothing"},
	}}
}

func TestSVGIsXMLAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	svg := drawing().SVG()
	if !bytes.Equal(svg, drawing().SVG()) {
		t.Error("two drawings differ")
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"a &lt; b", "upper &amp; lower", ">10,000</text>", `class="line c1 dash"`, "prefers-color-scheme: dark"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q", want)
		}
	}
	for _, no := range []string{"http://www.w3.org/1999/xlink", "href", "NaN", "Inf", ">nothing<"} {
		if strings.Contains(string(svg), no) {
			t.Errorf("%q", no)
		}
	}
}

func TestNamesDoNotStandOnEachOther(t *testing.T) {
	t.Parallel()
	type text struct {
		Class string  `xml:"class,attr"`
		Y     float64 `xml:"y,attr"`
		Text  string  `xml:",chardata"`
	}
	var svg struct {
		Text []text `xml:"text"`
	}
	if err := xml.Unmarshal(drawing().SVG(), &svg); err != nil {
		t.Fatal(err)
	}
	at := map[string]float64{}
	for _, x := range svg.Text {
		at[x.Text] = x.Y
	}
	if gap := at["beside it"] - at["upper & lower"]; gap < 12 {
		t.Errorf("the gap is %v", gap)
	}
}

func TestAnEmptyChartIsDrawn(t *testing.T) {
	t.Parallel()
	if svg := string(chart.Chart{}.SVG()); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error(svg)
	}
}
