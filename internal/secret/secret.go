// Package secret is the vocabulary of scrim: what a secret is called, where it
// lives, and a value that cannot be printed by accident.
package secret

import "time"

// Location says in which role a place holds a secret. The zero Location is no
// place at all.
type Location int

// The locations, in the order in which people and agents see them.
const (
	Injected Location = iota + 1 // the project's own path: in the environment of what scrim launches
	Staging                      // overrides the injected value outside production
	Vault                        // stored only; read one by one, after a person's yes
	Shared                       // the source of secrets that several projects have copies of
)

// Locations lists every location.
func Locations() []Location { return []Location{Injected, Staging, Vault, Shared} }

// String returns the public word for l, or "nowhere" for the zero Location.
func (l Location) String() string {
	switch l {
	case Injected:
		return "injected"
	case Staging:
		return "staging"
	case Vault:
		return "vault"
	case Shared:
		return "shared"
	default:
		return "nowhere"
	}
}

// MarshalText makes a Location its public word in JSON and TOML.
func (l Location) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Entry is everything that discovery may say about a secret. It has no place
// for a value.
type Entry struct {
	Ref       Ref
	Location  Location
	Version   int
	UpdatedAt time.Time // zero where the store did not say
	Comment   string    // untrusted text
	Tags      []string  // untrusted text
}
