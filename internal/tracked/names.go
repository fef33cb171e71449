package tracked

import "strings"

// names is a set of names that files may refer to, and which of them one does.
// DATABASE_URL is also database.url, database-url and databaseUrl to programs, so
// that letters and digits alone count.
type names struct {
	found   map[string]bool // by their letters and digits
	longest int             // of them, in bytes
}

func newNames(wanted []string) names {
	n := names{found: map[string]bool{}}
	for _, name := range wanted {
		bare := bareName(name)
		n.found[bare] = false
		n.longest = max(n.longest, len(bare))
	}
	return n
}

func (n names) have(name string) bool { return n.found[bareName(name)] }

// note looks for the names in a text. A word may have more parts than the name:
// process.env.DATABASE_URL has it.
func (n names) note(text []byte) {
	for at := 0; at < len(text); {
		if !isWord(text[at]) {
			at++
			continue
		}
		end := at
		for end < len(text) && isWord(text[end]) {
			end++
		}
		n.noteWord(string(text[at:end]))
		at = end
	}
}

// noteWord tries each run of parts of a word.
func (n names) noteWord(word string) {
	parts := strings.FieldsFunc(strings.ToLower(word), isJoint)
	bare := strings.Join(parts, "")
	for from, i := 0, 0; i < len(parts); i++ {
		to := from
		for _, part := range parts[i:] {
			if to += len(part); to-from > n.longest {
				break
			}
			if _, wanted := n.found[bare[from:to]]; wanted {
				n.found[bare[from:to]] = true
			}
		}
		from += len(parts[i])
	}
}

func bareName(name string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(name, isJoint), ""))
}

func isJoint(r rune) bool { return r == '_' || r == '-' || r == '.' }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || isJoint(rune(c))
}
