package server_test

import (
	"testing"

	"scrim/redact"
	"scrim/server"
	"scrim/tools"
)

// BenchmarkNew is what a start pays for the server itself.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		redactor := redact.New(redact.Options{Vocabulary: server.Vocabulary()})
		server.New(tools.Deps{Redactor: redactor}, "bench")
	}
}
