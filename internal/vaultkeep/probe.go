package vaultkeep

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"scrim/internal/estate"
	"scrim/internal/secret"
)

// What a throw-away secret looks like: nobody guesses its name, and whoever meets
// one in the store reads what it is.
const (
	prefix  = "SCRIM_PROBE_"
	comment = "Made by scrim vault probe, to be deleted at once. Its value is made up. Owner: "
)

var throwAway = regexp.MustCompile(`^` + prefix + `[A-Z2-7]{26}$`)

// grace is for how long another's throw-away secret is taken for one in use, where
// nobody knows better. A probe is over sooner.
const grace = 5 * time.Minute

// tidyLimit bounds the removal of a throw-away secret.
const tidyLimit = 30 * time.Second

// Status is what one finding of a probe comes to. The zero Status is Failed.
type Status int

// The statuses.
const (
	Failed Status = iota // it is not as it has to be, or that could not be proved
	Proved
	Note // to be known, and no fault
)

// String returns the public word for s.
func (s Status) String() string {
	switch s {
	case Proved:
		return "ok"
	case Note:
		return "note"
	default:
		return "failed"
	}
}

// MarshalText makes a Status its public word in JSON.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that a probe looked at. It holds no value.
type Finding struct {
	Status Status `json:"status"`
	What   string `json:"what"`
}

// Other is an identity besides the one that writes.
type Other struct {
	Who   string // such as "the identity in ~/.infisical-ua"
	As    Viewer
	Reads bool // it is to read the vault; else it is one with which agents are launched
}

// Prober proves how a vault is seen.
type Prober struct {
	Store  Store          // as the identity in use sees it, which writes
	Vault  secret.Place   // whose secrets are to be listed nowhere else
	Apart  []secret.Place // where they must not be listed
	Others []Other
	// Owner says in the store whose a throw-away secret is; Gone reports whether
	// that owner has ended for certain, and may be nil.
	Owner string
	Gone  func(owner string) bool
	Learn func(secret.Ref, secret.Value) // is told the made-up value; may be nil
	Pace  estate.Pace
	Say   func(Finding) // is told each finding at once; may be nil
}

// Probe makes a throw-away secret in the vault, looks at it from all sides, and
// removes it, whatever happens to ctx. It reports whether everything is as it has
// to be. Its error says why that could not be found out.
func (p Prober) Probe(ctx context.Context) (passed bool, err error) {
	r := &probing{Prober: p, passed: true}
	if err := r.create(ctx); err != nil {
		return false, err
	}
	err = r.look(ctx)
	if tidied := r.tidy(ctx); tidied != nil {
		err = errors.Join(err, tidied)
	}
	return r.passed && err == nil, err
}

// probing is one probe.
type probing struct {
	Prober
	ref    secret.Ref
	value  secret.Value
	passed bool
}

func (r *probing) say(s Status, format string, arguments ...any) {
	r.passed = r.passed && s != Failed
	if r.Say != nil {
		r.Say(Finding{s, fmt.Sprintf(format, arguments...)})
	}
}

// create makes the throw-away secret. What may have been made is removed.
func (r *probing) create(ctx context.Context) (err error) {
	name := prefix + rand.Text()
	if r.ref, err = r.Vault.Ref(name); err != nil {
		return err
	}
	r.value = secret.NewValue(rand.Text() + rand.Text())
	if r.Learn != nil {
		r.Learn(r.ref, r.value)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err = r.Pace.Patiently(ctx, func() error {
		ctx, cancel := writing(ctx)
		defer cancel()
		return r.Store.Create(ctx, r.Vault.Environment, r.Vault.Path, []secret.Draft{{Name: name, Value: r.value, Comment: comment + r.Owner}})
	})
	switch {
	case errors.Is(err, secret.ErrExists): // nobody else knows the name: the first try was done
		err = nil
	case errors.Is(err, secret.ErrAwaitsApproval):
		return fmt.Errorf("make a throw-away secret: %w: reject it, its value is made up; where writes wait for somebody nothing can be proved", err)
	case errors.Is(err, secret.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		err = errors.Join(err, r.tidy(ctx)) // it may be there
	}
	if err != nil {
		return fmt.Errorf("make a throw-away secret: %w", absent(r.Vault, err))
	}
	r.say(Proved, "made the throw-away secret %s", r.ref)
	return nil
}

// look looks at the secret from all sides.
func (r *probing) look(ctx context.Context) error {
	for _, do := range []func(context.Context) error{r.inVault, r.apart, r.others, r.readBack} {
		if err := do(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// inVault looks for it where it is, and removes what other probes left there.
func (r *probing) inVault(ctx context.Context) error {
	listing, err := patiently(ctx, r.Pace, func() (secret.Listing, error) {
		return r.Store.Names(ctx, r.Vault.Environment, r.Vault.Path)
	})
	if err != nil {
		return err
	}
	own := find(listing, r.ref.Name())
	if own == nil {
		r.say(Failed, "a list of %s does not return it: this identity may not see what it writes, so what it does not see elsewhere proves nothing", r.Vault)
		return nil
	}
	r.say(Proved, "a list of %s returns it by name", r.Vault)
	for _, s := range listing.Secrets {
		if owner, is := leftover(s); is && s.Entry.Ref != r.ref {
			r.sweep(ctx, s.Entry, owner, own.Entry.UpdatedAt.Sub(s.Entry.UpdatedAt))
		}
	}
	return nil
}

// leftover reports whether s is a probe's, and whose.
func leftover(s secret.Listed) (owner string, is bool) {
	owner, marked := strings.CutPrefix(s.Entry.Comment, strings.TrimSpace(comment))
	return strings.TrimSpace(owner), marked && s.Imported == "" && throwAway.MatchString(s.Entry.Ref.Name())
}

// sweep removes what another probe left, unless that may still be at work. Both
// times are the store's.
func (r *probing) sweep(ctx context.Context, e secret.Entry, owner string, age time.Duration) {
	if age < grace && (r.Gone == nil || !r.Gone(owner)) {
		r.say(Note, "%s is of another probe that may still run: left there", e.Ref)
		return
	}
	switch err := r.remove(ctx, e.Ref); {
	case err == nil:
		r.say(Note, "removed %s, which a probe that was killed had left", e.Ref)
	case !errors.Is(err, secret.ErrNotFound):
		r.say(Note, "%s, which a probe that was killed had left, cannot be removed: %v", e.Ref, err)
	}
}

// apart looks where it must not be.
func (r *probing) apart(ctx context.Context) error {
	for _, place := range r.Apart {
		listing, err := patiently(ctx, r.Pace, func() (secret.Listing, error) {
			return r.Store.List(ctx, place.Environment, place.Path, "")
		})
		if errors.Is(err, secret.ErrPathNotFound) {
			r.say(Note, "there is no folder %s", place)
			continue
		}
		if err != nil {
			return err
		}
		if found := find(listing, r.ref.Name()); found != nil {
			r.say(Failed, "%s", listed(place, r.Vault, *found))
			continue
		}
		if err := r.notAt(ctx, place); err != nil {
			return err
		}
	}
	return nil
}

// listed says why it is bad that a list of place has it.
func listed(place, vault secret.Place, found secret.Listed) string {
	if found.Imported != "" {
		return fmt.Sprintf("a list of %s returns it, by an import of %s: what is in the vault goes to every agent. Remove the import", place, found.Imported)
	}
	return fmt.Sprintf("a list of %s returns it: this store does not match paths exactly, so what is in %s goes to every agent. Keep nothing there before that is put right", place, vault)
}

// notAt asks for the very name at place, where no list had it. A list leaves out
// what this identity may not see.
func (r *probing) notAt(ctx context.Context, place secret.Place) error {
	ref, err := place.Ref(r.ref.Name())
	if err != nil {
		return err
	}
	err = r.Pace.Patiently(ctx, func() error { return r.Store.Probe(ctx, ref) })
	switch {
	case errors.Is(err, secret.ErrNotFound):
		r.say(Proved, "a list of %s does not return it, and the store says that this name is not there: paths match exactly", place)
	case err == nil:
		r.say(Failed, "the store finds it by name at %s, where it is not: it does not match paths exactly", place)
	case errors.Is(err, secret.ErrForbidden):
		r.say(Failed, "this identity may not see into %s, so that its list does not return it proves nothing", place)
	default:
		return err
	}
	return nil
}

// others looks as other identities. One that cannot be looked as is a note.
func (r *probing) others(ctx context.Context) error {
	for _, other := range r.Others {
		if other.Reads {
			continue
		}
		for _, place := range r.Apart {
			listing, err := patiently(ctx, r.Pace, func() (secret.Listing, error) {
				return other.As.List(ctx, place.Environment, place.Path, "")
			})
			if errors.Is(err, secret.ErrPathNotFound) {
				continue
			}
			found := find(listing, r.ref.Name())
			switch {
			case err != nil:
				r.say(Note, "%s cannot list %s: %v", other.Who, place, err)
			case found != nil:
				r.say(Failed, "as %s, %s", other.Who, listed(place, r.Vault, *found))
			default:
				r.say(Proved, "as %s, a list of %s does not return it", other.Who, place)
			}
		}
		r.sees(ctx, other)
	}
	return ctx.Err()
}

// sees looks whether an identity with which agents are launched knows what is
// stored.
func (r *probing) sees(ctx context.Context, other Other) {
	err := r.Pace.Patiently(ctx, func() error { return other.As.Probe(ctx, r.ref) })
	switch {
	case err == nil:
		r.say(Proved, "as %s, it is known by name in %s", other.Who, r.Vault)
		r.kept(ctx, other)
	case errors.Is(err, secret.ErrForbidden):
		r.say(Note, "%s may not see into %s: agents that run with it are not told what is stored", other.Who, r.Vault)
	default:
		r.say(Note, "%s could not look into %s: %v", other.Who, r.Vault, err)
	}
}

// kept makes sure that an identity with which agents are launched cannot read the
// value, where another one is to read it.
func (r *probing) kept(ctx context.Context, other Other) {
	if !slices.ContainsFunc(r.Others, func(o Other) bool { return o.Reads }) {
		return
	}
	_, err := patiently(ctx, r.Pace, func() (secret.Listed, error) { return other.As.Get(ctx, r.ref) })
	switch {
	case errors.Is(err, secret.ErrForbidden):
		r.say(Proved, "as %s, its value cannot be read", other.Who)
	case err == nil:
		r.say(Failed, "as %s, its value can be read, and the vault has an identity of its own for that: take readValue away there", other.Who)
	default:
		r.say(Note, "whether %s could read its value is not known: %v", other.Who, err)
	}
}

// readBack reads its value where it should be read.
func (r *probing) readBack(ctx context.Context) error {
	stated := false
	for _, other := range r.Others {
		if !other.Reads {
			continue
		}
		stated = true
		got, err := patiently(ctx, r.Pace, func() (secret.Listed, error) { return other.As.Get(ctx, r.ref) })
		r.said(other.Who, got, err)
	}
	own, err := patiently(ctx, r.Pace, func() (secret.Listing, error) {
		return r.Store.Own(ctx, r.Vault.Environment, r.Vault.Path)
	})
	if err != nil && !errors.Is(err, secret.ErrForbidden) {
		return err
	}
	got := find(own, r.ref.Name())
	switch {
	case got != nil && !got.Value.IsZero() && stated:
		r.say(Note, "the identity in use reads its value in the vault as well, which has an identity of its own for that")
	case got != nil && !got.Value.IsZero():
		r.said("the identity in use", *got, nil)
	case !stated:
		r.say(Note, "the identity in use may not read its value: no yes gets a value from this vault, and vault mv cannot check a copy there")
	}
	return nil
}

// said reports what reading the value as who came to.
func (r *probing) said(who string, got secret.Listed, err error) {
	switch {
	case err != nil:
		r.say(Failed, "as %s, its value cannot be read: %v", who, err)
	case !got.Value.Equal(r.value):
		r.say(Failed, "as %s, another value is read than was written", who)
	default:
		r.say(Proved, "as %s, its value is read back as it was written", who)
	}
}

// tidy removes the secret, and makes sure that it is gone. The end of ctx does not
// keep it from that.
func (r *probing) tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
	defer cancel()
	removed := r.remove(ctx, r.ref)
	err := removed
	if removed == nil || errors.Is(removed, secret.ErrNotFound) {
		err = r.Pace.Patiently(ctx, func() error { return r.Store.Probe(ctx, r.ref) })
	}
	switch {
	case removed == nil && errors.Is(err, secret.ErrForbidden):
		r.say(Proved, "removed it again")
		return nil
	case errors.Is(err, secret.ErrNotFound):
		r.say(Proved, "removed it again: the store says that it is gone")
		return nil
	case errors.Is(err, secret.ErrAwaitsApproval):
		return fmt.Errorf("remove %s: %w: approve that, its value is made up", r.ref, err)
	case err == nil:
		return fmt.Errorf("%s is there again after it was removed: remove it, its value is made up", r.ref)
	default:
		return fmt.Errorf("%s may still be there, with a made-up value: run scrim vault probe again, which removes it: %w", r.ref, err)
	}
}

// remove deletes one throw-away secret.
func (r *probing) remove(ctx context.Context, ref secret.Ref) error {
	return r.Pace.Patiently(ctx, func() error {
		ctx, cancel := writing(ctx)
		defer cancel()
		return r.Store.Delete(ctx, ref)
	})
}
