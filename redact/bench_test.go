package redact_test

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"scrim/internal/bench/corpus"
	"scrim/redact"
)

// These are for a profiler; compare_test.go has the figures that are published.

// knowing returns a Redactor that knows n values of the usual kinds, some of
// them short, and is ready.
func knowing(tb testing.TB, n int) *redact.Redactor {
	tb.Helper()
	r := learnAll(tb, corpus.Secrets(n, benchShort))
	r.String("build now")
	return r
}

const benchShort = 0

func BenchmarkBytes(b *testing.B) {
	text := corpus.Log(1 << 20)
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := knowing(b, n)
			out := make([]byte, 0, len(text))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				out, _ = r.Bytes(out[:0], text)
			}
		})
	}
}

func BenchmarkStream4KB(b *testing.B) {
	text := corpus.Log(1 << 20)
	r := knowing(b, 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		writeAll(b, r.Stream(io.Discard), text)
	}
}

func BenchmarkFrame1KB(b *testing.B) {
	w, line := knowing(b, 1000).Frames(io.Discard), frame(b)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}

// frame returns the answer of a tool, about 1 KB, as the library writes it:
// structured content, and a text that mirrors it.
func frame(tb testing.TB) []byte {
	tb.Helper()
	secrets := []map[string]any{}
	for i := range 3 {
		secrets = append(secrets, map[string]any{
			"name": fmt.Sprintf("DATABASE_URL_%d", i), "location": "vault", "path": "/alpha/vault", "environment": "prod",
			"loaded": "no", "note": "rotated <every> quarter",
		})
	}
	content := map[string]any{"secrets": secrets, "complete": true, "as_of": "2026-11-23T14:32:00Z"}
	text, err := json.Marshal(content)
	if err != nil {
		tb.Fatal(err)
	}
	line, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 7, "result": map[string]any{
		"content": []map[string]any{{"type": "text", "text": string(text)}}, "structuredContent": content,
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return append(line, '\n')
}

func BenchmarkJSON(b *testing.B) {
	text := corpus.JSON(1 << 20)
	r := knowing(b, 1000)
	out := make([]byte, 0, len(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		out, _ = r.Bytes(out[:0], text)
	}
}
