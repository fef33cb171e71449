package vaultkeep

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrim/internal/estate"
	"scrim/internal/secret"
)

// Mover moves secrets from one folder to another: create there, look again, delete
// here. Each step follows from a fresh look at both folders, so that it can be
// killed after any of them and run again.
type Mover struct {
	Store    Store
	From, To secret.Place
	Beside   []secret.Place // further folders whose secrets may refer to what is moved
	Pace     estate.Pace

	hasty bool // nobody waits any more: what cannot be read at once is not tried again
}

// Stage is how far a secret is on its way. The zero Stage is Stuck.
type Stage int

// The stages.
const (
	Stuck  Stage = iota // it is not to be moved
	Here                // only where it is to be moved from
	Copied              // at both places, with one value
	Moved               // only where it is to be moved to
)

// Item is what is known of one secret that is to be moved.
type Item struct {
	Name  string
	Stage Stage
	Why   string   // it is Stuck
	Notes []string // what is to be known before it is moved
}

// Plan looks where the named secrets are. It writes nothing. Its error says why it
// could not look.
func (m Mover) Plan(ctx context.Context, names []string) ([]Item, error) {
	from, to, err := m.both(ctx)
	if err != nil {
		return nil, err
	}
	around := m.around(ctx)
	var items []Item
	for _, name := range names {
		item, err := m.item(ctx, name, find(from, name), find(to, name))
		if err != nil {
			return nil, err
		}
		if item.Stage == Here || item.Stage == Copied {
			m.references(&item, from, to, around)
		}
		items = append(items, item)
	}
	return items, nil
}

// both reads both folders as they were written: a copy with its references followed
// would be another secret.
func (m Mover) both(ctx context.Context) (from, to secret.Listing, err error) {
	own := func(place secret.Place) (secret.Listing, error) {
		read := func() (secret.Listing, error) { return m.Store.Own(ctx, place.Environment, place.Path) }
		if m.hasty {
			return read()
		}
		l, err := patiently(ctx, m.Pace, read)
		return l, absent(place, err)
	}
	if to, err = own(m.To); err == nil {
		from, err = own(m.From)
	}
	return from, to, err
}

// item says what is to be done with one secret.
func (m Mover) item(ctx context.Context, name string, from, to *secret.Listed) (Item, error) {
	item := Item{Name: name}
	switch {
	case from == nil && to == nil:
		return m.nowhere(ctx, item)
	case from == nil:
		item.Stage = Moved
	case from.Value.IsZero():
		item.Why = fmt.Sprintf("this identity may not read its value at %s, so a copy could not be checked", m.From)
	case strings.HasPrefix(name, prefix):
		item.Why = "it is a throw-away secret of scrim vault probe"
	case to == nil:
		item.Stage = Here
	case to.Value.IsZero():
		item.Why = fmt.Sprintf("it is at %s as well, and this identity may not read its value there", m.To)
	case !same(*from, *to):
		item.Why = fmt.Sprintf("it is at %s as well, with another value: nothing was touched. Remove the one that is wrong in the store", m.To)
	case !commented(*from, *to):
		item.Why = fmt.Sprintf("it is at %s as well, with another comment, and this one's would be lost: make them one in the store", m.To)
	default:
		item.Stage = Copied
	}
	if from != nil && len(from.Entry.Tags) > 0 {
		item.Notes = append(item.Notes, "its tags are not moved with it")
	}
	if from != nil && item.Stage != Stuck && from.Value.RefersBeside() {
		item.Stage, item.Why = Stuck, "its value refers to a secret beside it, as in ${NAME}, which would be another one at "+m.To.String()+": write ${env.path.NAME} first"
	}
	return item, nil
}

// nowhere says why neither folder lists the secret. Only the store's word on this
// very name proves that it is not there.
func (m Mover) nowhere(ctx context.Context, item Item) (Item, error) {
	ref, err := m.From.Ref(item.Name)
	if err != nil {
		return item, err
	}
	switch err := m.Pace.Patiently(ctx, func() error { return m.Store.Probe(ctx, ref) }); {
	case errors.Is(err, secret.ErrNotFound):
		item.Why = fmt.Sprintf("it is neither at %s nor at %s", m.From, m.To)
	case err == nil:
		item.Why = fmt.Sprintf("%s has it by an import alone: move it where it comes from", m.From)
	case errors.Is(err, secret.ErrForbidden):
		item.Why = fmt.Sprintf("this identity may not see into %s", m.From)
	default:
		return item, err
	}
	return item, nil
}

// same compares by a digest under a key that nobody else has.
func same(a, b secret.Listed) bool {
	var key [32]byte
	_, _ = rand.Read(key[:])
	return a.Value.Digest(key) == b.Value.Digest(key)
}

// commented reports whether no comment is lost with from.
func commented(from, to secret.Listed) bool {
	text := strings.TrimSpace(from.Entry.Comment)
	return text == "" || text == strings.TrimSpace(to.Entry.Comment)
}

// neighbour is a folder with its secrets as they were written.
type neighbour struct {
	place   secret.Place
	listing secret.Listing
	err     error
}

// around reads the folders whose secrets may refer to what is moved.
func (m Mover) around(ctx context.Context) []neighbour {
	var all []neighbour
	for _, place := range m.Beside {
		l, err := patiently(ctx, m.Pace, func() (secret.Listing, error) { return m.Store.Own(ctx, place.Environment, place.Path) })
		if !errors.Is(err, secret.ErrPathNotFound) {
			all = append(all, neighbour{place, l, err})
		}
	}
	return all
}

// references refuses to move what others refer to: their references would lead
// nowhere.
func (m Mover) references(item *Item, from, to secret.Listing, around []neighbour) {
	ref, err := m.From.Ref(item.Name)
	if err != nil {
		return
	}
	var who []string
	for _, n := range append([]neighbour{{m.From, from, nil}, {m.To, to, nil}}, around...) {
		if n.err != nil {
			item.Notes = append(item.Notes, fmt.Sprintf("whether a secret at %s refers to it is not known", n.place))
		}
		for _, s := range n.listing.Secrets {
			if s.Entry.Ref != ref && !s.Value.IsZero() && s.Value.RefersTo(n.place, ref) {
				who = append(who, s.Entry.Ref.String())
			}
		}
	}
	if len(who) > 0 {
		slices.Sort(who)
		item.Stage, item.Why = Stuck, "the reference to it in "+strings.Join(who, ", ")+" would lead nowhere: change that first"
	}
}

// What keeps a Mover from its end.
var (
	ErrConflict = errors.New("it is at both places with two values")
	errComments = errors.New("it is at both places with two comments")
	errGone     = errors.New("it is at neither place any more: somebody else removed it")
	errRestless = errors.New("the store did not come to rest")
)

// maxSteps bounds the steps of one move, but for those that make again what is at
// neither place: every deletion is followed by a look. Two writes are enough on a
// good day.
const maxSteps = 12

const firstPause = 100 * time.Millisecond

// Move moves one secret that Plan found Here or Copied, and returns how far it
// came. A write that was begun is seen to its end; ctx is heeded between them, and
// not while the secret is at neither place.
func (m Mover) Move(ctx context.Context, name string) (Stage, error) {
	v := moving{Mover: m, name: name}
	var failed error
	for step := 0; ; step++ {
		stage, err := v.look(ctx)
		switch {
		case err != nil || stage == Moved:
			return stage, errors.Join(err, failedFor(err, failed))
		case failed != nil && !passing(failed):
			return stage, failed
		case step >= maxSteps && !v.nowhere || step >= 4*maxSteps:
			return stage, errors.Join(errRestless, failed)
		case v.nowhere:
			ctx = context.WithoutCancel(ctx)
		}
		if err := wait(ctx, failed, step); err != nil {
			return stage, err
		}
		failed = v.write(ctx, stage)
	}
}

// failedFor returns the failure of the write before a look that failed too.
func failedFor(look, write error) error {
	if look == nil {
		return nil
	}
	return write
}

// moving is one secret on its way.
type moving struct {
	Mover
	name    string
	stage   Stage
	held    *secret.Listed // as it was last seen where it is moved from
	nowhere bool           // it is at neither place, and is made again of what is held
}

// look finds out where the secret is now, also where ctx has ended: what became of
// a write has to be known.
func (v *moving) look(ctx context.Context) (Stage, error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = writing(ctx)
		defer cancel()
		v.hasty = !v.nowhere
	}
	from, to, err := v.both(ctx)
	if err != nil {
		return v.stage, err
	}
	here, there := find(from, v.name), find(to, v.name)
	if here != nil {
		v.held = here
	}
	v.nowhere = here == nil && there == nil
	switch {
	case v.nowhere && v.held == nil:
		return Stuck, errGone
	case there == nil:
		v.stage = Here
	case here == nil:
		v.stage = Moved
	case here.Value.IsZero() || there.Value.IsZero():
		return Stuck, fmt.Errorf("read its values: %w", secret.ErrForbidden)
	case !same(*here, *there):
		return Stuck, ErrConflict
	case !commented(*here, *there):
		return Stuck, errComments
	default:
		v.stage = Copied
	}
	return v.stage, nil
}

// write takes the next step.
func (v *moving) write(ctx context.Context, stage Stage) error {
	ref, err := v.From.Ref(v.name)
	if err != nil {
		return err
	}
	ctx, cancel := writing(ctx)
	defer cancel()
	if stage == Here {
		return v.Store.Create(ctx, v.To.Environment, v.To.Path, []secret.Draft{{Name: v.name, Value: v.held.Value, Comment: v.held.Entry.Comment}})
	}
	copied, err := v.To.Ref(v.name)
	if err != nil {
		return err
	}
	if err := v.Store.Probe(ctx, copied); err != nil { // and not only in a list
		return err
	}
	return v.Store.Delete(ctx, ref)
}

// passing reports whether another look may show it otherwise: the store could not be
// reached and may have done it or not, or somebody else was writing.
func passing(err error) bool {
	for _, known := range []error{
		secret.ErrUnavailable, secret.ErrRateLimited, secret.ErrExists, secret.ErrNotFound, context.DeadlineExceeded, errRestless,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// wait waits after a step that failed, for as long as the store asks.
func wait(ctx context.Context, failed error, step int) error {
	if failed == nil {
		return ctx.Err()
	}
	d := firstPause * time.Duration(step)
	if limited, ok := errors.AsType[*secret.RateLimitedError](failed); ok {
		d = max(d, limited.After)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
