package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"scrim/internal/estate"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/internal/tracked"
	"scrim/internal/validate"
	"scrim/tools"
)

// finding is one thing that is wrong with one secret, or with several that belong
// together.
type finding struct {
	Name         string          `json:"name"`
	Project      string          `json:"project"`
	Location     string          `json:"location"`
	Environment  string          `json:"environment"`
	Path         string          `json:"path"`
	Severity     secret.Severity `json:"severity"`
	Verdict      secret.Verdict  `json:"verdict"`
	Rule         string          `json:"rule"`
	Detail       string          `json:"detail"`
	Fix          string          `json:"fix"`
	ImportedFrom string          `json:"imported_from,omitempty"`
	Also         []otherSecret   `json:"also,omitempty"`  // that have the same value
	Files        []string        `json:"files,omitempty"` // "file:line", the first of them
	MoreFiles    int             `json:"more_files,omitempty"`
}

// otherSecret is a secret that a finding is about as well.
type otherSecret struct {
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Path        string `json:"path"`
}

// unreadPlace is a place that was not read, and why.
type unreadPlace struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Location    string `json:"location"`
	Reason      string `json:"reason"`
}

// checkAnswer is all that a check has to say.
type checkAnswer struct {
	Scope         *tools.ScopeNote `json:"scope,omitempty"` // where there is one
	Scopes        int              `json:"scopes"`          // how many projects were read, in each environment
	Checks        []finding        `json:"checks"`
	Errors        int              `json:"errors"`
	Warnings      int              `json:"warnings"`
	Notes         int              `json:"notes"`
	Passed        int              `json:"passed"`                    // secrets with nothing wrong in themselves
	Unexpanded    []string         `json:"unexpanded"`                // places whose references to others this identity may not follow
	Unaddressed   int              `json:"unaddressed"`               // secrets under names that scrim cannot say
	Public        []string         `json:"public"`                    // of the user's public names, those that are in scope
	PublicAbsent  []string         `json:"public_absent"`             // and those that nothing has
	TypesAbsent   []string         `json:"types_absent"`              // names with a declared type that nothing has
	LooserInVault []string         `json:"looser_in_vault,omitempty"` // names in a vault that a repository's parameter is not asked of
	Files         int              `json:"files"`                     // that git tracks, and were looked through
	FilesSkipped  []string         `json:"files_skipped,omitempty"`
	Unreadable    []unreadPlace    `json:"unreadable"`
	Complete      bool             `json:"complete"`
	AsOf          string           `json:"as_of"`

	searched string
	several  bool // projects, or environments
	seen     map[secret.Ref]bool
}

func newCheckAnswer(read readings) checkAnswer {
	a := checkAnswer{
		Checks: []finding{}, Unexpanded: []string{}, Public: []string{}, PublicAbsent: []string{}, TypesAbsent: []string{}, Unreadable: []unreadPlace{},
		Scopes: len(read.all), Complete: true, searched: searchedText(read), several: len(read.all) > 1, seen: map[secret.Ref]bool{},
	}
	for _, r := range read.all {
		if r.failed != nil {
			a.Unreadable = append(a.Unreadable, unreadPlace{r.deps.Scope.Project, r.deps.Scope.Environment, read.location, r.failed.Error()})
			a.Complete = false
			continue
		}
		for _, u := range r.list.Unreadable {
			a.Unreadable = append(a.Unreadable, unreadPlace{r.deps.Scope.Project, r.deps.Scope.Environment, u.Location, u.Reason})
		}
		a.Complete = a.Complete && r.list.Complete
		if a.AsOf == "" || r.list.AsOf < a.AsOf {
			a.AsOf = r.list.AsOf
		}
	}
	if len(read.all) == 1 {
		a.Scope = &read.all[0].list.Scope
	}
	return a
}

// sayUnreadPlaces says which places were not read, and why.
func (q *query) sayUnreadPlaces(unread []unreadPlace) {
	several := slices.ContainsFunc(unread, func(u unreadPlace) bool {
		return u.Project != unread[0].Project || u.Environment != unread[0].Environment
	})
	var places []closedPlace
	for _, u := range unread {
		where := u.Location
		if several {
			where = fmt.Sprintf("%s %s of %s", u.Environment, u.Location, u.Project)
		}
		places = append(places, closedPlace{where, u.Reason})
	}
	for _, line := range byReason(places) {
		q.say("not read: %s", line)
	}
}

// add judges the secrets of one place: whether they can be masked, and what is
// wrong with their values. What another scope had as well is not judged again.
func (a *checkAnswer) add(r reading, view store.View, judge maskJudge) error {
	for _, e := range view.Entries {
		if a.seen[e.Ref] {
			continue
		}
		a.seen[e.Ref] = true
		problems, err := r.deps.Problems(view, e)
		if err != nil {
			return err
		}
		switch v := judge.judge(e); {
		case v == cannotMask && !slices.ContainsFunc(problems, isNoValue):
			problems = append(problems, validate.Named(validate.Unmaskable))
		case v == notReadable:
			problems = append(problems, validate.Named(validate.Unreadable))
		}
		for _, p := range problems {
			a.Checks = append(a.Checks, findingOf(r, e, p))
		}
		if len(problems) == 0 && !judge.isPublic(e.Ref.Name()) {
			a.Passed++
		}
		if name := e.Ref.Name(); view.Place.Location == secret.Vault && r.checker.VaultTypes[name] != r.checker.Types[name] && !slices.Contains(a.LooserInVault, name) {
			a.LooserInVault = append(a.LooserInVault, name)
		}
	}
	if view.Unexpanded {
		a.Unexpanded = append(a.Unexpanded, view.Place.String())
	}
	a.Unaddressed += view.Refused
	return nil
}

// isNoValue reports whether a problem is that there is nothing to mask.
func isNoValue(p secret.Problem) bool {
	return p.Verdict == secret.Empty || p.Verdict == secret.Placeholder || p.Verdict == secret.Description
}

func findingOf(r reading, e store.Entry, p secret.Problem) finding {
	f := finding{
		Name: e.Ref.Name(), Project: r.deps.Scope.Project, Location: e.Location.String(), Environment: e.Ref.Environment(), Path: e.Ref.Path(),
		Severity: p.Severity, Verdict: p.Verdict, Rule: p.Rule, Detail: p.Detail, Fix: p.Fix,
	}
	if p.Rule == validate.Unreadable {
		f.ImportedFrom = e.Imported
	}
	return f
}

// entries calls yield for each secret that was read, once.
func (r readings) entries(yield func(reading, store.View, store.Entry)) {
	seen := map[secret.Ref]bool{}
	for _, one := range r.all {
		for _, view := range one.snapshot.Views {
			for _, e := range view.Entries {
				if !seen[e.Ref] {
					seen[e.Ref] = true
					yield(one, view, e)
				}
			}
		}
	}
}

// compare looks for credentials that several names or several projects have.
func (a *checkAnswer) compare(read readings, judge maskJudge) {
	var holdings []estate.Holding
	at := map[secret.Ref]func(secret.Problem) finding{}
	wanted := map[secret.Ref]bool{}
	read.entries(func(r reading, view store.View, e store.Entry) {
		switch {
		case e.Hidden(), e.Imported != "", judge.isPublic(e.Ref.Name()), view.Unexpanded && e.Value().Refers(), !r.checker.Credential(e.Ref, e.Value()):
			return
		}
		project := r.deps.Scope.Project
		if e.Location == secret.Shared {
			project = ""
		}
		holdings = append(holdings, estate.Holding{Project: project, Ref: e.Ref, Value: e.Value()})
		at[e.Ref] = func(p secret.Problem) finding { return findingOf(r, e, p) }
		wanted[e.Ref] = read.wanted(view)
	})
	for _, group := range estate.Alike(holdings) {
		rule := validate.Reused
		if estate.SeveralProjects(group) {
			rule = validate.Copied
		}
		first := slices.IndexFunc(group, func(h estate.Holding) bool { return wanted[h.Ref] })
		if first < 0 || rule == validate.Copied && sameName(group) && !read.knowsShared(group[0].Ref.Environment()) {
			continue
		}
		f := at[group[first].Ref](validate.Named(rule))
		for _, h := range slices.Delete(group, first, first+1) {
			f.Also = append(f.Also, otherOf(h.Ref))
		}
		a.Checks = append(a.Checks, f)
	}
}

// sameName reports whether all of a group have one name, as copies of a shared
// secret have.
func sameName(group []estate.Holding) bool {
	return !slices.ContainsFunc(group, func(h estate.Holding) bool { return h.Ref.Name() != group[0].Ref.Name() })
}

// knowsShared reports whether the shared source of an environment was read, or is
// known not to be there. Else nobody can tell a copy of it from another's secret.
func (r readings) knowsShared(environment string) bool {
	return slices.ContainsFunc(r.all, func(one reading) bool {
		return slices.ContainsFunc(one.snapshot.Views, func(v store.View) bool {
			return v.Place.Location == secret.Shared && v.Place.Environment == environment && (v.State == store.Readable || v.State == store.Absent)
		})
	})
}

// isCopy reports whether e is a copy of a shared secret.
func (r readings) isCopy(e store.Entry) bool {
	copied := false
	r.entries(func(_ reading, _ store.View, other store.Entry) {
		copied = copied || other.Location == secret.Shared && other.Ref.Environment() == e.Ref.Environment() && other.Ref.Name() == e.Ref.Name() &&
			!other.Hidden() && other.Value().Equal(e.Value())
	})
	return copied
}

func otherOf(ref secret.Ref) otherSecret {
	return otherSecret{ref.Name(), ref.Environment(), ref.Path()}
}

// lookThrough looks for values and names in the files that git tracks here.
func (a *checkAnswer) lookThrough(c *cli, q *query, read readings, judge maskJudge) error {
	at := map[secret.Ref]func(secret.Problem) finding{}
	var own []store.Entry
	var names []string
	read.entries(func(r reading, view store.View, e store.Entry) {
		if !read.wanted(view) || r.checker.Types[e.Ref.Name()] == secret.Text || judge.isPublic(e.Ref.Name()) {
			return
		}
		at[e.Ref] = func(p secret.Problem) finding { return findingOf(r, e, p) }
		isInjected := e.Location == secret.Injected || e.Location == secret.Staging
		if isInjected && e.Imported == "" && !e.Shared && r.deps.Scope.Project == read.here {
			own, names = append(own, e), append(names, e.Ref.Name())
		}
	})
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the working directory: %w", err)
	}
	waited := sayIfSlow(c.stderr, "looking through the files that git tracks …")
	report, err := tracked.Look(c.ctx, dir, q.deps.Redactor, names)
	waited()
	switch {
	case errors.Is(err, tracked.ErrNoTree):
		return nil
	case err != nil:
		return err
	}
	a.Files, a.FilesSkipped = report.Files, report.Skipped
	for _, hit := range report.Hits {
		a.addHit(hit, at)
	}
	for _, e := range own {
		if !report.Refers(e.Ref.Name()) && !read.isCopy(e) {
			a.Checks = append(a.Checks, at[e.Ref](validate.Named(validate.Unused)))
		}
	}
	return nil
}

// maxSpots bounds the places that are named for one value.
const maxSpots = 20

// addHit adds a value that lies in files. All the names that it has are one
// finding.
func (a *checkAnswer) addHit(hit tracked.Hit, at map[secret.Ref]func(secret.Problem) finding) {
	refs := slices.DeleteFunc(slices.Clone(hit.Refs), func(ref secret.Ref) bool { return at[ref] == nil })
	if len(refs) == 0 {
		return
	}
	slices.SortFunc(refs, func(x, y secret.Ref) int { return cmp.Compare(x.String(), y.String()) })
	f := at[refs[0]](validate.Named(validate.Tracked))
	for _, ref := range refs[1:] {
		f.Also = append(f.Also, otherOf(ref))
	}
	for _, spot := range hit.Spots[:min(len(hit.Spots), maxSpots)] {
		f.Files = append(f.Files, fmt.Sprintf("%s:%d", spot.File, spot.Line))
	}
	f.MoreFiles = len(hit.Spots) - len(f.Files)
	a.Checks = append(a.Checks, f)
}

// settle sorts the findings, the worst first, and counts them.
func (a *checkAnswer) settle() {
	rules := validate.Rules()
	slices.SortStableFunc(a.Checks, func(x, y finding) int {
		return cmp.Or(cmp.Compare(x.Severity, y.Severity), cmp.Compare(slices.Index(rules, x.Rule), slices.Index(rules, y.Rule)), cmp.Compare(x.Detail, y.Detail),
			cmp.Compare(x.Name, y.Name), cmp.Compare(x.place(), y.place()))
	})
	for _, f := range a.Checks {
		switch f.Severity {
		case secret.SeverityWarning:
			a.Warnings++
		case secret.SeverityInfo:
			a.Notes++
		default:
			a.Errors++
		}
	}
	slices.Sort(a.LooserInVault)
}

func (f finding) place() string { return f.Environment + ":" + f.Path }

// write prints the findings, those of one rule together.
func (a checkAnswer) write(q *query, coloured bool) error {
	var b strings.Builder
	for i := 0; i < len(a.Checks); {
		end := i + 1
		for end < len(a.Checks) && a.Checks[end].Rule == a.Checks[i].Rule && a.Checks[end].Detail == a.Checks[i].Detail {
			end++
		}
		if i > 0 {
			b.WriteString("\n")
		}
		writeRule(&b, a.Checks[i:end], coloured)
		i = end
	}
	if _, err := q.out.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("print the findings: %w", err)
	}
	return nil
}

// writeRule prints what one rule says of some secrets: the sentence, each of them,
// and what to do.
func writeRule(b *strings.Builder, found []finding, coloured bool) {
	const reset = "\x1b[0m"
	first := found[0]
	word := first.Severity.String()
	text := hung(word+"  ", first.Rule+": "+first.Detail, "    ")
	if coloured {
		ink := map[secret.Severity]string{secret.SeverityError: "\x1b[31m", secret.SeverityWarning: "\x1b[33m", secret.SeverityInfo: "\x1b[36m"}[first.Severity]
		text = ink + word + reset + text[len(word):]
	}
	b.WriteString(text)
	width := 0
	for _, f := range found {
		width = max(width, len(f.Name))
	}
	for _, f := range found {
		fmt.Fprintf(b, "    %-*s  %s\n", width, f.Name, f.place())
		if f.ImportedFrom != "" {
			b.WriteString(hung("      ", "by import from "+f.ImportedFrom, "        "))
		}
		if also := f.others(); also != "" {
			b.WriteString(hung("      ", "and "+also, "        "))
		}
		if files := f.places(); files != "" {
			b.WriteString(hung("      ", "in "+files, "        "))
		}
	}
	b.WriteString(hung("  ", first.Fix, "  "))
}

// others names the secrets that have the same value, the first of many.
func (f finding) others() string {
	var all []string
	for _, o := range f.Also {
		all = append(all, fmt.Sprintf("%s:%s/%s", o.Environment, strings.TrimSuffix(o.Path, "/"), o.Name))
	}
	return some(all)
}

// places names where in the files a value lies.
func (f finding) places() string {
	if len(f.Files) == 0 {
		return ""
	}
	text := visible(some(f.Files))
	if f.MoreFiles > 0 {
		text += fmt.Sprintf(", and in %d more places", f.MoreFiles)
	}
	return text
}
