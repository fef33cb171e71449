//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"scrim/internal/approval"
	"scrim/internal/config"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/policy"
)

// TestAllowedProgramIsTheOneThatWasThere: an agent puts another program under the
// name of an allowed one, after the server has loaded its policy.
func TestAllowedProgramIsTheOneThatWasThere(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	early, late := filepath.Join(dir, "early"), filepath.Join(dir, "late")
	for _, folder := range []string{early, late} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program := func(path string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(target, path string) {
		t.Helper()
		_ = os.Remove(path) // there may be none yet
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	link(program(filepath.Join(dir, "deploy-1")), filepath.Join(late, "deploy"))

	allowed, err := policy.ParseCommand([]string{"deploy", "*"})
	if err != nil {
		t.Fatal(err)
	}
	absent, err := policy.ParseProgram(filepath.Join(early, "later"))
	if err != nil {
		t.Fatal(err)
	}
	scope := secret.Scope{Project: "alpha", Environment: "dev", Stated: true, Path: "/alpha", VaultPath: "/alpha/vault"}
	runs := launch.Errands{Supervisor: []string{"none"}, Environ: []string{"PATH=" + early + ":" + late}, Dir: dir}
	gate := approval.NewGate(approval.Options{
		Mask: func(text string) string { return text },
		Policy: scopePolicy(config.Config{Scope: scope, Policy: []policy.Rule{{
			Origin: "scrim.toml:1", Field: policy.FieldCommands, Commands: []policy.Command{allowed, absent},
		}}}, runs),
	})
	ref, err := secret.ParseRef("dev", "/alpha/vault", "TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	judge := func(command ...string) error {
		t.Helper()
		what, err := runs.Find(command, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = gate.Judge(approval.Request{
			Scope: scope, Refs: []secret.Ref{ref}, Delivery: policy.DeliverRun,
			Command: what.Args, Dir: what.Dir, Program: what.Program.Path, ProgramSHA256: what.Program.SHA256,
		})
		return err
	}
	refused := func(name string, command ...string) {
		t.Helper()
		e, ok := errors.AsType[*approval.PolicyError](judge(command...))
		if !ok || e.Rule != approval.RuleOtherCommand || e.Origin != "scrim.toml:1" {
			t.Errorf("%s: %v", name, e)
		}
	}

	if err := judge("deploy", "x"); err != nil {
		t.Fatal(err)
	}
	if err := judge(filepath.Join(late, "deploy"), "x"); err != nil {
		t.Fatal(err)
	}
	program(filepath.Join(dir, "deploy"))
	refused("beside the agent", "./deploy", "x")
	refused("the file behind the link, by its own name", filepath.Join(dir, "deploy-1"), "x")
	program(filepath.Join(early, "later"))
	refused("what was not there", filepath.Join(early, "later"))
	program(filepath.Join(early, "deploy"))
	refused("earlier in PATH", "deploy", "x")
	link(program(filepath.Join(dir, "deploy-2")), filepath.Join(late, "deploy"))
	refused("behind the link", filepath.Join(late, "deploy"), "x")
	refused("found by PATH no more", "deploy", "x")
}
