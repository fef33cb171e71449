//go:build hyperscan

package redact_test

import (
	"testing"

	"scrim/internal/bench/hyperscan"
)

// newHyperscan returns what builds a scan for patterns.
func newHyperscan(tb testing.TB, patterns []string) func() func([]byte) {
	tb.Helper()
	return func() func([]byte) {
		d, err := hyperscan.Compile(patterns)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(d.Close)
		return func(text []byte) {
			if _, err := d.Scan(text); err != nil {
				tb.Fatal(err)
			}
		}
	}
}
