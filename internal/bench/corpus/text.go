package corpus

import (
	"fmt"
	"strings"
	"time"
)

// Log returns size bytes of what services print: requests, queries, digests,
// traces of a stack, progress, some of it in colour. It has the percent signs,
// quotes, escapes and long hexadecimal numbers of real logs, and no secret.
func Log(size int) []byte {
	s := newSource(2)
	at := time.Date(2026, time.November, 23, 14, 32, 0, 0, time.UTC)
	b := make([]byte, 0, size+4096)
	for len(b) < size {
		at = at.Add(time.Duration(s.IntN(40)) * time.Millisecond)
		b = s.logLine(b, at)
	}
	return b[:size]
}

// logLine appends an entry, which can have several lines.
func (s source) logLine(b []byte, at time.Time) []byte {
	stamp := at.Format("2006-01-02T15:04:05.000Z")
	switch kind := s.IntN(100); {
	case kind < 30:
		return fmt.Appendf(b, "%s INFO  http: request served method=%s path=%s status=%s bytes=%d took=%.1fms trace_id=%s span_id=%s\n",
			stamp, s.pick("GET", "GET", "POST", "PUT"), s.path(), s.pick("200", "200", "201", "304", "404"), s.between(80, 90000), s.Float64()*300, s.hex(32), s.hex(16))
	case kind < 50:
		return fmt.Appendf(b, "%s - - [%s] \"GET %s HTTP/1.1\" %s %d \"https://app.example.test%s\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\"\n",
			s.address(), at.Format("02/Jan/2006:15:04:05 -0700"), s.query(), s.pick("200", "200", "304"), s.between(200, 50000), s.path())
	case kind < 65:
		return fmt.Appendf(b, "%s DEBUG sql: query=%q args=[%d %q] rows=%d took=%dµs\n", stamp,
			"SELECT id, name FROM \"items\" WHERE owner = $1 AND state <> $2 ORDER BY created_at", s.between(1, 99999), s.word(), s.IntN(50), s.between(90, 9000))
	case kind < 75:
		return fmt.Appendf(b, `{"level":"%s","ts":"%s","caller":"worker/%s.go:%d","msg":"job \"%s\" finished","job_id":"%s","attempt":%d,"progress":"%d%%"}`+"\n",
			s.pick("info", "info", "warn"), stamp, s.word(), s.between(10, 600), s.word(), s.uuid(), s.between(1, 3), s.IntN(101))
	case kind < 83:
		return fmt.Appendf(b, "%s INFO  deploy: pulled registry.example.test/%s/%s@sha256:%s in %ds\n", stamp, s.word(), s.word(), s.hex(64), s.between(1, 40))
	case kind < 90:
		return fmt.Appendf(b, "%s WARN  cache: %s miss ratio %d%% over the last 5m0s, evicted %d of %d entries; see runbook '%s/%s'\n",
			stamp, s.word(), s.IntN(101), s.IntN(4000), s.between(4000, 9000), s.word(), s.word())
	case kind < 94:
		return fmt.Appendf(b, "\x1b[32m%s |\x1b[0m %s ready, listening on %s:%d\n", s.word(), s.word(), s.address(), s.between(1024, 65535))
	case kind < 97:
		return fmt.Appendf(b, "%s ERROR mail: send to <user%d@example.test>: 451 4.7.1 try again later (queue id %s)\n", stamp, s.IntN(9999), s.text(10, alphanumeric))
	default:
		return s.stack(fmt.Appendf(b, "%s ERROR http: panic serving %s:%d: runtime error: index out of range [%d] with length %d\n",
			stamp, s.address(), s.between(1024, 65535), s.between(8, 99), s.IntN(8)))
	}
}

func (s source) stack(b []byte) []byte {
	b = fmt.Appendf(b, "goroutine %d [running]:\n", s.between(1, 9999))
	for range s.between(4, 9) {
		name := s.word()
		b = fmt.Appendf(b, "example.test/app/%s.(*%s).%s(0xc000%s, {0x%s, 0x%x})\n\t/build/app/%s/%s.go:%d +0x%s\n",
			name, s.word(), s.word(), s.hex(6), s.hex(6), s.IntN(64), name, s.word(), s.between(10, 900), s.hex(3))
	}
	return b
}

func (s source) word() string {
	return s.pick("account", "billing", "catalog", "checkout", "delivery", "gateway", "indexer", "invoice", "ledger", "mailer",
		"orders", "pricing", "profile", "reports", "scheduler", "search", "session", "shipping", "storage", "webhook")
}

func (s source) path() string {
	return fmt.Sprintf("/api/v%d/%s/%d/%s", s.between(1, 3), s.word(), s.IntN(100000), s.word())
}

func (s source) query() string {
	return fmt.Sprintf("%s?page=%d&sort=%s&q=%s%%20%s&filter=%%5B%s%%5D", s.path(), s.IntN(40), s.word(), s.word(), s.word(), s.word())
}

// JSON returns size bytes of answers as APIs and tools give them, one document
// a line; the last is cut off.
func JSON(size int) []byte {
	s := newSource(3)
	b := make([]byte, 0, size+1<<16)
	for id := 0; len(b) < size; id++ {
		b = fmt.Appendf(b, `{"jsonrpc":"2.0","id":%d,"result":{"structuredContent":`, id)
		content := s.items(nil)
		b = append(b, content...)
		b = fmt.Appendf(b, `,"content":[{"type":"text","text":"%s"}]}}`+"\n", strings.ReplaceAll(strings.ReplaceAll(string(content), `\`, `\\`), `"`, `\"`))
	}
	return b[:size]
}

func (s source) items(b []byte) []byte {
	b = append(b, `{"items":[`...)
	for i := range s.between(2, 12) {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"id":"%s","name":"%s-%s","state":"%s","url":"https://api.example.test%s","size":%d,"ratio":%.6f,"etag":"\"%s\"","tags":["%s","%s",null,true],`,
			s.uuid(), s.word(), s.word(), s.pick("active", "paused", "archived"), s.path(), s.IntN(1<<30), s.Float64(), s.hex(32), s.word(), s.word())
		b = fmt.Appendf(b, `"owner":{"login":"%s%d","name":"Zo\u00eb %s","note":"first line\nsecond line, \"quoted\", 10%% off & more"},"updated_at":"2026-11-%02dT14:%02d:00Z"}`,
			s.word(), s.IntN(999), s.word(), s.between(1, 28), s.IntN(60))
	}
	return fmt.Appendf(b, `],"total":%d,"next_cursor":"%s"}`, s.IntN(9999), s.base64(24))
}

// Base64 returns size bytes of files in base64: some in one line each, as in
// JSON, some in lines of 76 characters, as in mail and in keys.
func Base64(size int) []byte {
	s := newSource(4)
	b := make([]byte, 0, size+1<<16)
	for len(b) < size {
		blob := s.base64(s.between(1<<10, 12<<10))
		if s.IntN(2) == 0 {
			b = fmt.Appendf(b, `{"name":"%s.bin","data":"%s"}`+"\n", s.word(), blob)
			continue
		}
		b = fmt.Appendf(b, "Content-Type: application/octet-stream; name=\"%s.bin\"\nContent-Transfer-Encoding: base64\n\n", s.word())
		for len(blob) > 76 {
			b = append(append(b, blob[:76]...), '\n')
			blob = blob[76:]
		}
		b = append(append(b, blob...), "\n\n"...)
	}
	return b[:size]
}

// variants is how many different fragments a text that is made of forms has.
const variants = 1 << 13

// NearMisses returns size bytes in which every line has two fragments that are
// nearly one of forms: its first or last three quarters, or all but one byte.
// hidden says whether a fragment holds a known value after all.
func NearMisses(size int, forms []string, hidden func(fragment []byte) bool) []byte {
	s := newSource(5)
	fragments := make([]string, 0, variants)
	for len(fragments) < variants {
		if fragment := s.nearly(s.pick(forms...)); !hidden([]byte(" " + fragment + " ")) {
			fragments = append(fragments, fragment)
		}
	}
	b := make([]byte, 0, size+4096)
	for len(b) < size {
		b = fmt.Appendf(b, "ERROR %s: rejected %s for %s, expected %s\n", s.word(), s.pick(fragments...), s.word(), s.pick(fragments...))
	}
	return b[:size]
}

func (s source) nearly(form string) string {
	cut := len(form) / 4
	switch s.IntN(4) {
	case 0:
		return form[:len(form)-cut]
	case 1:
		return form[cut:]
	default:
		at := s.IntN(len(form))
		return form[:at] + s.pick("a", "Z", "7") + form[at+1:]
	}
}

// Hits returns size bytes that are nothing but values and their forms, one a
// line; the last is cut off.
func Hits(size int, values, forms []string) []byte {
	s := newSource(6)
	b := make([]byte, 0, size+1<<16)
	for len(b) < size {
		of := values
		if s.IntN(4) == 0 {
			of = forms
		}
		b = append(append(b, s.pick(of...)...), '\n')
	}
	return b[:size]
}
