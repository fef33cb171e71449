//go:build hyperscan

package hyperscan_test

import (
	"testing"

	"scrim/internal/bench/hyperscan"
)

func TestScanFindsEveryOccurrence(t *testing.T) {
	t.Parallel()
	d, err := hyperscan.Compile([]string{"made.up(1)", "up(1)", "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if hits, err := d.Scan([]byte("made.up(1) madexup(1)")); err != nil || hits != 3 {
		t.Errorf("%d hits, %v, want 3", hits, err)
	}
	if _, err := hyperscan.Compile(nil); err == nil {
		t.Error("a database of nothing")
	}
}
