package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// BrokenError names the first line at which a trail is not what was written.
type BrokenError struct {
	Line int // from 1
	Why  string
}

// Error names the line and says why.
func (e *BrokenError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Why) }

// Summary counts what a whole trail holds.
type Summary struct {
	Records int
	Cut     int // lines that were cut short, each declared by the record after it
}

// Read yields the records that r holds, in order. For a line that is no record
// it yields a *BrokenError and goes on; any other error ends it. It does not
// look at the chain: that is Verify's.
func Read(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for l, err := range lines(r) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			record, err := parse(l.text)
			if err != nil {
				record, err = Record{}, &BrokenError{l.number, err.Error()}
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// Verify reads the trail at path and follows its chain. Its error is a
// *BrokenError where the trail was changed or cut, and another where it could
// not be read (fs.ErrNotExist where there is none).
func Verify(path string) (Summary, error) { return Follow(path, func(Record) {}) }

// Follow is Verify that shows visit each record, in order, once the chain was
// found to be whole up to it. What visit saw is the trail only where the error
// is nil.
func Follow(path string, visit func(Record)) (Summary, error) {
	f, err := OpenTrail(path)
	if err != nil {
		return Summary{}, fmt.Errorf("verify the audit trail: %w", err)
	}
	defer f.Close()
	size, err := settledSize(f)
	if err != nil {
		return Summary{}, fmt.Errorf("verify the audit trail: %w", err)
	}
	return verify(io.LimitReader(f, size), visit)
}

// OpenTrail opens the trail at path for Read. A link, a pipe or a device is
// refused, as Append refuses it; fs.ErrNotExist says that there is none.
func OpenTrail(path string) (*os.File, error) {
	f, err := openRead(path)
	if err != nil {
		return nil, (&Log{path: path}).explainOpen(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: move it away", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// settledSize returns f's size at a moment when nobody is appending.
func settledSize(f *os.File) (int64, error) {
	if err := lock(f, false); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), unlock(f)
}

func verify(r io.Reader, visit func(Record)) (Summary, error) {
	c := chain{visit: visit}
	for l, err := range lines(r) {
		if err != nil {
			return Summary{}, fmt.Errorf("read the audit trail: %w", err)
		}
		if err := c.take(l); err != nil {
			return Summary{}, err
		}
	}
	if c.broken != nil {
		return Summary{}, &BrokenError{c.broken.Line, c.broken.Why + ", and no record after it says that it was cut short"}
	}
	return c.sum, nil
}

// chain follows a trail from its start.
type chain struct {
	visit  func(Record)
	sum    Summary
	last   Record
	lost   []byte       // lines since last that are no records
	cut    int          // how many
	broken *BrokenError // the first of them
}

func (c *chain) take(l line) error {
	record, err := parse(l.text)
	if err != nil {
		if c.broken == nil {
			c.broken = &BrokenError{l.number, err.Error()}
		}
		if len(c.lost) > maxTail {
			return c.broken
		}
		c.lost = append(append(c.lost, l.text...), '\n')
		c.cut++
		return nil
	}
	if err := c.check(record, l.number); err != nil {
		return err
	}
	c.visit(record)
	c.sum.Records++
	c.sum.Cut += c.cut
	c.last, c.lost, c.cut, c.broken = record, nil, 0, nil
	return nil
}

func (c *chain) check(r Record, number int) error {
	if c.broken != nil && !c.declaredBy(r) {
		return c.broken
	}
	if c.broken == nil && (r.Kind == Torn || r.Cut != nil) {
		return &BrokenError{number, "it speaks of a line before it that is not there"}
	}
	prev := c.last.Hash
	if c.last.Seq == 0 {
		prev = genesis
	}
	if r.Seq != c.last.Seq+1 {
		return &BrokenError{number, fmt.Sprintf("it is record %d where record %d belongs", r.Seq, c.last.Seq+1)}
	}
	if r.Prev != prev {
		return &BrokenError{number, "it does not follow the record before it"}
	}
	return nil
}

func (c *chain) declaredBy(r Record) bool {
	return r.Kind == Torn && r.Cut != nil && *r.Cut == Cut{Bytes: len(c.lost), SHA256: hash(c.lost)}
}

type line struct {
	number int
	text   []byte // without the newline; one byte over maxLine where it is longer
}

// lines yields the lines of r, and holds no more than one in memory.
func lines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		in := bufio.NewReader(r)
		for number := 1; ; number++ {
			text, err := readLine(in)
			if errors.Is(err, io.EOF) && len(text) == 0 {
				return
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(line{}, err)
				return
			}
			if !yield(line{number, text}, nil) || err != nil {
				return
			}
		}
	}
}

// readLine returns the next line in memory of its own. The error is io.EOF
// where the line does not end in a newline.
func readLine(in *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part[:min(len(part), max(0, maxLine+2-len(text)))]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		text = bytes.TrimSuffix(text, []byte("\n"))
		return text, err
	}
}
