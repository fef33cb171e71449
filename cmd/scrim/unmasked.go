package main

import (
	"log/slog"
	"slices"
	"strings"

	"scrim/internal/config"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/redact"
)

// What nothing masks is told to people, by name: in `scrim check`, `list` and
// `find`, and in the log of `scrim serve`. Agents are not told, since that a
// value is short says much about it.

// verdict is what is wrong with one secret, in a few words for people. The
// empty verdict is nothing.
type verdict string

const (
	cannotMask  verdict = "cannot be masked"
	notReadable verdict = "value not readable"
)

// weakness is why a value that is known cannot be masked. The redactor does not
// say which of the three it is, and nobody is told a length.
const weakness = "too short, too common, or equal to a name"

// unreadValues is why a value that is not known cannot be masked.
const unreadValues = "names are known, and their values cannot be masked, since this identity may not read them"

// unread says why values that are not known cannot be masked, where the vault has
// an identity of its own or has not.
func unread(vault config.VaultIdentity) string {
	if !vault.Stated() {
		return unreadValues
	}
	return unreadValues + " (those of the vault from the first read after a yes on)"
}

// maskJudge tells which secrets have a value that nothing masks, of those that
// the user does not call public.
type maskJudge struct {
	public []string
	weak   map[secret.Ref]bool
}

func newMaskJudge(public []string, redactor *redact.Redactor) maskJudge {
	weak := make(map[secret.Ref]bool)
	for _, ref := range redactor.Unredactable() {
		weak[ref] = true
	}
	return maskJudge{public, weak}
}

func (j maskJudge) isPublic(name string) bool { return slices.Contains(j.public, name) }

func (j maskJudge) judge(e store.Entry) verdict {
	switch {
	case j.isPublic(e.Ref.Name()):
		return ""
	case e.Hidden():
		return notReadable
	case j.weak[e.Ref]:
		return cannotMask
	default:
		return ""
	}
}

// unmasked is the names of weak values, and the places of those that are not
// known, each sorted and said once.
type unmasked struct{ names, places []string }

// of gathers what nothing masks of the secrets in s that include accepts.
func (j maskJudge) of(s store.Snapshot, include func(store.Entry) bool) unmasked {
	var u unmasked
	for _, view := range s.Views {
		for _, e := range view.Entries {
			if !include(e) {
				continue
			}
			switch j.judge(e) {
			case cannotMask:
				u.names = append(u.names, e.Ref.Name())
			case notReadable:
				u.places = append(u.places, origin(view, e))
			}
		}
	}
	slices.Sort(u.names)
	slices.Sort(u.places)
	return unmasked{slices.Compact(u.names), slices.Compact(u.places)}
}

// origin is where the value of e lies.
func origin(v store.View, e store.Entry) string {
	if e.Imported != "" {
		return e.Imported
	}
	return v.Place.String()
}

// maskWarning says in the log what nothing masks, once it is known, and again
// when it is something else. The log is stderr, which is the person's.
type maskWarning struct {
	public   []string
	vault    config.VaultIdentity
	redactor *redact.Redactor
	log      *slog.Logger
	said     unmasked
}

// heed looks at a reading of the scope. It is not for concurrent use.
func (w *maskWarning) heed(s store.Snapshot) {
	now := newMaskJudge(w.public, w.redactor).of(s, func(store.Entry) bool { return true })
	if len(now.names) > 0 && !slices.Equal(now.names, w.said.names) {
		w.log.Warn("values that cannot be masked in output ("+weakness+"): see `scrim check`", "names", strings.Join(now.names, ", "))
	}
	if len(now.places) > 0 && !slices.Equal(now.places, w.said.places) {
		w.log.Warn(unread(w.vault), "places", strings.Join(now.places, ", "))
	}
	w.said = now
}
