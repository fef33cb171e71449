package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/validate"
)

// planted is an estate with one fault for each rule, and what is to be found. Every
// value is made anew.
type planted struct {
	seed  devstore.Seed
	types string            // of scrim.toml
	files map[string]string // that git tracks
	want  []string          // "rule NAME env:/path"
}

// word returns a value that nobody has.
func word() string { return "made-up-" + strings.ToLower(rand.Text()) }

func pemOf(label string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: content}))
}

// certificateUntil makes a certificate and its key.
func certificateUntil(t *testing.T, end time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "made up"}, NotBefore: end.Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("CERTIFICATE", der), pemOf("PRIVATE KEY", raw)
}

// jwtUntil makes a token.
func jwtUntil(end time.Time) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"HS256"}`)) + "." + part(fmt.Appendf(nil, `{"jti":%q,"exp":%d}`, rand.Text(), end.Unix())) + "." + part([]byte(rand.Text()))
}

// sound is an estate with nothing wrong.
func sound(t *testing.T) planted {
	t.Helper()
	certificate, key := certificateUntil(t, time.Now().AddDate(1, 0, 0))
	shared := word()
	return planted{
		seed: devstore.Seed{Environments: map[string]map[string]map[string]string{
			"prod": {
				"/alpha": {
					"API_KEY": word(), "TLS_KEY": key, "TLS_CERT": certificate, "HOOK_SECRET": hex.EncodeToString([]byte(word())[:16]), "DATABASE_URL": "postgres://app:" + word() + "@db.internal/app",
					"SESSION_JWT": jwtUntil(time.Now().AddDate(1, 0, 0)), "MAIL_TOKEN": shared,
				},
				"/alpha/vault": {"ROOT_PASSWORD": word()},
				"/beta":        {"API_KEY": word(), "MAIL_TOKEN": shared},
				"/beta/vault":  {"ROOT_PASSWORD": word()},
				"/shared":      {"MAIL_TOKEN": shared},
			},
			"dev": {"/alpha": {"API_KEY": word()}, "/alpha/staging": {"DATABASE_URL": "postgres://app:" + word() + "@dev.internal/app"}, "/beta": {"API_KEY": word()}},
		}},
		types: "[types]\nTLS_KEY = \"pem:private-key\"\nTLS_CERT = \"pem:certificate\"\nHOOK_SECRET = \"hex:16\"\nDATABASE_URL = \"url:postgres\"\n",
		files: map[string]string{"app.go": "API_KEY TLS_KEY TLS_CERT HOOK_SECRET databaseUrl session.jwt MAIL_TOKEN\n"},
	}
}

// faulty is sound with one fault for each rule of `scrim check`.
func faulty(t *testing.T) planted {
	t.Helper()
	p := sound(t)
	expired, _ := certificateUntil(t, time.Now().AddDate(0, 0, -1))
	expiring, _ := certificateUntil(t, time.Now().AddDate(0, 0, 7))
	other, _ := certificateUntil(t, time.Now().AddDate(1, 0, 0))
	alpha, beta := p.seed.Environments["prod"]["/alpha"], p.seed.Environments["prod"]["/beta"]
	used := &strings.Builder{}
	plant := func(rule, environment, path, name, value string) {
		p.seed.Environments[environment][path][name] = value
		p.want = append(p.want, fmt.Sprintf("%s %s %s:%s", rule, name, environment, path))
		fmt.Fprintln(used, name)
	}
	for rule, fault := range map[string][]string{ // name, value, and for some the type
		"empty": {"E_KEY", ""}, "nul": {"N_KEY", word() + "\x00" + word()}, "reference": {"REF_KEY", "a-${NOWHERE}-" + word()},
		"placeholder": {"P_KEY", "changeme"}, "example": {"X_KEY", "example-" + word()}, "sentence": {"S_KEY", "Get it from the dashboard"}, "quotes": {"Q_KEY", `"` + word() + `"`},
		"url": {"U_URL", word() + ".internal"}, "email": {"E_EMAIL", word() + "@"}, "port": {"P_PORT", word()}, "uuid": {"T_UUID", word()}, "hex": {"S_HEX", word()},
		"base64": {"S_BASE64", word() + "!"}, "json": {"C_JSON", "{" + word()}, "jwt": {"S_JWT", word()}, "pem": {"T_PEM", "-----BEGIN MADE UP-----\n" + word()},
		"integer": {"RETRIES", word(), "int"}, "boolean": {"VERBOSE", word(), "boolean"},
		"pem_content": {"W_PEM", pemOf("CERTIFICATE", []byte(word()))}, "certificate_expired": {"OLD_CERT", expired}, "certificate_expires": {"AGED_CERT", expiring},
		"token_expired": {"OLD_JWT", jwtUntil(time.Now().AddDate(0, 0, -1))}, "token_expires": {"AGED_JWT", jwtUntil(time.Now().AddDate(0, 0, 7))},
		"size": {"WEBHOOK", hex.EncodeToString([]byte(word())), "hex:4"}, "scheme": {"MAIN_DB", "mysql://app:" + word() + "@db.internal/app", "url:postgres"},
		"pem_kind": {"WEB_TLS", other, "pem:private-key"}, "prefix": {"PAY_ID", word(), "prefix:pay_"}, "pattern": {"TENANT", word(), "regex:[a-z]+"},
		"test_value": {"PAY_KEY", "pay_test_" + word()}, "sandbox_address": {"PAY_URL", "https://sandbox." + word() + ".internal"}, "local_address": {"API_URL", "http://localhost:8080/" + word()},
	} {
		plant(rule, "prod", "/alpha", fault[0], fault[1])
		if len(fault) == 3 {
			p.types += fmt.Sprintf("%s = %q\n", fault[0], fault[2])
		}
	}
	plant("live_value", "dev", "/alpha", "CARD_KEY", "pay_live_"+word())
	plant("space_around", "prod", "/alpha", "SPACED_KEY", word()+"\n")
	plant("unmaskable", "prod", "/alpha", "PIN", "4711")
	same := word()
	alpha["TWIN_KEY"] = same
	plant("reused", "prod", "/alpha", "A_TWIN_KEY", same)
	copied := word()
	beta["COPIED_KEY"] = copied
	plant("copied", "prod", "/alpha", "COPIED_KEY", copied)
	lying := word()
	plant("tracked", "prod", "/alpha/vault", "LYING_KEY", lying)
	fmt.Fprintln(used, "TWIN_KEY")
	p.files["names.txt"] = used.String() // and not what comes below
	p.files["deep/config.yml"] = "a: b\nkey: " + base64.StdEncoding.EncodeToString([]byte("user:"+lying)) + "\n"
	plant("unused", "prod", "/alpha", "OLD_TOKEN", word())
	slices.Sort(p.want)
	return p
}

// in makes a working tree and returns a command there on a store with the seed.
func (p planted) in(t *testing.T, words ...string) *exec.Cmd {
	t.Helper()
	cmd := storeCommand(t, p.seed, words[0], words[1:]...)
	files := map[string]string{"scrim.toml": "project = \"alpha\"\n" + p.types}
	maps.Copy(files, p.files)
	for name, text := range files {
		at := filepath.Join(cmd.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, words := range [][]string{{"init", "-q"}, {"add", "--all"}} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", cmd.Dir}, words...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", words, err, out)
		}
	}
	return cmd
}

// run returns what the command printed, and its exit code. No value of the seed may
// be in it, in any encoding.
func (p planted) run(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	_ = cmd.Run() // its exit code is looked at
	for _, folders := range p.seed.Environments {
		for _, secrets := range folders {
			for name, value := range secrets {
				wantNoTrace(t, name, value, out.String()+talk.String())
			}
		}
	}
	return out.String(), talk.String(), cmd.ProcessState.ExitCode()
}

// wantNoTrace fails the test where text has a value, or most of one, in some usual
// encoding. Examples of the table are no secrets; what is longer is made here.
func wantNoTrace(t *testing.T, name, value, text string) {
	t.Helper()
	const least = 12
	if len(value) < least {
		return
	}
	lines := append(strings.Fields(value), value)
	for _, part := range lines {
		if len(part) < least || strings.HasPrefix(part, "-----") {
			continue
		}
		encoded, _ := json.Marshal(part)
		for _, form := range []string{
			part, string(encoded[1 : len(encoded)-1]), url.QueryEscape(part), hex.EncodeToString([]byte(part)), strings.ToUpper(hex.EncodeToString([]byte(part))),
			base64.RawStdEncoding.EncodeToString([]byte(part)), base64.RawURLEncoding.EncodeToString([]byte(part)), part[:least], part[len(part)-least:],
		} {
			if strings.Contains(text, form) {
				t.Errorf("%s shows in\n%s", name, text)
				return
			}
		}
	}
}

// foundBy reads the findings of --json.
func foundBy(t *testing.T, stdout, stderr string) []string {
	t.Helper()
	var a struct {
		Checks []struct{ Rule, Name, Environment, Path string }
	}
	if err := json.Unmarshal([]byte(stdout), &a); err != nil {
		t.Fatalf("%v: %q, %s", err, stdout, stderr)
	}
	var found []string
	for _, f := range a.Checks {
		found = append(found, fmt.Sprintf("%s %s %s:%s", f.Rule, f.Name, f.Environment, f.Path))
	}
	slices.Sort(found)
	return found
}

// TestCheckFindsEachFaultOnce has one fault for each rule of the table, and an
// estate with none.
func TestCheckFindsEachFaultOnce(t *testing.T) {
	t.Parallel()
	all := []string{"scrim", "check", "--all-projects", "--env", "prod,dev"}
	p := faulty(t)
	stdout, stderr, code := p.run(t, p.in(t, append(all, "--json")...))
	if diff := cmp.Diff(p.want, foundBy(t, stdout, stderr)); diff != "" || code != 1 {
		t.Errorf("exit code %d, findings (-want +got):\n%s%s", code, diff, stderr)
	}
	for _, r := range validate.Table() {
		// A store keeps no blank value, and who may not read one is not who planted it.
		if planted := slices.ContainsFunc(p.want, func(line string) bool { return strings.HasPrefix(line, r.ID+" ") }); !planted && r.By != validate.ByDiff && r.ID != "blank" && r.ID != validate.Unreadable {
			t.Errorf("no fault was planted for %s", r.ID)
		}
	}
	shown, stderr, code := p.run(t, p.in(t, all...))
	for _, line := range p.want {
		rule, _, _ := strings.Cut(line, " ")
		if strings.Count(shown, "  "+rule+": ") != 1 || code != 1 {
			t.Errorf("exit code %d, %s is not shown once:\n%s%s", code, rule, shown, stderr)
		}
	}
	wantNarrow(t, shown)

	well := sound(t)
	unusedCopy := word()
	for _, path := range []string{"/shared", "/alpha", "/beta", "/aaa"} { // a copy that no file refers to is the shared source's
		if well.seed.Environments["prod"][path] == nil {
			well.seed.Environments["prod"][path] = map[string]string{}
		}
		well.seed.Environments["prod"][path]["CHAT_TOKEN"] = unusedCopy
	}
	for _, words := range [][]string{all, append(all, "--strict", "--location", "injected"), {"scrim", "check", "--strict"}} {
		if stdout, stderr, code := well.run(t, well.in(t, words...)); code != 0 || stdout != "" || !strings.Contains(stderr, "values look right and can be masked.") {
			t.Errorf("%v: exit code %d, %q, %q", words, code, stdout, stderr)
		}
	}
	well.seed.Deny = []string{"/shared"}
	if stdout, stderr, code := well.run(t, well.in(t, append(all, "--strict")...)); code != 0 || strings.Contains(stdout, "copied") {
		t.Errorf("without the shared source: exit code %d, %q, %q", code, stdout, stderr)
	}
	well.seed.Deny, well.seed.DescribeOnly = nil, []string{"/beta/vault"}
	stdout, stderr, code = well.run(t, well.in(t, append(all, "--json")...))
	if diff := cmp.Diff([]string{"unreadable ROOT_PASSWORD prod:/beta/vault"}, foundBy(t, stdout, stderr)); diff != "" || code != 1 {
		t.Errorf("exit code %d, findings (-want +got):\n%s", code, diff)
	}
}

// TestDiffShowsNoValue compares environments in which everything can be off, in both
// forms of output.
func TestDiffShowsNoValue(t *testing.T) {
	t.Parallel()
	p := faulty(t)
	p.seed.Environments["dev"]["/alpha"]["API_KEY"] = p.seed.Environments["prod"]["/alpha"]["API_KEY"]
	for _, words := range [][]string{{"scrim", "diff", "--env", "dev,prod"}, {"scrim", "diff", "--env", "prod,dev", "--json", "-v"}} {
		if stdout, stderr, code := p.run(t, p.in(t, words...)); code != 1 || !strings.Contains(stdout, "same") || strings.Count(stdout, "API_KEY") != 1 {
			t.Errorf("%v: exit code %d: %s%s", words, code, stdout, stderr)
		}
	}
}

// TestCheckStrict: a warning alone is no failure, unless that is asked for.
func TestCheckStrict(t *testing.T) {
	t.Parallel()
	p := sound(t)
	expiring, _ := certificateUntil(t, time.Now().AddDate(0, 0, 7))
	p.seed.Environments["prod"]["/alpha"]["TLS_CERT"] = expiring
	for words, want := range map[string]int{"scrim check": 0, "scrim check --strict": 1, "scrim run alpha --strict -- true": 0} {
		if stdout, stderr, code := p.run(t, p.in(t, strings.Fields(words)...)); code != want || !strings.Contains(stdout+stderr, "is over within a month") {
			t.Errorf("%s: exit code %d: %s%s", words, code, stdout, stderr)
		}
	}
}
