package approval

import (
	"testing"
	"time"
)

// FuzzUnseal: only what a gate sealed comes out of it, and in one spelling.
func FuzzUnseal(f *testing.F) {
	g := NewGate(Options{})
	sealed := state{id: "0123456789", digest: [32]byte{1}, expires: time.UnixMilli(1_800_000_000_000), nonce: [nonceSize]byte{2}}
	whole := g.seal(sealed)
	if got, ok := g.unseal(whole); !ok || got != sealed {
		f.Fatalf("came back as %+v, %v", got, ok)
	}
	if _, ok := NewGate(Options{}).unseal(whole); ok {
		f.Fatal("another gate's state is accepted")
	}
	f.Add(whole)
	f.Add(whole[1:])
	f.Add(whole + "=")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := g.unseal(text); ok && text != whole {
			t.Fatalf("accepted %q", text)
		}
	})
}
