package devstore

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FaultKind is a way in which a store, or what lies before it, goes wrong.
type FaultKind int

// The kinds of faults. The zero kind does nothing.
const (
	NoFault     FaultKind = iota
	Slow                  // answers after Delay
	RateLimited           // 429 with retry-after
	ServerError           // Status, or 503
	Dropped               // the connection closes without an answer
	HTMLPage              // 200 with a page, like a proxy's login
	Silent                // no answer until the client goes away
	ByApproval            // makes a write a request that somebody has to approve, and writes nothing
)

// Fault is something that goes wrong. Those that are switched on are tried in
// order; the first that fits a request strikes it, but Slow, after which the
// rest is tried.
type Fault struct {
	Kind FaultKind

	Route      string  // only requests whose URL path starts so; empty: all
	SecretPath string  // only requests about this folder; empty: all
	Times      int     // strikes that often, then no more; zero: until it is cleared
	Chance     float64 // strikes with this probability, between 0 and 1; zero: always

	Delay      time.Duration // of Slow
	RetryAfter time.Duration // of RateLimited, in whole seconds, rounded up; it is sent even if it is zero
	Status     int           // of ServerError
}

// Faults switches faults on and off while the store serves. It is safe for
// concurrent use.
type Faults struct {
	now func() time.Time

	mu     sync.Mutex
	active []*Fault
	limit  int // secret requests a minute; zero: no limit
	used   int
	window time.Time // the minute of used began then
}

func newFaults(now func() time.Time) *Faults {
	if now == nil {
		now = time.Now
	}
	return &Faults{now: now}
}

// Add switches faults on, after those that are on already.
func (f *Faults) Add(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		f.active = append(f.active, &fault)
	}
}

// Clear switches every fault off, and the limit. A request that hangs in one
// stays there.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active, f.limit = nil, 0
}

// Limit makes the store answer 429 after so many requests about secrets in a
// minute, as the cloud does. Zero switches the limit off.
func (f *Faults) Limit(perMinute int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit, f.used, f.window = perMinute, 0, f.now()
}

// strike does to a request what is switched on for it, and reports whether that
// was its answer.
func (f *Faults) strike(w http.ResponseWriter, r *http.Request, record *Request) bool {
	for _, fault := range f.take(record) {
		if fault.hit(w, r) {
			return true
		}
	}
	return f.overLimit(w, r)
}

// take returns the faults for a request, the last of which ends it, and counts
// them.
func (f *Faults) take(r *Request) []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Fault
	for _, fault := range f.active {
		if !fault.fits(r) {
			continue
		}
		struck := *fault
		out = append(out, struck)
		if fault.Times--; fault.Times == 0 {
			fault.Kind = NoFault
		}
		if struck.Kind != Slow {
			break
		}
	}
	f.active = slices.DeleteFunc(f.active, func(fault *Fault) bool { return fault.Kind == NoFault })
	return out
}

func (f *Fault) fits(r *Request) bool {
	return f.Kind != NoFault &&
		strings.HasPrefix(r.Path, f.Route) &&
		(f.Kind != ByApproval || r.Method != http.MethodGet && strings.Contains(r.Path, "/secrets")) &&
		(f.SecretPath == "" || cleanPath(r.SecretPath) == cleanPath(f.SecretPath)) &&
		(f.Chance == 0 || rand.Float64() < f.Chance) //nolint:gosec // G404: chance, not secrecy
}

// hit does the fault to one request and reports whether that ended it.
func (f Fault) hit(w http.ResponseWriter, r *http.Request) bool {
	switch f.Kind {
	case NoFault:
		return false
	case Slow:
		return !wait(r, f.Delay)
	case RateLimited:
		tooMany(w, r, 0, seconds(f.RetryAfter))
	case ServerError:
		serverError(w, r, f.Status)
	case Dropped:
		panic(http.ErrAbortHandler) // closes the connection without a word
	case HTMLPage:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprint(w, "<!doctype html><title>Sign in</title><h1>Sign in to continue</h1>")
	case ByApproval:
		answer(w, r, map[string]any{"approval": map[string]any{"id": newUUID(), "status": "open"}}, nil)
	case Silent:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	return true
}

// wait sleeps for d and reports whether the client is still there.
func wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// overLimit counts a request about secrets against the limit, puts the limit in
// the headers of its answer and reports whether that answer is 429.
func (f *Faults) overLimit(w http.ResponseWriter, r *http.Request) bool {
	if !strings.Contains(r.URL.Path, "/secrets") {
		return false
	}
	f.mu.Lock()
	limit, left, reset := f.count()
	f.mu.Unlock()
	if limit == 0 {
		return false
	}
	if left < 0 {
		tooMany(w, r, limit, reset)
		return true
	}
	limitHeaders(w, limit, left, reset)
	return false
}

// count takes one request from the minute's share. It returns the limit, what
// is left (negative: nothing was) and the seconds until the next minute. The
// caller holds the lock.
func (f *Faults) count() (limit, left, reset int) {
	if f.limit == 0 {
		return 0, 0, 0
	}
	now := f.now()
	if now.Sub(f.window) >= time.Minute {
		f.window, f.used = now, 0
	}
	f.used++
	return f.limit, f.limit - f.used, seconds(f.window.Add(time.Minute).Sub(now))
}

// tooMany is the answer of the rate limit.
func tooMany(w http.ResponseWriter, r *http.Request, limit, after int) {
	limitHeaders(w, limit, 0, after)
	w.Header().Set("Retry-After", strconv.Itoa(after))
	answer(w, r, nil, &wireError{
		StatusCode: http.StatusTooManyRequests, Kind: "RateLimitExceeded",
		Message: fmt.Sprintf("Rate limit exceeded. Please try again in %d seconds", after),
	})
}

func limitHeaders(w http.ResponseWriter, limit, left, reset int) {
	w.Header().Set("X-Ratelimit-Limit", strconv.Itoa(limit))
	w.Header().Set("X-Ratelimit-Remaining", strconv.Itoa(left))
	w.Header().Set("X-Ratelimit-Reset", strconv.Itoa(reset))
}

// serverError is an answer of the 500s: the server's own for 500, and for the
// others what a proxy before it says.
func serverError(w http.ResponseWriter, r *http.Request, status int) {
	switch status {
	case http.StatusInternalServerError:
		answer(w, r, nil, broken())
	case 0:
		status = http.StatusServiceUnavailable
		fallthrough
	default:
		http.Error(w, http.StatusText(status), status)
	}
}

// seconds rounds d up to whole seconds.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
