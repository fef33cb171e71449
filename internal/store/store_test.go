package store_test

import (
	stdcmp "cmp"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
	"scrim/internal/store"
)

// world is a store on loopback, an identity in it, and the scope of project
// alpha in one environment.
type world struct {
	*store.Store
	held     *devstore.Store
	clientID string
	scope    secret.Scope
	clock    *clock
	learned  *ears
	changes  *atomic.Int32
}

// clock is a clock that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// ears hears every value that is learned.
type ears struct {
	mu     sync.Mutex
	values []string
}

func (e *ears) Learn(_ secret.Ref, v secret.Value) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values = append(e.values, v.Reveal())
}

func (e *ears) heard(value string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.values, value)
}

func seed() devstore.Seed {
	folders := func(env string) map[string]map[string]string {
		return map[string]map[string]string{
			"/alpha":         {"DATABASE_URL": "made-up-database-" + env, "COPIED": "made-up-copied-" + env, "OVERRIDDEN": "made-up-base-" + env, "FORKED": "made-up-fork-" + env},
			"/alpha/vault":   {"DEPLOY_TOKEN": "made-up-deploy-" + env},
			"/alpha/staging": {"OVERRIDDEN": "made-up-staging-" + env},
			"/shared":        {"COPIED": "made-up-copied-" + env, "FORKED": "made-up-other-" + env, "UNCOPIED": "made-up-uncopied-" + env},
			"/beta":          {"ELSEWHERE": "made-up-elsewhere-" + env},
		}
	}
	return devstore.Seed{Environments: map[string]map[string]map[string]string{"prod": folders("prod"), "dev": folders("dev")}}
}

func open(t *testing.T, env string, rules ...devstore.Rule) *world {
	t.Helper()
	return openScope(t, secret.Scope{
		Environment: env, Stated: true, Project: "alpha", Path: "/alpha",
		VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}, rules...)
}

func openScope(t *testing.T, scope secret.Scope, rules ...devstore.Rule) *world {
	t.Helper()
	return openWith(t, scope, "", rules...)
}

// openWith is openScope with another project id than the store's.
func openWith(t *testing.T, scope secret.Scope, project string, rules ...devstore.Rule) *world {
	t.Helper()
	held := devstore.New(devstore.Options{Seed: seed()})
	served := httptest.NewServer(held)
	t.Cleanup(served.Close)
	id, key := held.AddIdentity(devstore.Identity{Name: "test", Rules: append(devstore.MayRead(), rules...)})
	client, err := infisical.New(infisical.Options{
		Site: served.URL, ProjectID: stdcmp.Or(project, held.ProjectID()), Timeout: time.Second,
		Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{held: held, clientID: id, scope: scope, clock: &clock{}, learned: &ears{}, changes: &atomic.Int32{}}
	w.Store = store.New(store.Options{
		Scope: scope, Source: client, Learner: w.learned, Now: w.clock.now,
		Changed: func() { w.changes.Add(1) },
	})
	return w
}

func (w *world) status(t *testing.T, name string) store.Status {
	t.Helper()
	found, err := w.Find(t.Context(), name)
	if err != nil {
		t.Fatalf("find %s: %v", name, err)
	}
	return found.Status
}

func TestFind(t *testing.T) {
	t.Parallel()
	cases := []struct {
		env, name string
		want      store.Status
		place     string
	}{
		{"prod", "DATABASE_URL", store.Injected, "prod:/alpha"},
		{"prod", "DEPLOY_TOKEN", store.StoredInVault, "prod:/alpha/vault"},
		{"prod", "UNCOPIED", store.SharedNotPropagated, "prod:/shared"},
		{"prod", "OVERRIDDEN", store.Injected, "prod:/alpha"},
		{"dev", "OVERRIDDEN", store.StagingOverride, "dev:/alpha/staging"},
		{"prod", "ELSEWHERE", store.Missing, ""},
		{"prod", "NOWHERE", store.Missing, ""},
		{"prod", "database_url", store.Missing, ""}, // names tell case apart
	}
	for _, c := range cases {
		t.Run(c.env+" "+c.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, c.env)
			found, err := w.Find(t.Context(), c.name)
			if err != nil || found.Status != c.want {
				t.Fatalf("got %v, %v; want %v", found.Status, err, c.want)
			}
			place := ""
			if found.Place != nil {
				place = found.Place.String()
			}
			if place != c.place {
				t.Errorf("found at %q, want %q", place, c.place)
			}
		})
	}
}

// TestMissingIsAFact breaks every place of the scope in every way, and asks for
// a name that is nowhere and for one that is only there. Neither may be called
// missing, but where the place is an unstated shared source or known absent.
func TestMissingIsAFact(t *testing.T) {
	t.Parallel()
	breakages := map[string]struct {
		rules func(path string) []devstore.Rule
		fault devstore.Fault
		want  store.Status
	}{
		"denied":      {rules: func(p string) []devstore.Rule { return devstore.MayNotSee(p) }, want: store.Hidden},
		"broken":      {fault: devstore.Fault{Kind: devstore.ServerError, Status: 500}, want: store.Unknown},
		"unreachable": {fault: devstore.Fault{Kind: devstore.ServerError, Status: 503}, want: store.Unknown},
		"proxy page":  {fault: devstore.Fault{Kind: devstore.HTMLPage}, want: store.Unknown},
		"limited":     {fault: devstore.Fault{Kind: devstore.RateLimited, RetryAfter: time.Hour}, want: store.Unknown},
		"dropped":     {fault: devstore.Fault{Kind: devstore.Dropped}, want: store.Unknown},
		"silent":      {fault: devstore.Fault{Kind: devstore.Silent}, want: store.Unknown},
	}
	for _, place := range open(t, "dev").scope.Places() {
		for name, breakage := range breakages {
			t.Run(place.Path+" "+name, func(t *testing.T) {
				t.Parallel()
				var rules []devstore.Rule
				if breakage.rules != nil {
					rules = breakage.rules(place.Path)
				}
				w := open(t, "dev", rules...)
				w.held.Set("dev", place.Path, "ONLY_HERE", "made-up-only-here")
				if breakage.fault.Kind != devstore.NoFault {
					breakage.fault.SecretPath = place.Path
					w.held.Faults().Add(breakage.fault)
				}
				want := breakage.want
				if place.Location == secret.Shared && want == store.Hidden {
					want = store.Missing // out of scope, and said so
				}
				for _, name := range []string{"NOWHERE", "ONLY_HERE"} {
					found, err := w.Find(t.Context(), name)
					if err != nil || found.Status != want {
						t.Errorf("%s: got %v, %v; want %v", name, found.Status, err, want)
					}
					if len(found.NotSearched) != 1 || found.NotSearched[0].Place != place {
						t.Errorf("%s: not searched: %v", name, found.NotSearched)
					}
				}
			})
		}
	}
}

func TestStatedSharedSourceIsInScope(t *testing.T) {
	t.Parallel()
	scope := open(t, "prod").scope
	scope.SharedStated = true
	w := openScope(t, scope, devstore.MayNotSee("/shared")...)
	if got := w.status(t, "NOWHERE"); got != store.Hidden {
		t.Errorf("got %v: a configured place that is denied hides what it holds", got)
	}
}

func TestScopeThatIsNotInTheStore(t *testing.T) {
	t.Parallel()
	scope := open(t, "prod").scope
	mistyped := scope
	mistyped.Environment = "prdo"
	if _, err := openScope(t, mistyped).Find(t.Context(), "DATABASE_URL"); err == nil || !strings.Contains(err.Error(), `"prdo"`) {
		t.Errorf("a mistyped environment: %v", err)
	}
	elsewhere := scope
	elsewhere.Path, elsewhere.VaultPath, elsewhere.StagingPath = "/alhpa", "/alhpa/vault", "/alhpa/staging"
	if _, err := openScope(t, elsewhere).Find(t.Context(), "DATABASE_URL"); err == nil || !strings.Contains(err.Error(), "/alhpa") {
		t.Errorf("a mistyped project: %v", err)
	}
	if _, err := openWith(t, scope, "00000000-0000-4000-8000-000000000000").Find(t.Context(), "DATABASE_URL"); !errors.Is(err, secret.ErrNoProject) {
		t.Errorf("a mistyped project id: %v", err)
	}
	vault := scope
	vault.VaultEnvironments = []string{"vualt"}
	if _, err := openScope(t, vault).Find(t.Context(), "NOWHERE"); err == nil || !strings.Contains(err.Error(), `"vualt"`) {
		t.Errorf("a mistyped vault environment: %v", err)
	}
}

func TestAbsentFolderHoldsNothing(t *testing.T) {
	t.Parallel()
	w := open(t, "dev")
	w.held.DeleteFolder("dev", "/alpha/staging")
	w.held.DeleteFolder("dev", "/alpha/vault")
	if got := w.status(t, "DEPLOY_TOKEN"); got != store.Missing {
		t.Errorf("got %v", got)
	}
	if got := w.status(t, "OVERRIDDEN"); got != store.Injected {
		t.Errorf("got %v", got)
	}
}

func TestVaultOfAnotherEnvironment(t *testing.T) {
	t.Parallel()
	scope := open(t, "dev").scope
	scope.VaultEnvironments = []string{"prod"}
	w := openScope(t, scope)
	w.held.Set("prod", "/alpha/vault", "KEPT_IN_PROD", "made-up-kept")
	found, err := w.Find(t.Context(), "KEPT_IN_PROD")
	if err != nil || found.Status != store.StoredInVault || found.Place.String() != "prod:/alpha/vault" {
		t.Errorf("got %+v, %v", found, err)
	}
}

// TestEmptyIsNotDenied tells an empty folder from one that is silently denied.
func TestEmptyIsNotDenied(t *testing.T) {
	t.Parallel()
	for _, denied := range []bool{false, true} {
		var rules []devstore.Rule
		want := store.Readable
		if denied {
			rules, want = devstore.MayNotSee("/alpha/vault"), store.Denied
		}
		w := open(t, "prod", rules...)
		w.held.Delete("prod", "/alpha/vault", "DEPLOY_TOKEN")
		for _, view := range w.Snapshot(t.Context()).Views {
			if view.Place.Location == secret.Vault && view.State != want {
				t.Errorf("denied %t: the vault is %v, want %v", denied, view.State, want)
			}
		}
	}
}

func TestNamesWithoutValues(t *testing.T) {
	t.Parallel()
	w := open(t, "prod", devstore.MayNotReadValues("/alpha/vault")...)
	if got := w.status(t, "DEPLOY_TOKEN"); got != store.StoredInVault {
		t.Errorf("got %v", got)
	}
	if got := w.status(t, "NOWHERE"); got != store.Missing {
		t.Errorf("got %v: a describe-only identity can prove absence", got)
	}
	if found, err := w.Find(t.Context(), "DEPLOY_TOKEN"); err != nil || !found.Entry.Hidden() {
		t.Errorf("got %+v, %v", found, err)
	}
	if w.learned.heard("made-up-deploy-prod") {
		t.Error("a hidden value was learned")
	}
}

func TestSharedCopiesAreMarked(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	shared := map[string]bool{}
	for _, view := range w.Snapshot(t.Context()).Views {
		for _, e := range view.Entries {
			if view.Place.Location == secret.Injected {
				shared[e.Ref.Name()] = e.Shared
			}
		}
	}
	want := map[string]bool{"COPIED": true, "FORKED": false, "DATABASE_URL": false, "OVERRIDDEN": false}
	if diff := cmp.Diff(want, shared); diff != "" {
		t.Error(diff)
	}
}

func TestEveryValueIsLearned(t *testing.T) {
	t.Parallel()
	w := open(t, "dev")
	w.Snapshot(t.Context())
	for _, name := range []string{"database", "copied", "base", "fork", "deploy", "staging", "other", "uncopied"} {
		if value := "made-up-" + name + "-dev"; !w.learned.heard(value) {
			t.Errorf("%s was not learned", value)
		}
	}
	if w.learned.heard("made-up-elsewhere-dev") {
		t.Error("another project's value was read")
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.Snapshot(t.Context())
	first := len(w.held.Requests())
	w.Snapshot(t.Context())
	w.status(t, "DATABASE_URL")
	if again := len(w.held.Requests()); again != first {
		t.Errorf("a fresh snapshot made %d requests", again-first)
	}
	w.clock.advance(31 * time.Second)
	w.Snapshot(t.Context())
	refresh := w.held.Requests()[first:]
	if len(refresh) != 3 {
		t.Errorf("a refresh of three places made %d requests", len(refresh))
	}
	for _, r := range refresh {
		if !r.Conditional || r.Status != 304 {
			t.Errorf("%s %s answered %d, conditional %t", r.Method, r.SecretPath, r.Status, r.Conditional)
		}
	}
}

// TestUnreadPlaceIsRetriedAlone leaves places that were read in peace while
// another cannot be read.
func TestUnreadPlaceIsRetriedAlone(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.held.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500, SecretPath: "/alpha/vault"})
	w.Snapshot(t.Context())
	w.held.ForgetRequests()
	for range 3 {
		w.clock.advance(2 * time.Second)
		w.Snapshot(t.Context())
	}
	for _, r := range w.held.Requests() {
		if r.SecretPath != "/alpha/vault" {
			t.Errorf("%s was read again after %d", r.SecretPath, r.Status)
		}
	}
}

func TestRotationAndChange(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.Snapshot(t.Context())
	w.held.Set("prod", "/alpha", "DATABASE_URL", "made-up-rotated-value")
	w.clock.advance(31 * time.Second)
	before := w.changes.Load()
	w.Snapshot(t.Context())
	if !w.learned.heard("made-up-rotated-value") || !w.learned.heard("made-up-database-prod") {
		t.Error("old and new values must be known")
	}
	if w.changes.Load() != before {
		t.Error("a rotation changes no name")
	}
	w.held.Set("prod", "/alpha", "ADDED", "made-up-added-value")
	w.clock.advance(31 * time.Second)
	w.Snapshot(t.Context())
	if w.changes.Load() != before+1 {
		t.Error("a new name is a change")
	}
}

// Each refresh is told of once, with what it found, and nothing else is.
func TestRefreshed(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	var known []int
	w.Refreshed = func(s store.Snapshot) { known = append(known, s.Len()) }
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() { w.Snapshot(t.Context()) })
	}
	together.Wait()
	w.Snapshot(t.Context())
	first := w.Peek().Len()
	w.held.Set("prod", "/alpha", "DATABASE_URL", "made-up-rotated-value")
	w.clock.advance(31 * time.Second)
	w.Snapshot(t.Context())
	w.held.Set("prod", "/alpha", "ADDED", "made-up-added-value")
	w.clock.advance(31 * time.Second)
	w.Snapshot(t.Context())
	if diff := cmp.Diff([]int{first, first, first + 1}, known); diff != "" {
		t.Errorf("entries told of (-want +got):\n%s", diff)
	}
}

func TestConfirmedAbsenceIsKept(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.status(t, "NOWHERE")
	asked := len(w.held.Requests())
	w.status(t, "NOWHERE")
	if again := len(w.held.Requests()); again != asked {
		t.Errorf("a confirmed absence was asked for again: %d requests", again-asked)
	}
	w.held.Set("prod", "/alpha/vault", "NOWHERE", "made-up-born-later")
	w.clock.advance(61 * time.Second)
	if got := w.status(t, "NOWHERE"); got != store.StoredInVault {
		t.Errorf("got %v", got)
	}
}

// TestBornBetweenListAndGet finds a name that the list does not have yet.
func TestBornBetweenListAndGet(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.Snapshot(t.Context())
	w.held.Set("prod", "/alpha/vault", "JUST_BORN", "made-up-just-born")
	if got := w.status(t, "JUST_BORN"); got != store.StoredInVault {
		t.Errorf("got %v", got)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.held.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500})
	if got := w.status(t, "DATABASE_URL"); got != store.Unknown {
		t.Errorf("got %v while the store is down", got)
	}
	w.held.Faults().Clear()
	w.clock.advance(2 * time.Second)
	if got := w.status(t, "DATABASE_URL"); got != store.Injected {
		t.Errorf("got %v after the store came back", got)
	}
	w.held.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500})
	w.clock.advance(31 * time.Second)
	if got := w.status(t, "DATABASE_URL"); got != store.Unknown {
		t.Errorf("got %v from a snapshot that could not be refreshed", got)
	}
	if names := w.Peek().Views[0].Entries; len(names) == 0 {
		t.Error("the names of the last good reading are gone")
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.held.Set("prod", "/alpha", "STRIPE_SECRET_KEY", "made-up-payments")
	cases := map[string]string{"DATABSE_URL": "DATABASE_URL", "STRIPE_KEY": "STRIPE_SECRET_KEY", "database-url": "DATABASE_URL", "TOKEN_DEPLOY": "DEPLOY_TOKEN"}
	for asked, want := range cases {
		found, err := w.Find(t.Context(), asked)
		if err != nil || !slices.Contains(found.DidYouMean, want) {
			t.Errorf("%s: suggested %v, %v", asked, found.DidYouMean, err)
		}
	}
	found, err := w.Find(t.Context(), "ELSEWHERE_KEY")
	if err != nil || slices.Contains(found.DidYouMean, "ELSEWHERE") {
		t.Errorf("another project's name was suggested: %v, %v", found.DidYouMean, err)
	}
}

// TestConcurrentCallers shares one refresh, and a caller that goes away does
// not end it for the others.
func TestConcurrentCallers(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	w.held.Faults().Add(devstore.Fault{Kind: devstore.Slow, Delay: 50 * time.Millisecond})
	ctx := t.Context()
	impatient, cancel := context.WithCancel(ctx)
	defer cancel()
	var callers sync.WaitGroup
	for i := range 20 {
		callers.Go(func() {
			if i == 0 {
				cancel()
				w.Snapshot(impatient)
				return
			}
			if !w.Snapshot(ctx).Known() {
				t.Error("a caller got a snapshot that was not read")
			}
		})
	}
	callers.Wait()
	lists := 0
	for _, r := range w.held.Requests() {
		if strings.HasSuffix(r.Path, "/raw") {
			lists++
		}
	}
	if lists != 3 {
		t.Errorf("%d lists for three places", lists)
	}
}

func TestFindRefusesBadNames(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	for _, name := range []string{"", "../x", "A/B", "A B", "A\n", "../../../v1/auth/token?x=1#"} {
		if _, err := w.Find(t.Context(), name); !errors.Is(err, secret.ErrBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if n := len(w.held.Requests()); n != 0 {
		t.Errorf("%d requests for names that cannot be", n)
	}
}

func ExampleStatus() {
	fmt.Println(store.Missing, store.Status(0))
	// Output: missing unknown
}

// TestImportThatIsClosed takes away what the project imports from: a name may
// come from there, so it is hidden, and the list says that it is incomplete.
func TestImportThatIsClosed(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string][]devstore.Rule{
		"denied":        devstore.MayNotSee("/beta"),
		"describe only": devstore.MayNotReadValues("/beta"),
		"open":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, "prod", rules...)
			w.held.Import("prod", "/alpha", "prod", "/beta")
			found, err := w.Find(t.Context(), "ELSEWHERE")
			want := store.Injected
			if name == "denied" {
				want = store.Hidden
			}
			if err != nil || found.Status != want {
				t.Errorf("got %v, %v; want %v", found.Status, err, want)
			}
			injected := w.Peek().Views[0]
			if closed := len(injected.Closed) > 0; closed != (name == "denied") {
				t.Errorf("closed imports: %v", injected.Closed)
			}
			if name == "describe only" && !w.Peek().Has("ELSEWHERE") {
				t.Error("a name that may be described is not listed")
			}
		})
	}
}

// TestAbsenceIsForgottenWhenAPlaceCloses denies the vault after an absence was
// confirmed there.
func TestAbsenceIsForgottenWhenAPlaceCloses(t *testing.T) {
	t.Parallel()
	w := open(t, "prod")
	if got := w.status(t, "NOWHERE"); got != store.Missing {
		t.Fatalf("got %v", got)
	}
	w.held.Permit(w.clientID, append(devstore.MayRead(), devstore.MayNotSee("/alpha/vault")...))
	w.clock.advance(31 * time.Second)
	if got := w.status(t, "NOWHERE"); got != store.Hidden {
		t.Errorf("got %v", got)
	}
}

// TestStatedPathMustExist tells a vault path that somebody configured, and that
// is not there, from a convention that a project does not follow.
func TestStatedPathMustExist(t *testing.T) {
	t.Parallel()
	scope := open(t, "prod").scope
	scope.VaultPath = "/alpha/valut"
	if _, err := openScope(t, scope).Find(t.Context(), "DEPLOY_TOKEN"); err == nil || !strings.Contains(err.Error(), "/alpha/valut") {
		t.Errorf("got %v", err)
	}
	w := open(t, "prod")
	w.held.DeleteFolder("prod", "/alpha/vault")
	found, err := w.Find(t.Context(), "NOWHERE")
	if err != nil || found.Status != store.Missing || len(found.NotSearched) != 1 {
		t.Errorf("got %+v, %v: the folder that is not there is worth a word", found, err)
	}
}

// TestProblems shows values to the judge that the store was made with, and to
// nobody else; without one, no value is called sound.
func TestProblems(t *testing.T) {
	t.Parallel()
	w := open(t, "prod", devstore.MayNotReadValues("/alpha/vault")...)
	for _, view := range w.Snapshot(t.Context()).Views {
		for _, e := range view.Entries {
			if problems, err := w.Problems(e); !errors.Is(err, store.ErrNoJudge) || problems != nil {
				t.Errorf("without a judge: %v, %v", problems, err)
			}
		}
	}
	seen := &court{}
	w.Judge = seen
	for _, view := range w.Snapshot(t.Context()).Views {
		for _, e := range view.Entries {
			problems, err := w.Problems(e)
			if err != nil || len(problems) != 1 && !e.Hidden() || len(problems) != 0 && e.Hidden() {
				t.Errorf("%s: %v, %v", e.Ref, problems, err)
			}
		}
	}
	if !slices.Contains(seen.cases, "prod:/alpha/DATABASE_URL made-up-database-prod") || slices.ContainsFunc(seen.cases, func(c string) bool { return strings.Contains(c, "DEPLOY_TOKEN") }) {
		t.Errorf("the judge saw %v", seen.cases)
	}
}

// court is a judge that finds fault with everything.
type court struct{ cases []string }

func (c *court) Judge(ref secret.Ref, v secret.Value) []secret.Problem {
	c.cases = append(c.cases, ref.String()+" "+v.Reveal())
	return []secret.Problem{{Verdict: secret.Malformed, Rule: "any", Detail: "it is a value"}}
}
