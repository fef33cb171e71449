package arch

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// mayImport says, for each package outside cmd, which of ours its code may
// import. A new package stands here before it stands anywhere else.
func mayImport() map[string][]string {
	return map[string][]string{
		"internal/secret":           {},
		"internal/audit":            {},
		"internal/setup":            {},
		"internal/ledger":           {"internal/setup"},
		"internal/child":            {},
		"internal/keychain":         {},
		"internal/config":           {"internal/secret", "internal/ownfile", "policy"},
		"internal/ownfile":          {},
		"internal/devstore":         {"internal/secret"},
		"internal/dotenv":           {},
		"internal/drift":            {"internal/secret", "internal/store", "internal/estate"},
		"internal/tracked":          {"internal/secret", "redact"},
		"internal/identity":         {"internal/secret", "internal/config", "internal/infisical"},
		"internal/infisical":        {"internal/secret"},
		"internal/rules":            {},
		"internal/loopback":         {},
		"internal/rundir":           {},
		"internal/rules/upstream":   {},
		"internal/scan":             {"internal/secret", "internal/rules", "redact"},
		"redact":                    {"internal/secret"},
		"policy":                    {"internal/secret"},
		"internal/approval":         {"internal/secret", "policy", "internal/audit"},
		"internal/approval/desk":    {"internal/approval", "internal/rundir"},
		"internal/approval/page":    {"internal/approval", "internal/approver", "internal/loopback"},
		"internal/approval/outpost": {"internal/secret", "policy", "internal/audit", "internal/approval", "internal/rundir"},
		"internal/approver":         {"internal/audit", "internal/ownfile"},
		"internal/browser":          {},
		"internal/ceremony":         {"internal/loopback"},
		"internal/validate":         {"internal/secret"},
		"internal/store":            {"internal/secret", "internal/approval"},
		"internal/session":          {"internal/secret", "internal/rundir"},
		"internal/errand":           {},
		"internal/estate":           {"internal/secret"},
		"internal/handover":         {"internal/secret", "internal/rundir"},
		"internal/vaultkeep":        {"internal/secret", "internal/estate"},
		"internal/launch":           {"internal/secret", "internal/session", "internal/store", "internal/errand", "redact"},
		"tools":                     {"internal/secret", "internal/session", "internal/store", "internal/approval", "internal/audit", "internal/errand", "internal/handover", "internal/launch", "internal/rules", "internal/scan", "internal/validate", "policy", "redact"},
		"server":                    {"internal/secret", "internal/store", "internal/approval", "policy", "redact", "tools"},
		"internal/arch":             {},
		"internal/e2e":              {},
		"internal/lint":             {},

		// Modules of their own, which stand in for others.
		"internal/nogoogle/api/option":                          {},
		"internal/nogoogle/iam/credentials/apiv1":               {},
		"internal/nogoogle/iam/credentials/apiv1/credentialspb": {},
	}
}

// onlyIn says which packages may import a module of others. Tests may import
// any, and so may the programs that the benchmark compares scrim with.
func onlyIn() map[string][]string {
	return map[string][]string{
		"github.com/infisical/go-sdk":            {"internal/infisical"},
		"github.com/go-resty/resty":              {"internal/infisical"},
		"github.com/aws/aws-sdk-go-v2":           {"internal/infisical"},
		"github.com/mark3labs/mcp-go":            {"tools", "server"},
		"github.com/modelcontextprotocol/go-sdk": {},
		"github.com/pelletier/go-toml":           {"internal/config", "internal/rules", "internal/setup"},
		"github.com/zricethezav/gitleaks":        {},
		"github.com/alecthomas/kong":             {"cmd/scrim"},
		"github.com/creack/pty":                  {"internal/child"},
		"golang.org/x/crypto":                    {"internal/approver"},
		"github.com/go-webauthn/webauthn":        {"internal/approver"},
		"github.com/invopop/jsonschema":          {"tools"},
		"github.com/rogpeppe/go-internal":        {},
		"github.com/coregx/ahocorasick":          {},
		"github.com/google/go-cmp":               {},
		"pgregory.net/rapid":                     {},
	}
}

// mayReveal lists the packages that may turn a secret.Value into plaintext.
func mayReveal() []string {
	return []string{"internal/secret", "internal/handover", "internal/infisical", "internal/launch", "internal/validate", "redact"}
}

// maySkip lists the packages with tests that need something a machine can
// lack. Each of them has a way to demand it.
func maySkip() []string { return []string{"internal/e2e"} }

// rule looks at one file and reports what breaks it.
type rule func(f *file, report func(at token.Pos, text string))

func rules() []rule {
	return []rule{importDirection, foreignImports, reveals, output, noInit, noVariables, tablesAreNotWritten, noSkips}
}

// importDirection lets nobody import upwards.
func importDirection(f *file, report func(token.Pos, string)) {
	if f.test || f.isCommand() {
		return
	}
	allowed, known := mayImport()[f.pkg]
	if !known {
		report(f.syntax.Name.Pos(), "package "+f.pkg+" has no rule in internal/arch")
		return
	}
	for _, spec := range f.syntax.Imports {
		if ours, ok := strings.CutPrefix(importPath(spec), "scrim/"); ok && !slices.Contains(allowed, ours) {
			report(spec.Pos(), f.pkg+" may not import "+ours)
		}
	}
}

// foreignImports keeps each outside library behind the package that adapts it.
func foreignImports(f *file, report func(token.Pos, string)) {
	if f.test || under(f.pkg, "internal/bench") {
		return
	}
	for _, spec := range f.syntax.Imports {
		for module, allowed := range onlyIn() {
			if under(importPath(spec), module) && !slices.Contains(allowed, f.pkg) {
				report(spec.Pos(), f.pkg+" may not import "+module)
			}
		}
		if spec.Name != nil && spec.Name.Name == "." {
			report(spec.Pos(), "a dot import hides where names come from")
		}
	}
}

// reveals keeps plaintext to those who need it. It goes by the name Reveal, as
// a method and as text for reflection.
func reveals(f *file, report func(token.Pos, string)) {
	if f.test || slices.Contains(mayReveal(), f.pkg) {
		return
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if n.Sel.Name == "Reveal" {
				report(n.Sel.Pos(), f.pkg+" may not reveal a secret")
			}
		case *ast.BasicLit:
			if n.Value == `"Reveal"` || n.Value == "`Reveal`" {
				report(n.Pos(), f.pkg+" may not reveal a secret by reflection")
			}
		}
		return true
	})
}

// output keeps standard output, standard error and the default logger to
// commands: whoever else writes is given a writer.
func output(f *file, report func(token.Pos, string)) {
	if f.test || f.isCommand() {
		return
	}
	f.uses(func(at token.Pos, pkg, name string) {
		switch {
		case pkg == "os" && (name == "Stdout" || name == "Stderr" || name == "Stdin"),
			pkg == "fmt" && (strings.HasPrefix(name, "Print") || strings.HasPrefix(name, "Scan")),
			pkg == "log" && name != "New" && !strings.HasPrefix(name, "L"),
			pkg == "log/slog" && slices.Contains([]string{"Debug", "Info", "Warn", "Error", "Log", "Default", "SetDefault"}, strings.TrimSuffix(name, "Context")):
			report(at, f.pkg+" may not use "+pkg+"."+name)
		}
	})
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, ok := call.Fun.(*ast.Ident); ok && (name.Name == "print" || name.Name == "println") {
			report(name.Pos(), f.pkg+" may not use "+name.Name)
		}
		return true
	})
}

// noInit keeps work out of program start.
func noInit(f *file, report func(token.Pos, string)) {
	for _, decl := range f.syntax.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			report(fn.Name.Pos(), "init runs before anybody asked")
		}
	}
}

// tables are variables that are looked up on a hot path and never written.
func tables() map[string][]string {
	return map[string][]string{"redact": {
		"shapes", "pairs", "base64Code", "hexCode", "kinds", "digitKinds", "noKind", "inText", "endsPlain", "endsPlainTables", "endsEscape",
		"hasBMI2", "hasAVX2", "hasAVX512",
	}}
}

// tablesAreNotWritten holds tables to what they are said to be.
func tablesAreNotWritten(f *file, report func(token.Pos, string)) {
	if f.test {
		return
	}
	written := func(target ast.Expr) {
		for {
			switch at := target.(type) {
			case *ast.IndexExpr:
				target = at.X
				continue
			case *ast.SelectorExpr:
				target = at.X
				continue
			case *ast.Ident:
				if slices.Contains(tables()[f.pkg], at.Name) {
					report(at.Pos(), "the table "+at.Name+" is written")
				}
			}
			return
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				return true
			}
			for _, target := range n.Lhs {
				written(target)
			}
		case *ast.IncDecStmt:
			written(n.X)
		}
		return true
	})
}

// noVariables keeps state out of packages. What stays the same for ever may be
// a variable where Go has no constant for it: an error, a pattern, an embedded
// file, a text.
func noVariables(f *file, report func(token.Pos, string)) {
	if f.test || f.isCommand() {
		return
	}
	for _, decl := range f.syntax.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if ok && !f.constant(value) && !embeds(group, value) && !slices.Contains(tables()[f.pkg], value.Names[0].Name) {
				report(value.Pos(), value.Names[0].Name+" is a package's variable")
			}
		}
	}
}

// constant reports whether every name of a declaration is blank or is
// initialised by a call whose result nobody changes.
func (f *file) constant(spec *ast.ValueSpec) bool {
	if !slices.ContainsFunc(spec.Names, func(n *ast.Ident) bool { return n.Name != "_" }) {
		return true
	}
	if len(spec.Values) != len(spec.Names) {
		return false
	}
	for _, value := range spec.Values {
		call, ok := value.(*ast.CallExpr)
		if !ok {
			return false
		}
		pkg, name := f.qualified(call.Fun)
		if !slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.Repeat"}, pkg+"."+name) {
			return false
		}
	}
	return true
}

func embeds(group *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{group.Doc, spec.Doc} {
		if doc == nil {
			continue
		}
		for _, line := range doc.List {
			if strings.HasPrefix(line.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// noSkips keeps tests from passing because they did not run. A fuzz target may
// pass an input over.
func noSkips(f *file, report func(token.Pos, string)) {
	if !f.test || slices.Contains(maySkip(), f.pkg) {
		return
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			return !strings.HasPrefix(strings.ToLower(n.Name.Name), "fuzz")
		case *ast.SelectorExpr:
			if slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, n.Sel.Name) {
				report(n.Sel.Pos(), "a test that skips proves nothing")
			}
		}
		return true
	})
}

// file is one Go file as the rules see it.
type file struct {
	pkg    string // relative to the module, such as internal/secret
	test   bool
	syntax *ast.File
}

// isCommand reports whether the file is of a program, where packages meet.
func (f *file) isCommand() bool { return under(f.pkg, "cmd") || under(f.pkg, "internal/bench") }

// uses calls yield for each name of another package that the file uses.
func (f *file) uses(yield func(at token.Pos, pkg, name string)) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, name := f.qualified(sel); pkg != "" {
				yield(sel.Pos(), pkg, name)
			}
		}
		return true
	})
}

// qualified returns the import path and the name of a qualified identifier.
func (f *file) qualified(expr ast.Expr) (pkg, name string) {
	sel, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	left, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	for _, spec := range f.syntax.Imports {
		local := path.Base(importPath(spec))
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == left.Name {
			return importPath(spec), sel.Sel.Name
		}
	}
	return "", ""
}

func importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
	return p
}

// under reports whether an import path is root or lies below it.
func under(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }
