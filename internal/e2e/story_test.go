package e2e

import (
	"slices"
	"strings"
	"testing"
)

// story is what a client saw on the way that every client is sent: what tools
// are there, what secrets are in scope, where three of them are, a read that
// nobody needs to be asked about, and one that a person decides.
type story struct {
	Tools     []string
	List      toolResult
	Injected  toolResult // find_secret of MAILER_PHRASE
	Stored    toolResult // find_secret of PAYOUT_PHRASE
	Missing   toolResult // find_secret of PAYOUT_PHRASES
	NotVault  toolResult // get_vault_secret of MAILER_PHRASE
	Read      toolResult // get_vault_secret of PAYOUT_PHRASE
	Resources string     // the text of scrim://scope and scrim://secrets/vault
	Questions []string
}

// approvedRead is the value that the story ends with when the answer is yes.
const approvedRead = "PAYOUT_PHRASE"

// ending is how the story ends, by what the person does. The zero answer is a
// client that has no way to ask.
func ending(a answer) (status string, approved disclosure) {
	switch a {
	case approve:
		return "approved", disclosure{approvedRead, 1}
	case deny:
		return "denied", nothing
	default: // a form that is closed at once is one that nobody saw
		return "unavailable", nothing
	}
}

func (s story) check(t *testing.T, a answer) {
	t.Helper()
	s.checkDiscovery(t)
	if !strings.Contains(s.Resources, "PAYOUT_PHRASE") || !strings.Contains(s.Resources, "alpha") {
		t.Errorf("the resources do not tell what they should: %q", s.Resources)
	}
	s.checkRead(t, a)
}

func (s story) checkDiscovery(t *testing.T) {
	t.Helper()
	for _, name := range []string{"list_secrets", "find_secret", "get_vault_secret", "check_text", "check_secrets", "describe_scope"} {
		if !slices.Contains(s.Tools, name) {
			t.Errorf("no tool %s in %v", name, s.Tools)
		}
	}
	for name, location := range map[string]string{"MAILER_PHRASE": "injected", "PAYOUT_PHRASE": "vault", "STATUS_PHRASE": "shared"} {
		if !slices.ContainsFunc(s.List.Facts.Secrets, func(l listed) bool { return l.Name == name && l.Location == location }) {
			t.Errorf("list_secrets has no %s in %s: %+v", name, location, s.List.Facts)
		}
	}
	if slices.ContainsFunc(s.List.Facts.Secrets, func(l listed) bool { return l.Name == "BETA_PHRASE" }) {
		t.Error("list_secrets shows another project")
	}
	if !s.List.Facts.Complete {
		t.Errorf("list_secrets is not complete: %+v", s.List.Facts.Unreadable)
	}
	for want, found := range map[string]toolResult{"injected": s.Injected, "stored_in_vault": s.Stored, "missing": s.Missing} {
		if found.Facts.Status != want {
			t.Errorf("find_secret says %+v, want %s", found.Facts, want)
		}
	}
	if !slices.Contains(s.Missing.Facts.DidYouMean, "PAYOUT_PHRASE") {
		t.Errorf("did_you_mean is %v", s.Missing.Facts.DidYouMean)
	}
	if !s.NotVault.IsError || s.NotVault.Facts.Code != "not_in_vault" {
		t.Errorf("reading an injected secret says %+v, want not_in_vault", s.NotVault.Facts)
	}
}

func (s story) checkRead(t *testing.T, a answer) {
	t.Helper()
	status, approved := ending(a)
	if s.Read.Facts.Status != status {
		t.Errorf("get_vault_secret says %+v, want %s", s.Read.Facts, status)
	}
	want := ""
	if approved.times > 0 {
		want = seeded[approved.name]
	}
	if s.Read.Facts.Value != want {
		t.Errorf("get_vault_secret returns %q, want %q", s.Read.Facts.Value, want)
	}
	questions := 1
	if a == (answer{}) {
		questions = 0
	}
	if len(s.Questions) != questions {
		t.Errorf("%d questions, want %d: %q", len(s.Questions), questions, s.Questions)
	}
	for _, text := range s.Questions {
		for _, want := range []string{"PAYOUT_PHRASE", "alpha", "prod", "pay the people"} {
			if !strings.Contains(text, want) {
				t.Errorf("the question does not say %q: %q", want, text)
			}
		}
	}
}
