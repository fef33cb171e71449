package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"scrim/internal/audit"
)

// lines splits a trail, with the newline left on each line.
func lines(text []byte) [][]byte { return slices.Collect(bytes.Lines(text)) }

// brokenAt verifies the trail and returns the first broken line, 0 for none.
func brokenAt(t *testing.T, path string) int {
	t.Helper()
	_, err := audit.Verify(path)
	if err == nil {
		return 0
	}
	broken, ok := errors.AsType[*audit.BrokenError](err)
	if !ok {
		t.Fatalf("not a BrokenError: %v", err)
	}
	if broken.Why == "" || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d: ", broken.Line)) {
		t.Errorf("says %q", err)
	}
	return broken.Line
}

func TestVerifyNamesTheEditedLine(t *testing.T) {
	t.Parallel()
	path := write(t, 5)
	whole := lines(read(t, path))
	var fields map[string]any
	if err := json.Unmarshal(whole[2], &fields); err != nil {
		t.Fatal(err)
	}
	if len(fields) != 21 {
		t.Fatalf("a full record has %d fields: %v", len(fields), fields)
	}
	for name := range fields {
		changed := maps.Clone(fields)
		for _, value := range []any{"x", 17, nil} {
			changed[name] = value
			line, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			edited := slices.Concat(whole[0], whole[1], line, []byte("\n"), whole[3], whole[4])
			replace(t, path, edited)
			if got := brokenAt(t, path); got != 3 {
				t.Errorf("%s set to %v: line %d is named, not 3", name, value, got)
			}
		}
	}
}

func TestVerifyNamesEveryFlippedByte(t *testing.T) {
	t.Parallel()
	path := write(t, 3)
	text := read(t, path)
	first, second := len(lines(text)[0]), len(lines(text)[1])
	for i := first; i < first+second-1; i++ {
		flipped := bytes.Clone(text)
		flipped[i] ^= 1
		replace(t, path, flipped)
		if got := brokenAt(t, path); got != 2 {
			t.Fatalf("byte %d (%q): line %d is named, not 2", i, text[i], got)
		}
	}
}

func TestVerifyNamesTheMovedLine(t *testing.T) {
	t.Parallel()
	path := write(t, 5)
	l := lines(read(t, path))
	other := lines(read(t, write(t, 6)))
	for name, c := range map[string]struct {
		text []byte
		want int
	}{
		"as written":          {slices.Concat(l...), 0},
		"empty":               {nil, 0},
		"first deleted":       {slices.Concat(l[1:]...), 1},
		"second deleted":      {slices.Concat(l[0], l[2], l[3], l[4]), 2},
		"two swapped":         {slices.Concat(l[0], l[2], l[1], l[3], l[4]), 2},
		"one twice":           {slices.Concat(l[0], l[1], l[1], l[2], l[3], l[4]), 3},
		"blank line":          {slices.Concat(l[0], []byte("\n"), l[1], l[2], l[3], l[4]), 2},
		"note inserted":       {slices.Concat(l[0], []byte("{}\n"), l[1], l[2], l[3], l[4]), 2},
		"of another trail":    {slices.Concat(l[0], l[1], l[2], l[3], l[4], other[5]), 0}, // the same bytes: the same chain
		"huge line":           {slices.Concat(l[0], bytes.Repeat([]byte("x"), 1<<20), []byte("\n"), l[1]), 2},
		"cut mid-line":        {slices.Concat(l[0], l[1], l[2][:20]), 3},
		"cut in the middle":   {slices.Concat(l[0], l[1][:20], []byte("\n"), l[2], l[3], l[4]), 2},
		"joined lines":        {slices.Concat(l[0], bytes.TrimSpace(l[1]), l[2], l[3], l[4]), 2},
		"only newline cut":    {bytes.TrimSpace(slices.Concat(l...)), 0},
		"last ones deleted":   {slices.Concat(l[0], l[1]), 0}, // what no chain can show
		"carriage return":     {slices.Concat(l[0], bytes.TrimSpace(l[1]), []byte("\r\n"), l[2]), 2},
		"garbage at the end":  {slices.Concat(l[0], l[1], []byte("\x00\x00\x00\n")), 3},
		"garbage at the head": {slices.Concat([]byte("\ufeff"), l[0], l[1]), 1},
	} {
		replace(t, path, c.text)
		if got := brokenAt(t, path); got != c.want {
			t.Errorf("%s: line %d is named, not %d", name, got, c.want)
		}
	}
}

func TestTornTailIsClosedAndDeclared(t *testing.T) {
	t.Parallel()
	whole := read(t, write(t, 3))
	l := lines(whole)
	last := len(l[2])
	for cut := 1; cut < last; cut += 1 + cut/4 {
		path := trailPath(t)
		mustMkdirFor(t, path)
		replace(t, path, whole[:len(whole)-cut])
		appendOne(t, path)
		sum, err := audit.Verify(path)
		want := audit.Summary{Records: 4, Cut: 1} // two as before, the declaration, the new one
		if cut == 1 {
			want = audit.Summary{Records: 4} // only the newline was missing
		}
		if err != nil || sum != want {
			t.Fatalf("%d bytes cut: %+v, %v\n%s", cut, sum, err, read(t, path))
		}
		if cut > 1 && !bytes.Contains(read(t, path), whole[len(whole)-last:len(whole)-cut]) {
			t.Fatalf("%d bytes cut: the torn line is gone", cut)
		}
		appendOne(t, path)
		if sum, err := audit.Verify(path); err != nil || sum.Records != want.Records+1 {
			t.Fatalf("%d bytes cut, and a second record: %+v, %v", cut, sum, err)
		}
	}
}

func TestTornFromTheStart(t *testing.T) {
	t.Parallel()
	for _, torn := range []string{"{", `{"seq":1,"prev":"00`, "\x00\x00\x00\x00"} {
		path := trailPath(t)
		mustMkdirFor(t, path)
		replace(t, path, []byte(torn))
		appendOne(t, path)
		if sum, err := audit.Verify(path); err != nil || (sum != audit.Summary{Records: 2, Cut: 1}) {
			t.Errorf("%q: %+v, %v", torn, sum, err)
		}
	}
}

// TestTornWhileClosing cuts the write that closes a torn line short in turn.
func TestTornWhileClosing(t *testing.T) {
	t.Parallel()
	path := write(t, 2)
	whole := read(t, path)
	torn := whole[:len(whole)-10]
	replace(t, path, torn)
	appendOne(t, path)
	closed := read(t, path)
	for size := len(torn) + 2; size < len(closed); size += 41 {
		replace(t, path, closed[:size])
		appendOne(t, path)
		if _, err := audit.Verify(path); err != nil {
			t.Fatalf("cut at %d of %d: %v\n%s", size, len(closed), err, read(t, path))
		}
	}
}

func TestDeclarationCannotBeMadeUp(t *testing.T) {
	t.Parallel()
	path := write(t, 2)
	whole := read(t, path)
	replace(t, path, whole[:len(whole)-10])
	appendOne(t, path)
	l := lines(read(t, path)) // 1, torn 2, declaration, new one
	if len(l) != 4 || brokenAt(t, path) != 0 {
		t.Fatalf("%q", l)
	}
	edited := bytes.Clone(l[1])
	edited[5] ^= 1
	for name, c := range map[string]struct {
		text []byte
		want int
	}{
		"torn line edited":     {slices.Concat(l[0], edited, l[2], l[3]), 2},
		"torn line deleted":    {slices.Concat(l[0], l[2], l[3]), 2},
		"torn line twice":      {slices.Concat(l[0], l[1], l[1], l[2], l[3]), 2},
		"declaration deleted":  {slices.Concat(l[0], l[1], l[3]), 2},
		"declaration twice":    {slices.Concat(l[0], l[1], l[2], l[2], l[3]), 4},
		"another line between": {slices.Concat(l[0], l[1], []byte("x\n"), l[2], l[3]), 2},
	} {
		replace(t, path, c.text)
		if got := brokenAt(t, path); got != c.want {
			t.Errorf("%s: line %d is named, not %d", name, got, c.want)
		}
	}
}

// TestEditedLastLineIsNotWhitewashed: a last line that ends in a newline was
// not torn by a crash, so Append must not declare it as such.
func TestEditedLastLineIsNotWhitewashed(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func([]byte) []byte{
		"edited":        func(b []byte) []byte { return bytes.Replace(b, []byte("request2"), []byte("request9"), 1) },
		"garbage":       func(b []byte) []byte { return append(b, "garbage\n"...) },
		"blank":         func(b []byte) []byte { return append(b, '\n') },
		"long garbage":  func(b []byte) []byte { return append(append(b, bytes.Repeat([]byte("x"), 300<<10)...), '\n') },
		"endless":       func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), 300<<10)...) },
		"only newlines": func([]byte) []byte { return bytes.Repeat([]byte("\n"), 9000) },
	} {
		path := write(t, 3)
		edited := edit(read(t, path))
		replace(t, path, edited)
		if err := audit.New(path).Append(event(4)); err == nil {
			t.Errorf("%s: appended", name)
		} else if !strings.Contains(err.Error(), "scrim log --verify") {
			t.Errorf("%s: no next step in %q", name, err)
		}
		if !bytes.Equal(read(t, path), edited) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestLongRecords(t *testing.T) {
	t.Parallel()
	path := trailPath(t)
	log := audit.New(path)
	for i := range 4 {
		e := event(i)
		e.Reason = strings.Repeat("r", 20_000*i)
		if err := log.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	text := read(t, path)
	replace(t, path, text[:len(text)-1000])
	appendOne(t, path)
	if sum, err := audit.Verify(path); err != nil || (sum != audit.Summary{Records: 5, Cut: 1}) {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestNewerRecords: a newer scrim that shares the file may know more fields.
func TestNewerRecords(t *testing.T) {
	t.Parallel()
	path := write(t, 1)
	text := read(t, path)
	body := bytes.Replace(text[:len(text)-len("\"}\n")-64-len(`,"hash":"`)], []byte(`"pid"`), []byte(`"newer":[1],"pid"`), 1)
	replace(t, path, fmt.Appendf(nil, "%s,\"hash\":\"%x\"}\n", body, sha256.Sum256(body)))
	appendOne(t, path)
	if sum, err := audit.Verify(path); err != nil || (sum != audit.Summary{Records: 2}) {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestReadGoesOnBehindABrokenLine(t *testing.T) {
	t.Parallel()
	l := lines(read(t, write(t, 3)))
	var good, bad int
	for _, err := range audit.Read(bytes.NewReader(slices.Concat(l[0], []byte("nothing\n"), l[1], l[2]))) {
		if broken, ok := errors.AsType[*audit.BrokenError](err); ok && broken.Line == 2 {
			bad++
		} else if err == nil {
			good++
		}
	}
	if good != 3 || bad != 1 {
		t.Errorf("%d good, %d bad", good, bad)
	}
}

func FuzzRead(f *testing.F) {
	whole := read(f, write(f, 3))
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add([]byte("{}\n\n\x00"))
	f.Add([]byte(`{"seq":1,"hash":"` + strings.Repeat("0", 64) + `"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		number := 0
		for r, err := range audit.Read(bytes.NewReader(text)) {
			number++
			if broken, ok := errors.AsType[*audit.BrokenError](err); ok {
				if broken.Line != number {
					t.Fatalf("line %d is said to be %d", number, broken.Line)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Seq == 0 || r.Kind == "" || len(r.Hash) != 64 || !bytes.Contains(text, r.Line()) || !json.Valid(r.Line()) {
				t.Fatalf("accepted %q", r.Line())
			}
		}
		if lines := len(slices.Collect(bytes.Lines(text))); number != lines {
			t.Fatalf("%d of %d lines", number, lines)
		}
	})
}

func appendOne(t testing.TB, path string) {
	t.Helper()
	if err := audit.New(path).Append(event(42)); err != nil {
		t.Fatal(err)
	}
}

func mustMkdirFor(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
}
