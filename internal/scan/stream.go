package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"scrim/redact"
)

// sizes are the parts of a window of a stream, in bytes. A spot that starts in
// the core is seen whole, with what surrounds it: no pattern of the redactor is
// longer than the margins, and encodings are looked through within them.
type sizes struct{ before, core, after int }

// usual are the sizes of every window outside of tests.
func usual() sizes { return sizes{before: 128 << 10, core: 2 << 20, after: 256 << 10} }

// Located is a spot of a stream.
type Located struct {
	Spot
	Line int // where it starts, from 1
}

// Stream reads r to its end, in memory of a few windows, and reports each spot
// once, in order. The name is that of the file, as for Text. Start and End are
// places in the window that was read last and mean nothing to the caller.
func (s Scanner) Stream(ctx context.Context, name string, r io.Reader, report func(Located)) error {
	return s.stream(ctx, name, r, usual(), report)
}

func (s Scanner) stream(ctx context.Context, name string, r io.Reader, sizes sizes, report func(Located)) error {
	w := window{scanner: s, sizes: sizes, name: name, report: report, line: 1}
	if err := w.byName(); err != nil {
		return err
	}
	for {
		ended, err := w.fill(r)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if err := w.settle(ctx, ended); err != nil || ended {
			return err
		}
	}
}

// window is the part of a stream that is in memory.
type window struct {
	sizes

	scanner Scanner
	name    string
	report  func(Located)

	text    []byte
	settled int // up to here in text, every spot that starts has been reported
	line    int // of text[settled]
	masked  int // how far the last reported known value reaches, in text
}

// byName reports what the file's name alone tells.
func (w *window) byName() error {
	ids, err := w.scanner.Rules.ByName(w.name)
	for _, id := range ids {
		w.report(Located{Spot{Kind: Pattern, Encoding: redact.Plain, Rule: id}, 1})
	}
	return err
}

// fill reads until the window is full, and reports whether r has ended.
func (w *window) fill(r io.Reader) (ended bool, err error) {
	if w.text == nil {
		w.text = make([]byte, 0, w.before+w.core+w.after)
	}
	have := len(w.text)
	n, err := io.ReadFull(r, w.text[have:cap(w.text)])
	w.text = w.text[:have+n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true, nil
	}
	return false, err
}

// settle reports the spots of the window's core and moves on. At the end of
// the stream all that is left is core.
func (w *window) settle(ctx context.Context, ended bool) error {
	limit := len(w.text)
	if !ended {
		limit -= w.after
	}
	spots, err := w.scanner.Text(ctx, w.name, w.text)
	if err != nil {
		return err
	}
	at, line := w.settled, w.line
	for _, spot := range spots {
		if w.isNew(spot) && spot.Start < limit {
			line += bytes.Count(w.text[at:spot.Start], []byte("\n"))
			at = spot.Start
			w.report(Located{spot, line})
		}
		if spot.Kind == Known && spot.Start < limit {
			w.masked = max(w.masked, spot.End)
		}
	}
	w.line = line + bytes.Count(w.text[at:limit], []byte("\n"))
	w.forget(limit)
	return nil
}

// isNew reports whether a spot was not reported by the window before. A known
// value that overlaps one that was is the same interval.
func (w *window) isNew(spot Spot) bool {
	return spot.Start >= w.settled && (spot.Kind == Pattern || spot.Start >= w.masked)
}

// forget drops what is before limit, but for what surrounds it.
func (w *window) forget(limit int) {
	drop := max(0, limit-w.before)
	w.text = w.text[:copy(w.text, w.text[drop:])]
	w.settled = limit - drop
	w.masked -= drop
}
