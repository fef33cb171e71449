package launch

import (
	"slices"
	"strings"
	"unicode/utf8"

	"scrim/internal/errand"
	"scrim/internal/secret"
	"scrim/redact"
)

const (
	// maxShown bounds what is shown of one stream, in bytes after masking.
	maxShown = 64 << 10
	// maxForm is more than any value takes up in any encoding: the system bounds
	// a variable, to 128 KiB on Linux.
	maxForm = 384 << 10
)

// marker is how each marker of the redactor begins, and markerEnd its end.
const (
	marker    = "[redacted"
	markerEnd = "]"
)

// shows reports whether what a command prints may be shown that has the values
// of refs: where nothing masks one of them, nothing is.
func (e Errands) shows(refs []secret.Ref) bool {
	if e.Redactor == nil {
		return false
	}
	open := e.Redactor.Unredactable()
	return !slices.ContainsFunc(refs, func(ref secret.Ref) bool { return slices.Contains(open, ref) })
}

// show masks what a command printed and takes over as much as is shown.
func (p *Printed) show(r *redact.Redactor, result errand.Result) {
	var less, lessToo bool
	p.Stdout, less = masked(r, result.Stdout)
	p.Stderr, lessToo = masked(r, result.Stderr)
	p.Truncated = less || lessToo
}

// masked returns output as text, masked first and cut then, and whether it was
// cut. It is masked in one piece: a redacted stream that falls silent shows the
// first bytes of what may become a value.
func masked(r *redact.Redactor, output errand.Output) (text string, less bool) {
	raw := output.Raw
	if output.More {
		raw = whole(r, raw)
	}
	shown, _ := r.Bytes(nil, raw)
	text = strings.ToValidUTF8(string(shown), "\ufffd")
	if len(text) > maxShown {
		return cut(text), true
	}
	return text, output.More
}

// whole returns the beginning of raw that ends with no part of a value, where
// raw is the beginning of something longer.
func whole(r *redact.Redactor, raw []byte) []byte {
	end := max(0, len(raw)-maxForm)
	_, hits := r.Bytes(nil, raw)
	for _, hit := range hits {
		if hit.Start < end && end < hit.End {
			end = hit.Start
		}
	}
	return raw[:end]
}

// cut returns the beginning of text, without a part of a marker or of a rune.
func cut(text string) string {
	end := maxShown
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	text = text[:end]
	if at := strings.LastIndexByte(text, marker[0]); at >= 0 && isPart(text[at:]) {
		return text[:at]
	}
	return text
}

// isPart reports whether text may be a marker that lacks its end.
func isPart(text string) bool {
	return strings.HasPrefix(marker, text) || strings.HasPrefix(text, marker) && !strings.Contains(text, markerEnd)
}
