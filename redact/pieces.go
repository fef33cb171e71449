package redact

import (
	"encoding/json"
	"iter"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxInside bounds how deep values inside values are taken apart.
const maxInside = 3

// maxChunk bounds the length of one pattern, in bytes, and with it what a
// stream holds back. A longer piece becomes several that overlap by
// chunkOverlap, so that each encoding of them overlaps too.
const (
	maxChunk     = 4096
	chunkOverlap = 8
)

// piecesOf returns what of value must not show, the whole of it first: drivers
// print a URL's password alone, and tools print one line of a key.
func piecesOf(value string) []string {
	var pieces []string
	var seen map[string]bool // made when there are many
	collect(func(piece string) {
		if piece = trim(piece); piece == "" || seen[piece] || seen == nil && slices.Contains(pieces, piece) {
			return
		}
		pieces = append(pieces, piece)
		switch {
		case seen != nil:
			seen[piece] = true
		case len(pieces) > maxEncodedParts:
			seen = make(map[string]bool)
			for _, piece := range pieces {
				seen[piece] = true
			}
		}
	}, value, 0)
	return pieces
}

// trim removes what tools drop around a value. No piece starts or ends with
// white space, so that the end of a line is never the start of a pattern.
func trim(value string) string { return strings.TrimSpace(value) }

func collect(add func(string), value string, depth int) {
	value = trim(value)
	add(value)
	if !utf8.ValidString(value) {
		add(replaceInvalid(value))
	}
	if depth == maxInside {
		return
	}
	if inner, ok := unquoted(value); ok {
		collect(add, inner, depth+1)
	}
	if leaves, ok := jsonLeaves(value); ok {
		for _, leaf := range leaves {
			collect(add, leaf, depth+1)
		}
		return
	}
	for _, password := range urlPasswords(value) {
		add(password)
	}
	if isPEM(value) && strings.Contains(value, `\n`) {
		collect(add, strings.ReplaceAll(value, `\n`, "\n"), depth+1) // as .env files keep a key in one line
	}
	collectLines(add, value)
}

// collectLines adds the parts of a value of several lines.
func collectLines(add func(string), value string) {
	unix := strings.ReplaceAll(value, "\r\n", "\n")
	if !strings.Contains(unix, "\n") {
		return
	}
	add(unix)
	add(strings.ReplaceAll(unix, "\n", "\r\n"))
	add(strings.ReplaceAll(unix, "\n", " "))
	if isPEM(unix) {
		for _, body := range pemBodies(unix) {
			add(body)
		}
	}
	for line := range strings.SplitSeq(unix, "\n") {
		if line = trim(line); len(line) >= minSubstring && !isBoilerplate(line) {
			add(line)
		}
	}
}

// replaceInvalid returns what JSON encoders make of bytes that are not UTF-8.
func replaceInvalid(value string) string { return string([]rune(value)) }

func unquoted(value string) (string, bool) {
	n := len(value)
	if n < 2 || value[0] != value[n-1] || value[0] != '"' && value[0] != '\'' {
		return "", false
	}
	return value[1 : n-1], true
}

// urlPasswords returns the password of a URL, as it is written there and as it
// is meant.
func urlPasswords(value string) []string {
	if !strings.Contains(value, "://") || !strings.Contains(value, "@") {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return rawPassword(value)
	}
	password, ok := u.User.Password()
	if !ok {
		return nil
	}
	return append(rawPassword(value), password)
}

// rawPassword cuts the password out of a URL without understanding it.
func rawPassword(value string) []string {
	_, rest, _ := strings.Cut(value, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && strings.Contains(rest[:end], "@") {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return nil
	}
	_, password, ok := strings.Cut(rest[:at], ":")
	if !ok {
		return nil
	}
	return []string{password}
}

// jsonLeaves returns the strings of a JSON object or array that are secret by
// themselves, sorted.
func jsonLeaves(value string) ([]string, bool) {
	if value == "" || value[0] != '{' && value[0] != '[' {
		return nil, false
	}
	var document any
	if err := json.Unmarshal([]byte(value), &document); err != nil {
		return nil, false
	}
	var leaves []string
	walkLeaves(document, func(leaf string) {
		if !isPublicLeaf(leaf) {
			leaves = append(leaves, leaf)
		}
	})
	slices.Sort(leaves)
	return slices.Compact(leaves), true
}

func walkLeaves(node any, visit func(string)) {
	switch node := node.(type) {
	case string:
		visit(node)
	case []any:
		for _, child := range node {
			walkLeaves(child, visit)
		}
	case map[string]any:
		for _, child := range node {
			walkLeaves(child, visit)
		}
	}
}

// isPublicLeaf reports whether a document's leaf only says what kind of thing
// it is: a word such as service_account, or the address of a public service.
func isPublicLeaf(leaf string) bool {
	if u, err := url.Parse(leaf); err == nil && u.Scheme != "" && u.Host != "" {
		return u.User == nil && u.RawQuery == ""
	}
	return !strings.ContainsFunc(leaf, func(r rune) bool {
		return r != '_' && r != '-' && (r < 'a' || r > 'z')
	})
}

func isPEM(value string) bool { return strings.Contains(value, "-----BEGIN ") }

// isBoilerplate reports whether line is one that every such file has.
func isBoilerplate(line string) bool {
	return strings.HasPrefix(line, "-----BEGIN ") || strings.HasPrefix(line, "-----END ") ||
		strings.HasPrefix(line, "---- BEGIN ") || strings.HasPrefix(line, "---- END ")
}

// pemBodies returns the body of each block of a PEM file, its lines joined.
func pemBodies(value string) []string {
	var bodies []string
	var body strings.Builder
	for line := range strings.SplitSeq(value, "\n") {
		line = trim(line)
		switch {
		case isBoilerplate(line):
			bodies = append(bodies, body.String())
			body.Reset()
		case !strings.Contains(line, ": "):
			body.WriteString(line)
		}
	}
	return append(bodies, body.String())
}

// chunks cuts a long piece at the boundaries of its characters.
func chunks(piece string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(piece) > maxChunk+chunkOverlap {
			if !yield(piece[:boundary(piece, maxChunk+chunkOverlap)]) {
				return
			}
			piece = piece[boundary(piece, maxChunk):]
		}
		yield(piece)
	}
}

// boundary returns the last start of a character at or before i.
func boundary(s string, i int) int {
	for back := range min(i, utf8.UTFMax) {
		if utf8.RuneStart(s[i-back]) {
			return i - back
		}
	}
	return i
}
