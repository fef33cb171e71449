package devstore

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds of the expansions of one answer. The depth is the server's; the cost
// keeps a value that refers to many that refer to many from growing without end.
const (
	maxDepth      = 10
	maxCost       = 4 << 20 // bytes
	referenceCost = 1 << 10 // of following one, besides its value
)

// source is a secret by name: the one that refers, or is referred to.
type source struct{ env, path, name string }

// expander replaces ${NAME} and ${env.path.NAME} in the values of one answer.
type expander struct {
	call    *call
	refused []string // what the identity may not read, a sentence for each secret
	cost    int
}

func (c *call) expander() *expander { return &expander{call: c} }

// expand returns value, which is that of the secret at, with its references
// replaced. A reference to nothing, or to an empty value, stays as it is
// written. The first that the identity may not read is noted in refused.
func (x *expander) expand(at source, value string) string {
	out, refusal := x.replace(at, value, []source{at})
	if refusal != nil {
		x.refused = append(x.refused, fmt.Sprintf(
			"You do not have permission to read secret '%s' in environment '%s' at path '%s', which is referenced by secret '%s' in environment '%s' at path '%s'.",
			refusal.name, refusal.env, refusal.path, at.name, at.env, at.path))
		return value
	}
	return out
}

// replace is expand for the value of the last secret on the trail. It returns
// the secret that may not be read, if it met one.
func (x *expander) replace(at source, value string, trail []source) (string, *source) {
	var out strings.Builder
	for rest := value; rest != ""; {
		if x.cost > maxCost {
			out.WriteString(rest)
			break
		}
		before, ref, after := nextReference(rest)
		out.WriteString(before)
		if ref == "" {
			break
		}
		target := parseReference(ref, at)
		if !allows(x.call.rules, ReadValue, Secrets, target.path) {
			return "", &target
		}
		got, refusal := x.follow(target, trail)
		if refusal != nil {
			return "", refusal
		}
		if got == "" {
			got = "${" + ref + "}"
		}
		out.WriteString(got)
		rest = after
	}
	return out.String(), nil
}

// follow returns the value of target, expanded in turn unless it lies on the
// trail already or too deep.
func (x *expander) follow(target source, trail []source) (string, *source) {
	f := x.call.store.find(target.env, target.path)
	if f == nil {
		return "", nil
	}
	s, ok := f.secrets[target.name]
	if !ok {
		return "", nil
	}
	x.cost += referenceCost + len(s.value)
	if len(trail) > maxDepth || slices.Contains(trail, target) {
		return s.value, nil
	}
	return x.replace(target, s.value, append(slices.Clip(trail), target))
}

// nextReference cuts text at its first ${reference} and returns what is before
// it, what is between its braces and what is after. Without one the reference
// is empty and before is the whole text.
func nextReference(text string) (before, ref, after string) {
	from := 0
	for {
		i := strings.Index(text[from:], "${")
		if i < 0 {
			return text, "", ""
		}
		start := from + i + len("${")
		end := start
		for end < len(text) && isReference(text[end]) {
			end++
		}
		if end > start && end < len(text) && text[end] == '}' {
			return text[:start-len("${")], text[start:end], text[end+1:]
		}
		from = start
	}
}

func isReference(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'
}

// parseReference returns the secret that a reference in a value of the secret
// at means: NAME is beside it, env.path.to.NAME is anywhere.
func parseReference(ref string, at source) source {
	parts := strings.Split(ref, ".")
	if len(parts) == 1 {
		return source{env: at.env, path: at.path, name: ref}
	}
	last := len(parts) - 1
	return source{env: parts[0], path: cleanPath(strings.Join(parts[1:last], "/")), name: parts[last]}
}
