package devstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"scrim/internal/secret"
)

// maxSeed bounds a seed in bytes.
const maxSeed = 16 << 20

// seedExample ends the errors about a seed as a whole.
const seedExample = `write it like {"environments":{"prod":{"/alpha":{"NAME":"value"}}}}`

// ParseSeed reads a seed from JSON:
//
//	{
//	  "environments":  {"prod": {"/alpha": {"NAME": "value"}, "/alpha/vault": {}}},
//	  "imports":       {"prod": {"/gamma": ["/shared"]}},
//	  "deny":          ["/alpha/vault"],
//	  "describe_only": ["/shared"]
//	}
//
// Only environments is required. It is strict: an unknown or repeated key, a
// wrong type, a bad name or path, or a path of the other three that no
// environment has is an error, which says where it is and what to do, and never
// holds a value.
func ParseSeed(r io.Reader) (Seed, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSeed+1))
	if err != nil {
		return Seed{}, err
	}
	if len(text) > maxSeed {
		return Seed{}, fmt.Errorf("a seed has at most %d MiB: split it", maxSeed>>20)
	}
	if !utf8.Valid(text) {
		return Seed{}, errors.New("a seed is UTF-8 text: save it as that")
	}
	p := &seedParser{text: text, dec: json.NewDecoder(bytes.NewReader(text))}
	seed, err := p.seed()
	if errors.Is(err, io.EOF) {
		err = p.fail("the seed ends before its JSON does: close what is open")
	}
	if err != nil {
		return Seed{}, err
	}
	return seed, seed.check()
}

// seedParser walks the tokens of a seed and knows where it is.
type seedParser struct {
	text  []byte
	dec   *json.Decoder
	place []string // keys and indexes down to here
	start int64    // of the last token
}

func (p *seedParser) seed() (Seed, error) {
	seed := Seed{}
	err := p.object(func(key string) error {
		var err error
		switch key {
		case "environments":
			seed.Environments, err = object(p, secret.CheckEnvironment, p.folders)
		case "imports":
			seed.Imports, err = object(p, secret.CheckEnvironment, p.imports)
		case "deny":
			seed.Deny, err = p.paths()
		case "describe_only":
			seed.DescribeOnly, err = p.paths()
		default:
			err = p.fail("unknown key: the keys are environments, imports, deny and describe_only")
		}
		return err
	})
	if err != nil {
		return Seed{}, err
	}
	if _, err := p.next(); !errors.Is(err, io.EOF) {
		return Seed{}, p.fail("there is text after the seed: remove it")
	}
	return seed, nil
}

// folders reads the folders of an environment.
func (p *seedParser) folders() (map[string]map[string]string, error) {
	return object(p, secret.CheckPath, p.secrets)
}

// secrets reads the secrets of a folder.
func (p *seedParser) secrets() (map[string]string, error) { return object(p, checkName, p.string) }

// imports reads what the folders of an environment import.
func (p *seedParser) imports() (map[string][]string, error) {
	return object(p, secret.CheckPath, p.paths)
}

// paths reads a list of paths.
func (p *seedParser) paths() ([]string, error) {
	if err := p.open('[', `this must be a list: write it like ["/alpha/vault"]`); err != nil {
		return nil, err
	}
	var out []string
	for i := 0; p.dec.More(); i++ {
		path, err := p.path(strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		out = append(out, path)
	}
	return out, p.close()
}

// path reads one path, which is at key.
func (p *seedParser) path(key string) (string, error) {
	p.place = append(p.place, key)
	defer p.up()
	path, err := p.string()
	if err != nil {
		return "", err
	}
	if err := secret.CheckPath(path); err != nil {
		return "", p.fail("%w: write it like /alpha/vault", err)
	}
	return path, nil
}

func (p *seedParser) string() (string, error) {
	token, err := p.next()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", p.fail("this must be a string: put it in quotes")
	}
	return text, nil
}

// object reads an object whose keys pass check, and each value with read.
func object[T any](p *seedParser, check func(string) error, read func() (T, error)) (map[string]T, error) {
	out := map[string]T{}
	err := p.object(func(key string) error {
		if err := check(key); err != nil {
			return p.fail("%w: rename it", err)
		}
		value, err := read()
		out[key] = value
		return err
	})
	return out, err
}

// object reads an object and calls each for every key of it, before its value.
func (p *seedParser) object(each func(key string) error) error {
	if err := p.open('{', "this must be an object: "+seedExample); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.dec.More() {
		if err := p.member(seen, each); err != nil {
			return err
		}
	}
	return p.close()
}

func (p *seedParser) member(seen map[string]bool, each func(key string) error) error {
	token, err := p.next()
	if err != nil {
		return err
	}
	key, _ := token.(string) // the decoder lets nothing else through
	p.place = append(p.place, key)
	defer p.up()
	if seen[key] {
		return p.fail("this key is there twice: remove one")
	}
	seen[key] = true
	return each(key)
}

func (p *seedParser) open(delim json.Delim, hint string) error {
	token, err := p.next()
	if err != nil {
		return err
	}
	if token != delim {
		return p.fail("%s", hint)
	}
	return nil
}

// close reads the end of a list or an object.
func (p *seedParser) close() error {
	_, err := p.next()
	return err
}

func (p *seedParser) up() { p.place = p.place[:len(p.place)-1] }

// next reads a token and notes where it starts. At the end of the text it
// returns io.EOF only where a seed may end.
func (p *seedParser) next() (json.Token, error) {
	p.start = p.dec.InputOffset()
	rest := p.text[p.start:]
	p.start += int64(len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:")))
	token, err := p.dec.Token()
	switch {
	case err == nil:
		return token, nil
	case errors.Is(err, io.EOF) && len(bytes.TrimSpace(p.text)) > 0 && len(p.place) == 0 && p.dec.InputOffset() > 0:
		return nil, io.EOF
	default:
		// The decoder's own words can hold a piece of a value.
		return nil, p.fail("this is not JSON: check the quotes, commas and braces there")
	}
}

// fail returns an error that starts with where the last token is.
func (p *seedParser) fail(format string, args ...any) error {
	before := p.text[:p.start]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	at := fmt.Sprintf("line %d, column %d", line, column)
	if len(p.place) > 0 {
		at = shown(p.place) + " (" + at + ")"
	}
	return fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...))
}

// shown joins the keys of a place for a message, each capped and without
// anything that does not print.
func shown(place []string) string {
	parts := make([]string, 0, len(place))
	for _, key := range place {
		if len(key) > maxShown {
			key = strings.ToValidUTF8(key[:maxShown], "") + "…"
		}
		quoted := strconv.Quote(key)
		parts = append(parts, quoted[1:len(quoted)-1])
	}
	return strings.Join(parts, ".")
}

const maxShown = 80

var errBadSeedName = errors.New("a secret's name is not empty, has at most 255 bytes and no ':' and no '/'")

// checkName refuses what the server refuses, which is less than what scrim does.
func checkName(name string) error {
	if name == "" || len(name) > 255 || nameIssues(nil, name) != nil {
		return errBadSeedName
	}
	return nil
}

// check returns nil if the seed has environments and every path that it names
// outside of them is in one.
func (s Seed) check() error {
	if s.Environments == nil {
		return errors.New("the seed has no environments: " + seedExample)
	}
	for _, list := range []struct {
		key   string
		paths []string
	}{{"deny", s.Deny}, {"describe_only", s.DescribeOnly}} {
		for i, path := range list.paths {
			if !s.has("", path) {
				return fmt.Errorf("%s.%d: no environment has the path %s: add it, or correct it", list.key, i, path)
			}
		}
	}
	return s.checkImports()
}

func (s Seed) checkImports() error {
	for _, env := range slices.Sorted(maps.Keys(s.Imports)) {
		for _, path := range slices.Sorted(maps.Keys(s.Imports[env])) {
			for _, needed := range append([]string{path}, s.Imports[env][path]...) {
				if !s.has(env, needed) {
					return fmt.Errorf("imports.%s.%s: the environment %s has no path %s: add it, or correct it", env, path, env, needed)
				}
			}
		}
	}
	return nil
}

// has reports whether path is a folder of env, or with an empty env of any.
func (s Seed) has(env, path string) bool {
	for slug, folders := range s.Environments {
		if env != "" && slug != env {
			continue
		}
		if path == "/" {
			return true
		}
		for folder := range folders {
			if secret.Under(folder, path) {
				return true
			}
		}
	}
	return false
}
