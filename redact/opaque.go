package redact

import (
	"fmt"
	"io"
	"log/slog"
)

// opaque makes what embeds it print and encode as a constant, since a
// Redactor and its writers hold plaintext.
type opaque struct{}

// Format prints the constant for every verb and flag.
func (opaque) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, unnamed) }

// String returns the constant.
func (opaque) String() string { return unnamed }

// LogValue is what slog sees.
func (opaque) LogValue() slog.Value { return slog.StringValue(unnamed) }

// MarshalJSON encodes the constant.
func (opaque) MarshalJSON() ([]byte, error) { return []byte(`"` + unnamed + `"`), nil }

// MarshalText encodes the constant.
func (opaque) MarshalText() ([]byte, error) { return []byte(unnamed), nil }

// writer is what Frames returns: what it buffers is behind a closure, for the
// reason that Redactor gives.
type writer struct {
	opaque
	write func(p []byte) (int, error)
}

// Write hands p on.
func (w *writer) Write(p []byte) (int, error) { return w.write(p) }

// writeCloser is what Stream and Documents return.
type writeCloser struct {
	writer
	end func() error
}

// Close ends the stream.
func (w *writeCloser) Close() error { return w.end() }

// streamWriter is what Stream returns.
type streamWriter struct {
	writeCloser
	flush func() error
}

// Flush writes what is held back, masked, as Close would, and the stream goes on:
// whoever calls it says that what was written is whole.
func (w *streamWriter) Flush() error { return w.flush() }
