package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scrim/internal/secret"
	"scrim/policy"
)

func scope() secret.Scope {
	return secret.Scope{
		Site: "https://store.example", ProjectID: "p-1", Project: "alpha", Environment: "dev", Stated: true,
		Path: "/alpha", VaultPath: "/alpha/vault", VaultEnvironments: []string{"prod"},
		StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
}

func ref(t testing.TB, env, path string) secret.Ref {
	t.Helper()
	r, err := secret.ParseRef(env, path, "NAME")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDecide(t *testing.T) {
	t.Parallel()
	ask := policy.Decision{
		Effect: policy.Ask, Strength: policy.Client, TTL: 10 * time.Minute, Rule: policy.RuleVault,
		Deliveries: []policy.Delivery{policy.DeliverValue, policy.DeliverFile, policy.DeliverRun, policy.DeliverBase},
	}
	allow := policy.Decision{Effect: policy.Allow, Rule: policy.RuleNames}
	deny := func(rule string) policy.Decision { return policy.Decision{Rule: rule} }
	cases := []struct {
		name      string
		env, path string
		read, see policy.Decision
	}{
		{"vault", "dev", "/alpha/vault", ask, allow},
		{"vault of a vault environment", "prod", "/alpha/vault", ask, allow},
		{"injected", "dev", "/alpha", deny(policy.RuleInjected), allow},
		{"staging", "dev", "/alpha/staging", deny(policy.RuleStaging), allow},
		{"shared", "dev", "/shared", deny(policy.RuleShared), allow},
		{"vault of another environment", "test", "/alpha/vault", deny(policy.RuleOutOfScope), deny(policy.RuleOutOfScope)},
		{"another environment", "prod", "/alpha", deny(policy.RuleOutOfScope), deny(policy.RuleOutOfScope)},
		{"another project", "dev", "/beta/vault", deny(policy.RuleOutOfScope), deny(policy.RuleOutOfScope)},
		{"below the vault", "dev", "/alpha/vault/old", deny(policy.RuleOutOfScope), deny(policy.RuleOutOfScope)},
		{"beside the vault", "dev", "/alpha/vault2", deny(policy.RuleOutOfScope), deny(policy.RuleOutOfScope)},
		{"the root", "dev", "/", deny(policy.RuleOutOfScope), deny(policy.RuleOutOfScope)},
	}
	p := policy.ForScope(scope())
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := ref(t, c.env, c.path)
			if diff := cmp.Diff(c.read, p.Decide(policy.ReadVault, r)); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.see, p.Decide(policy.SeeName, r)); diff != "" {
				t.Errorf("see (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(policy.Deny, p.Decide(0, r).Effect); diff != "" {
				t.Errorf("no action (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnvironmentNotStated(t *testing.T) {
	t.Parallel()
	s := scope()
	s.Stated = false
	p := policy.ForScope(s)
	for _, env := range []string{"dev", "prod"} {
		d := p.Decide(policy.ReadVault, ref(t, env, "/alpha/vault"))
		if d.Effect != policy.Deny || d.Rule != policy.RuleNotStated {
			t.Errorf("%s: %+v", env, d)
		}
		if p.Decide(policy.SeeName, ref(t, env, "/alpha/vault")).Effect != policy.Allow {
			t.Errorf("%s: names are listed whether the environment was stated or not", env)
		}
	}
}

func TestZeroesDeny(t *testing.T) {
	t.Parallel()
	var none *policy.Policy
	for name, p := range map[string]*policy.Policy{"nil": none, "zero": {}, "for the zero scope": policy.ForScope(secret.Scope{})} {
		for _, action := range []policy.Action{0, policy.SeeName, policy.ReadVault, 99} {
			for _, r := range []secret.Ref{{}, ref(t, "dev", "/alpha/vault")} {
				if d := p.Decide(action, r); d.Effect != policy.Deny {
					t.Errorf("%s policy, action %d, %v: %+v", name, action, r, d)
				}
			}
		}
	}
	if none.Covers(secret.Scope{}) || (&policy.Policy{}).Covers(secret.Scope{}) {
		t.Error("a policy for nothing covers the zero scope")
	}
	if d := policy.ForScope(scope()).Decide(policy.ReadVault, secret.Ref{}); d.Effect != policy.Deny {
		t.Errorf("the zero Ref: %+v", d)
	}
	var d policy.Decision
	if d.Effect != policy.Deny || d.Delivers(policy.DeliverValue) {
		t.Error("the zero Decision must deny")
	}
}

func TestFolderWithTwoRoles(t *testing.T) {
	t.Parallel()
	for _, clash := range []func(*secret.Scope){
		func(s *secret.Scope) { s.VaultPath = s.Path },
		func(s *secret.Scope) { s.VaultPath = s.StagingPath },
		func(s *secret.Scope) { s.VaultPath = s.SharedPath },
	} {
		s := scope()
		clash(&s)
		if d := policy.ForScope(s).Decide(policy.ReadVault, ref(t, "dev", s.VaultPath)); d.Effect != policy.Deny {
			t.Errorf("%s: %+v", s.VaultPath, d)
		}
	}
}

func TestPolicyKeepsWhatItWasMadeFor(t *testing.T) {
	t.Parallel()
	s := scope()
	p := policy.ForScope(s)
	if !p.Covers(scope()) {
		t.Error("the policy does not cover its own scope")
	}
	s.VaultEnvironments[0] = "test"
	if p.Covers(s) || !p.Covers(scope()) {
		t.Error("the policy changed with the caller's slice")
	}
}

// TestOnlyTheVaultAsks states the promise over scopes and refs at random.
func TestOnlyTheVaultAsks(t *testing.T) {
	t.Parallel()
	env := rapid.SampledFrom([]string{"dev", "prod", "test"})
	path := rapid.SampledFrom([]string{"/alpha", "/alpha/vault", "/alpha/staging", "/shared", "/beta", "/", ""})
	rapid.Check(t, func(t *rapid.T) {
		s := secret.Scope{
			Environment: env.Draw(t, "env"), Stated: rapid.Bool().Draw(t, "stated"), Path: path.Draw(t, "path"),
			VaultPath: path.Draw(t, "vault"), StagingPath: path.Draw(t, "staging"), SharedPath: path.Draw(t, "shared"),
			VaultEnvironments: rapid.SliceOfN(env, 0, 2).Draw(t, "vault environments"),
		}
		at := path.Filter(func(p string) bool { return p != "" }).Draw(t, "at")
		r, err := secret.ParseRef(env.Draw(t, "in"), at, "NAME")
		if err != nil {
			t.Fatal(err)
		}
		d := policy.ForScope(s).Decide(policy.ReadVault, r)
		vault := r.Path() == s.VaultPath && (r.Environment() == s.Environment || slices.Contains(s.VaultEnvironments, r.Environment()))
		switch {
		case d.Effect == policy.Allow:
			t.Fatalf("%v may be read without a person: %+v", r, d)
		case d.Effect == policy.Ask && (!vault || !s.Stated):
			t.Fatalf("%v may be asked for: %+v", r, d)
		case d.Effect == policy.Deny && (d.Delivers(policy.DeliverValue) || d.Strength != policy.NoStrength):
			t.Fatalf("a denial promises something: %+v", d)
		case d.Rule == "":
			t.Fatal("a decision without a rule")
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(policy.Deny, policy.Ask, policy.Allow, policy.NoStrength, policy.Client, policy.Verified)
	if got != "deny ask allow  client verified" {
		t.Errorf("got %q", got)
	}
}
