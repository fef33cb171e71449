package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// lockPatience is how long Append waits for other processes.
const lockPatience = 10 * time.Second

// The part of the file's end that Append looks at for the last record.
const (
	firstTail = 4 << 10
	maxTail   = 4 * maxLine
)

var errNoPath = errors.New("nothing says where the audit trail lies: set HOME or XDG_STATE_HOME")

// DefaultPath returns where the trail lies: under XDG_STATE_HOME, or under
// ~/.local/state. It returns "" where neither is known.
func DefaultPath(getenv func(string) string, home string) string {
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		if !filepath.IsAbs(home) {
			return ""
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "scrim", "audit.jsonl")
}

// Log appends to a trail. Several Logs, in several processes, may share one
// file. The zero Log refuses.
type Log struct {
	mu   sync.Mutex
	path string
}

// New returns the Log of the trail at path, which is absolute. It does not
// touch the disk, so that a server starts whatever state the file is in:
// Append and Check do.
func New(path string) *Log { return &Log{path: path} }

// Path returns where the trail lies.
func (l *Log) Path() string { return l.path }

// Check reports what would keep Append from writing: no path, a symbolic link,
// another owner, a wrong mode. A file that does not exist yet is fine.
func (l *Log) Check() error {
	if l == nil || !filepath.IsAbs(l.path) {
		return errNoPath
	}
	dir, err := os.Stat(filepath.Dir(l.path))
	if err == nil {
		err = checkOwned(filepath.Dir(l.path), dir, 0o700)
	}
	var file fs.FileInfo
	if err == nil {
		file, err = os.Lstat(l.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check the audit trail: %w", err)
	}
	return l.checkFile(file)
}

// Append puts e on record. It returns nil when the record is on the disk, and
// an error when it may not be: whatever e permits must then not happen.
func (l *Log) Append(e Event) error {
	if l == nil || !filepath.IsAbs(l.path) {
		return errNoPath
	}
	if e.Kind == "" || e.Kind == Torn {
		return fmt.Errorf("append to the audit trail: %q is not a kind of event", e.Kind)
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Round(0)
	if e.PID == 0 {
		e.PID = os.Getpid()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.append(e); err != nil {
		return fmt.Errorf("append to the audit trail: %w", err)
	}
	return nil
}

func (l *Log) append(e Event) error {
	f, err := l.open()
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	tail, err := readTail(f, info.Size())
	if err != nil {
		return err
	}
	text, err := tail.next(e)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Truncate(info.Size()) // a full disk should not leave a torn line at every try
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if info.Size() == 0 {
		return syncDir(filepath.Dir(l.path))
	}
	return nil
}

// open returns the file, created if need be, checked and locked. It opens the
// path anew each time, so that records never go to a file that was moved away.
func (l *Log) open() (*os.File, error) {
	if err := l.checkDir(); err != nil {
		return nil, err
	}
	for range 10 {
		f, err := openAppend(l.path)
		if err != nil {
			return nil, l.explainOpen(err)
		}
		same, err := l.settle(f)
		if same && err == nil {
			return f, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s is replaced again and again", l.path)
}

// settle checks and locks f, and reports whether it is still the file at the
// path, now that the lock is held.
func (l *Log) settle(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if err := l.checkFile(info); err != nil {
		return false, err
	}
	if err := lock(f, true); err != nil {
		return false, err
	}
	now, err := os.Lstat(l.path)
	if err != nil {
		return false, nil //nolint:nilerr // moved away just now: open again
	}
	return os.SameFile(info, now), nil
}

func (l *Log) explainOpen(err error) error {
	if info, statErr := os.Lstat(l.path); statErr == nil {
		if checkErr := l.checkFile(info); checkErr != nil {
			return checkErr
		}
	}
	return err
}

func (l *Log) checkDir() error {
	dir := filepath.Dir(l.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return checkOwned(dir, info, 0o700)
}

func (l *Log) checkFile(info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link: put the file itself there", l.path)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: move it away", l.path)
	}
	return checkOwned(l.path, info, 0o600)
}

// lock takes f's lock, exclusively or shared, and gives up after lockPatience.
// Closing f gives it back.
func lock(f *os.File, exclusive bool) error {
	deadline := time.Now().Add(lockPatience)
	for wait := time.Millisecond; ; wait = min(2*wait, 16*time.Millisecond) {
		held, err := tryLock(f, exclusive)
		if held || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another process has held the lock on %s for %s", f.Name(), lockPatience)
		}
		time.Sleep(wait)
	}
}

// tail is the end of a trail.
type tail struct {
	last  Record // the zero Record where there is none
	torn  []byte // what follows the last record: not a record, and without a newline at its end
	close bool   // the last record is whole but for its newline
}

// next returns the bytes that put e behind t.
func (t tail) next(e Event) ([]byte, error) {
	var text []byte
	last := t.last
	if t.close || len(t.torn) > 0 {
		text = append(text, '\n')
	}
	if len(t.torn) > 0 {
		lost := append(bytes.Clone(t.torn), '\n')
		note := Event{Time: e.Time, Kind: Torn, PID: e.PID, Reason: "what stands before this record was cut short while it was written"}
		closing, err := follow(last, note, &Cut{Bytes: len(lost), SHA256: hash(lost)})
		if err != nil {
			return nil, err
		}
		text = append(append(text, closing.line...), '\n')
		last = closing
	}
	record, err := follow(last, e, nil)
	if err != nil {
		return nil, err
	}
	return append(append(text, record.line...), '\n'), nil
}

// readTail reads as much of f's end as it takes to find the last record.
func readTail(f *os.File, size int64) (tail, error) {
	for n := int64(firstTail); ; n *= 4 {
		n = min(n, size, maxTail)
		text := make([]byte, n)
		if _, err := f.ReadAt(text, size-n); err != nil {
			return tail{}, err
		}
		t, found := parseTail(text, n == size)
		if found {
			return t, nil
		}
		if n == size || n == maxTail || damaged(text) {
			return tail{}, fmt.Errorf("the last line of %s is not a record that scrim wrote: see `scrim log --verify`, then move the file away", f.Name())
		}
	}
}

// damaged reports whether text holds the whole of a last line, ended by a
// newline. Where it is not a record, it is not a torn one either.
func damaged(text []byte) bool {
	return bytes.HasSuffix(text, []byte("\n")) && bytes.Count(text, []byte("\n")) > 1
}

// parseTail finds the last record in text, the end of a file or, with whole,
// all of it.
func parseTail(text []byte, whole bool) (tail, bool) {
	if len(text) == 0 {
		return tail{}, whole
	}
	if text[len(text)-1] == '\n' {
		last, ok := lastLine(text[:len(text)-1], whole)
		return tail{last: last}, ok
	}
	if last, ok := lastLine(text, whole); ok {
		return tail{last: last, close: true}, true
	}
	for end := len(text); ; {
		end = bytes.LastIndexByte(text[:end], '\n')
		if end < 0 {
			return tail{torn: text}, whole
		}
		if last, ok := lastLine(text[:end], whole); ok {
			return tail{last: last, torn: text[end+1:]}, true
		}
	}
}

// lastLine parses what follows the last newline in text.
func lastLine(text []byte, whole bool) (Record, bool) {
	start := bytes.LastIndexByte(text, '\n') + 1
	if start == 0 && !whole {
		return Record{}, false
	}
	r, err := parse(text[start:])
	return r, err == nil
}
