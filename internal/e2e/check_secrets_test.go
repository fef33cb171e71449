package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checked is what check_secrets answers.
type checked struct {
	Checks []struct {
		Name, Location, Path, Environment, Verdict, Rule, Detail string
	}
	More, Passed int
	Complete     bool
	NotChecked   []struct{ Place, Reason string } `json:"not_checked"`
}

func (w *wire) checkSecrets(location string) (checked, frame) {
	w.t.Helper()
	f := w.reply(w.start("check_secrets", map[string]any{"location": location}))
	var r struct {
		IsError           bool
		StructuredContent checked
	}
	if err := json.Unmarshal(f.Result, &r); err != nil || r.IsError {
		w.fatalf("check_secrets: %v: %s", err, f.raw)
	}
	return r.StructuredContent, f
}

func (c checked) lines() []string {
	var lines []string
	for _, k := range c.Checks {
		lines = append(lines, strings.Join([]string{k.Name, k.Location, k.Environment + ":" + k.Path, k.Verdict, k.Rule}, " "))
	}
	return lines
}

// check_secrets says by name and rule what is wrong, in the vault as well, and
// nothing of any value, not even where the redactor knows none to mask.
func TestCheckSecrets(t *testing.T) {
	t.Parallel()
	prod := map[string]map[string]string{
		"/alpha": {
			"GOOD_URL": "https://alderwood.internal/9f8e", "BAD_URL": "alderwood-4471.internal", "API_KEY": "alderwood-9921\n", "EMPTY": "",
			"SALT": "alderwood-salt-5521", "TINY_PORT": "a7", "COPY_KEY": "${NOWHERE_ALDERWOOD}",
		},
		"/alpha/vault": {"PAY_KEY": "pay_test_alderwood6612", "TLS_PEM": "-----BEGIN ALDERWOOD-----\nYWxkZXJ3b29k", "OTHER": "alderwood-other-7712"},
	}
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			r := seedRig(t, map[string]any{"environments": map[string]any{"prod": prod}})
			config := filepath.Join(r.home, "XDG_CONFIG_HOME", "scrim")
			if err := os.Mkdir(config, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(config, "config.toml"), []byte("[types]\nSALT = \"hex\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			w := open(t, r, version, nil)
			all, f := w.checkSecrets("all")
			want := []string{
				"API_KEY injected prod:/alpha whitespace space_around", "BAD_URL injected prod:/alpha malformed url",
				"COPY_KEY injected prod:/alpha placeholder reference",
				"EMPTY injected prod:/alpha empty empty", "PAY_KEY vault prod:/alpha/vault misplaced test_value",
				"SALT injected prod:/alpha malformed hex", "TINY_PORT injected prod:/alpha malformed port", "TLS_PEM vault prod:/alpha/vault malformed pem",
			}
			if diff := cmp.Diff(want, all.lines()); diff != "" || !all.Complete || all.More != 0 {
				t.Errorf("checks (-want +got):\n%s\n%s", diff, f.raw)
			}
			vault, _ := w.checkSecrets("vault")
			if diff := cmp.Diff([]string{want[4], want[7]}, vault.lines()); diff != "" || vault.Passed != 1 {
				t.Errorf("checks of the vault (-want +got):\n%s", diff)
			}
			w.end(nothing)
			for _, said := range []string{string(f.raw), w.logged.String()} {
				for _, part := range []string{"alderwood-", "alderwood6612", "alderwood.internal", "YWxk", "a7\"", "pay_test", "5521"} {
					if strings.Contains(strings.ToLower(said), part) || strings.Contains(said, part) {
						t.Errorf("%q of a value shows in %s", part, said)
					}
				}
			}
		})
	}
}

// What this identity may not read is not called sound.
func TestCheckSecretsSaysWhatItDidNotSee(t *testing.T) {
	t.Parallel()
	for limit, reason := range map[string]string{"describe_only": "no values", "deny": "may not see into it"} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			w := open(t, seedRig(t, map[string]any{
				"environments": map[string]any{"prod": map[string]map[string]string{"/alpha": {"EMPTY": ""}, "/alpha/vault": {"ALSO_EMPTY": ""}}},
				limit:          []string{"/alpha/vault"},
			}), legacy, nil)
			all, f := w.checkSecrets("all")
			if all.Complete || all.Passed != 0 || len(all.NotChecked) != 1 || !strings.Contains(all.NotChecked[0].Reason, reason) ||
				!slices.Equal(all.lines(), []string{"EMPTY injected prod:/alpha empty empty"}) {
				t.Errorf("got %s", f.raw)
			}
			if base, f := w.checkSecrets("injected"); !base.Complete || len(base.NotChecked) != 0 {
				t.Errorf("got %s", f.raw)
			}
			w.end(nothing)
		})
	}
}

// An answer has an end, however much is wrong.
func TestCheckSecretsIsBounded(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{}
	for i := range 260 {
		wrong["EMPTY_"+strings.Repeat("I", i%26+1)+"_"+strings.Repeat("X", i/26+1)] = ""
	}
	w := open(t, seedRig(t, map[string]any{"environments": map[string]any{"prod": map[string]map[string]string{"/alpha": wrong}}}), legacy, nil)
	if all, f := w.checkSecrets("all"); len(all.Checks) != 200 || all.More != 60 || all.Passed != 0 {
		t.Errorf("%d checks, %d more: %.300s", len(all.Checks), all.More, f.raw)
	}
	w.end(nothing)
}
