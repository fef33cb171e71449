package server_test

import (
	"fmt"
	"testing"

	"scrim/redact"
	"scrim/server"
	"scrim/tools"
)

// BenchmarkNew is what a start pays for the server itself.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		redactor := redact.New(redact.Options{Vocabulary: server.Vocabulary})
		server.New(tools.Deps{Redactor: redactor}, "bench")
	}
}

// BenchmarkListSecrets is one round trip through the whole server.
func BenchmarkListSecrets(b *testing.B) {
	c := start(b).handshake(`{}`)
	for i := range 10 {
		c.held.Set("prod", "/alpha", fmt.Sprintf("NAME_%d", i), "made-up-value-of-some-length")
	}
	c.call("1", "list_secrets", `{}`)
	c.reply("1")
	b.ReportAllocs()
	for b.Loop() {
		c.call("1", "list_secrets", `{}`)
		<-c.lines
	}
}
