package audit

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzTail puts a record behind whatever a crash may have left, without a disk,
// so that a fuzzer gets far. Behind a trail that verifies, the outcome is one
// that verifies, or a refusal; and what stood there still stands.
func FuzzTail(f *testing.F) {
	e := Event{Kind: Granted, PID: 1}
	var whole []byte
	var last Record
	for range 3 {
		r, err := follow(last, e, nil)
		if err != nil {
			f.Fatal(err)
		}
		whole, last = append(append(whole, r.line...), '\n'), r
	}
	f.Add(len(whole), []byte("torn"))
	f.Add(len(whole)-1, []byte{})
	f.Add(len(whole)-40, []byte{})
	f.Add(len(whole), []byte("edited\n"))
	f.Add(0, []byte("\n\n"))
	f.Add(0, []byte{})
	f.Fuzz(func(t *testing.T, keep int, rest []byte) {
		before := slices.Concat(whole[:max(0, min(keep, len(whole)))], rest)
		end, found := parseTail(before, true)
		if !found {
			if len(before) == 0 || before[len(before)-1] != '\n' {
				t.Fatalf("refused a torn tail: %q", before)
			}
			return
		}
		more, err := end.next(e)
		if err != nil {
			return // too long to declare
		}
		after := slices.Concat(before, more)
		sum, err := verify(bytes.NewReader(after), func(Record) {})
		if err != nil {
			t.Fatalf("%v:\n%s", err, after)
		}
		if want := bytes.Count(after, []byte("\n")) - sum.Cut; sum.Records != want {
			t.Fatalf("%d records of %d", sum.Records, want)
		}
	})
}
