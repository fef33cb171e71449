package approver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/argon2"
)

// cost is what one guess at a PIN costs.
type cost struct {
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory_kib"`
	Threads uint8  `json:"threads"`
}

// bounds are the costs that a file may state.
type bounds struct{ least, most cost }

// ownCost is what a new PIN gets: about a second of two cores. The file may be
// in the agent's reach, so that only this slows guessing down.
func ownCost() cost { return cost{Time: 4, Memory: 256 << 10, Threads: 2} }

// ownBounds let nobody plant a file that is easier to guess than scrim makes
// it, or one that takes a process's memory.
func ownBounds() bounds {
	return bounds{least: ownCost(), most: cost{Time: 16, Memory: 1 << 20, Threads: 8}}
}

// check returns why c is not allowed, or nil. More threads are less time, so
// that the least of them is one.
func (b bounds) check(c cost) error {
	switch {
	case c.Time < b.least.Time, c.Memory < b.least.Memory, c.Threads < 1:
		return errWeakCost
	case c.Time > b.most.Time, c.Memory > b.most.Memory, c.Threads > b.most.Threads:
		return errLargeCost
	}
	return nil
}

// newPIN returns what is kept of a PIN that is in its normal form.
func newPIN(form []byte, c cost, now time.Time) *pin {
	p := &pin{SetAt: stamp(now), Argon2id: c, Salt: make([]byte, saltSize)}
	_, _ = rand.Read(p.Salt) // which never fails
	p.Hash = p.seal(form)
	return p
}

// proves reports whether form is the PIN, in a time that does not depend on how
// much of the hash is right.
func (p pin) proves(form []byte) bool { return hmac.Equal(p.seal(form), p.Hash) }

// muchMemory is, in KiB, what is given back to the system at once.
const muchMemory = 16 << 10

// seal derives a key from form, and signs everything else that is kept of the PIN
// with it: a date or a cost that somebody changed does not verify either. It signs
// the file of the first version, so that a PIN of that one stays good.
func (p pin) seal(form []byte) []byte {
	key := argon2.IDKey(form, p.Salt, p.Argon2id.Time, p.Argon2id.Memory, p.Argon2id.Threads, hashSize)
	defer wipe(key)
	if p.Argon2id.Memory >= muchMemory {
		defer debug.FreeOSMemory() // a server keeps none of a quarter of a gigabyte
	}
	p.Hash = nil
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(encodeFirst(p)) // which never fails
	return mac.Sum(nil)
}
