package main

import (
	"bytes"
	"path/filepath"
	"slices"

	"scrim/internal/ledger"
	"scrim/internal/setup"
)

// undoPlan plans how everything goes back.
func (i *InitCmd) undoPlan(c *cli, s site) plan {
	p := plan{s.back(settingsFile, nil, settingsBare)}
	for _, client := range setup.Clients() {
		named := slices.Contains(i.Client, client.ID)
		if len(i.Client) > 0 && !named {
			continue
		}
		file, shown, err := s.file(c, client)
		if client.Home != "" && !named && (err != nil || !s.ledger.Knows(file)) {
			continue // it is for all projects, and none of init's making
		}
		f := planned{shown: shown, file: file, own: client.Home != "", err: err}
		if f.own && !named && s.othersUse(file) {
			f.note = "other repositories rely on it, so it stays: --client " + client.ID + " takes it out"
			p = append(p, f)
			continue
		}
		f.undo(s, client.Unregister, client.Bare)
		p = append(p, f)
	}
	seen := map[string]bool{}
	for _, name := range instructionFiles() {
		f := s.back(name, setup.Unteach, settingsBare)
		if f.err != nil || !seen[f.file.Path] {
			p = append(p, f)
		}
		seen[f.file.Path] = true
	}
	return p
}

// othersUse reports whether another repository that is still set up relies on a
// file.
func (s site) othersUse(file ledger.File) bool {
	return slices.ContainsFunc(s.ledger.Others(file, s.root), func(root string) bool { return there(filepath.Join(root, settingsFile)) })
}

// settingsBare reports whether a text says nothing.
func settingsBare(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }

// back plans how a file of the repository goes back.
func (s site) back(name string, takeOut func([]byte) (setup.Change, error), bare func([]byte) bool) planned {
	file, err := ledger.In(s.root, name)
	f := planned{shown: name, file: file, err: err}
	f.undo(s, takeOut, bare)
	return f
}

// undo plans how f goes back to what it was, or where somebody edited it since,
// loses what is scrim's. What init has no record of is only taken out by
// takeOut, which may be nil.
func (f *planned) undo(s site, takeOut func([]byte) (setup.Change, error), bare func([]byte) bool) {
	if f.err == nil {
		f.before, f.exists, f.err = f.file.Read()
	}
	if f.err != nil || !f.exists {
		return
	}
	back := s.ledger.Before(f.file, f.before)
	if back.Exact {
		f.edits, f.remove = back.Edits, back.Removed
		return
	}
	known := s.ledger.Knows(f.file)
	var change setup.Change
	kept := false
	switch {
	case takeOut != nil:
		change, f.err = takeOut(back.Data)
	case known:
		var ok bool
		change, ok = setup.Withdraw(back.Data, back.Rest)
		kept = !ok
	default:
		kept = true
	}
	if f.err != nil {
		return
	}
	after := setup.Apply(back.Data, change.Edits)
	f.edits = change.Edits
	if len(back.Edits) > 0 { // as far as the record leads, and then further
		f.edits = setup.Difference(f.before, after)
	}
	switch {
	case kept && known:
		f.note = "edited since init: what that changed stays"
	case kept:
		f.note = "not of init's making here, and kept"
	case len(f.edits) == 0:
	case known:
		f.note = "edited since init: what is scrim's goes, the rest stays"
	default:
		f.note = "init has no record of it here: what is scrim's goes, the rest stays"
	}
	f.remove = len(f.edits) > 0 && s.ledger.Created(f.file) && bare(after)
}
