package arch

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestRules holds the module to its rules.
func TestRules(t *testing.T) {
	for _, finding := range check(t, moduleRoot(t)) {
		t.Error(finding)
	}
}

// TestRulesCanFail checks a module that breaks every rule, and expects each
// finding that its archive lists.
func TestRulesCanFail(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "bad.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var want []string
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			continue
		}
		// What a text must not hold is not held here either.
		data := strings.NewReplacer("{SLASH}", "/", "{US}", "_").Replace(string(f.Data))
		if err := write(filepath.Join(dir, filepath.FromSlash(f.Name)), data); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, check(t, dir)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func write(path, data string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(data), 0o600)
}

// check returns what breaks a rule in the module at root, sorted.
func check(t *testing.T, root string) []string {
	t.Helper()
	var findings []string
	promised := promises{tests: map[string]bool{}, scripts: map[string]bool{}}
	files := token.NewFileSet()
	err := walk(root, func(name string) error {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		findings = append(findings, checkText(root, name, data)...)
		promised.read(name, string(data))
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(files, name, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := &file{pkg: filepath.ToSlash(filepath.Dir(name)), test: strings.HasSuffix(name, "_test.go"), syntax: syntax}
		for _, rule := range rules() {
			rule(f, func(at token.Pos, text string) {
				where := files.Position(at)
				findings = append(findings, fmt.Sprintf("%s:%d: %s", where.Filename, where.Line, text))
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	findings = append(findings, promised.findings()...)
	slices.Sort(findings)
	return findings
}

// walk calls visit with the slash-separated name of each file of the module.
// What npm installed, and what is built, is not of the module.
func walk(root string, visit func(name string) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || path == filepath.Join(root, "bin")) {
			return filepath.SkipDir
		}
		name, err := filepath.Rel(root, path)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return visit(filepath.ToSlash(name))
	})
}

// What no file may hold: a place on the machine that it was written on, and
// what looks like a credential of a real provider.
var (
	elsewhere   = regexp.MustCompile(`(^|[^\w.$/-])(/(?:home|Users|root)/\w|\.\./` + `shared\b)`)
	realKey     = regexp.MustCompile(`\b(sk|rk|pk)_(live|test)_[0-9A-Za-z]{8}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[0-9A-Za-z]{30}|\bxox[abprs]-[0-9A-Za-z-]{10}|\bAIza[0-9A-Za-z_-]{35}`)
	linkPattern = regexp.MustCompile(`(?:\]\(|(?:src|href|srcset)=")([^)"\s#]+)`)
)

// checkText checks what holds for any file, and that links in documentation
// lead somewhere.
func checkText(root, name string, data []byte) []string {
	var findings []string
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if elsewhere.MatchString(line) {
			findings = append(findings, fmt.Sprintf("%s:%d: this names a place outside the module", name, number))
		}
		if realKey.MatchString(line) {
			findings = append(findings, fmt.Sprintf("%s:%d: this looks like a real provider's key", name, number))
		}
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, link := range linkPattern.FindAllStringSubmatch(line, -1) {
			if broken(root, name, link[1]) {
				findings = append(findings, fmt.Sprintf("%s:%d: nothing is at %s", name, number, link[1]))
			}
		}
	}
	return findings
}

// broken reports whether a relative link in the file called name leads nowhere.
func broken(root, name, link string) bool {
	if strings.Contains(link, ":") {
		return false
	}
	_, err := os.Stat(filepath.Join(root, filepath.Dir(filepath.FromSlash(name)), filepath.FromSlash(link)))
	return errors.Is(err, fs.ErrNotExist)
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("find the module: %v", err)
	}
	return root
}
