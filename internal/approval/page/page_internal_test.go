package page

import (
	"testing"

	"scrim/internal/approval"
)

// none is a gate at which nothing waits.
type none struct{ Gate }

func (none) Waiting() []approval.Waiting { return nil }

// TestNothingListens: a question that is not there gets no page, and before there
// is one nothing listens.
func TestNothingListens(t *testing.T) {
	t.Parallel()
	p := New(t.Context(), none{}, nil)
	if address, err := p.Address("q3vk7n2wma"); err == nil || p.server != nil {
		t.Errorf("%q, %v, %v", address, err, p.server)
	}
}

// TestSeen: nothing that cannot be seen, or changes how the rest is seen, is left.
func TestSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain é 💡": "plain é 💡", "a\nb": "a\nb", "a\x1b[2Jb": `a\x1b[2Jb`, "a\u202eb": `a\u202eb`, "a\u200bb": `a\u200bb`,
		"tab\there": `tab\there`, "\xff": "\ufffd", "\u00a0": `\u00a0`, "\U000e0041": `\U000e0041`,
	} {
		if got := seen(text); got != want {
			t.Errorf("%q is seen as %q, not %q", text, got, want)
		}
	}
}
