package redact_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"scrim/internal/secret"
	"scrim/redact"
)

// knowing returns a Redactor that knows n values of the usual kinds.
func knowing(tb testing.TB, n int) *redact.Redactor {
	tb.Helper()
	r := redact.New(redact.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		value := fmt.Sprintf("made_up_%016x%016x", random.Uint64(), random.Uint64())
		switch i % 10 {
		case 0:
			value = fmt.Sprintf("https://app:%012x@db%d.example.test:5432/main", random.Uint64()>>16, i)
		case 1:
			value = fmt.Sprintf("%x", random.Uint64()>>28)
		}
		r.Learn(ref(tb, fmt.Sprintf("NAME_%d", i)), secret.NewValue(value))
	}
	r.String("build now")
	return r
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

func BenchmarkFrame1KB(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := knowing(b, n).Frames(io.Discard)
			line := frame(b)
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBytes(b *testing.B) {
	text := []byte(strings.Repeat("2026-11-23T14:32:00Z INFO request served path=/api/v1/items status=200 took=12ms\n", 200))
	for _, n := range []int{10, 1000} {
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
	text := []byte(strings.Repeat("2026-11-23T14:32:00Z INFO request served path=/api/v1/items status=200 took=12ms\n", 51))[:4096]
	w := knowing(b, 1000).Stream(io.Discard)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLearn(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				knowing(b, n)
			}
		})
	}
}
