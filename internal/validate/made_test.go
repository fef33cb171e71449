package validate_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/secret"
	"scrim/internal/validate"
)

// today is when the values of these tests are looked at.
var today = time.Date(2030, 6, 15, 12, 0, 0, 0, time.UTC)

func now() time.Time { return today }

const day = 24 * time.Hour

// block encodes one PEM block.
func block(label string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: content}))
}

// certificate makes one that ends at end.
func certificate(t testing.TB, end time.Time, authority bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: today.Add(-90 * day), NotAfter: end, IsCA: authority, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der)
}

// token makes a JWT with these claims.
func token(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"HS256"}`)) + "." + part([]byte(claims)) + "." + part([]byte("made-up-signature"))
}

func tokenUntil(end time.Time) string {
	return token(fmt.Sprintf(`{"sub":"made-up","exp":%d}`, end.Unix()))
}

// made returns, by the rule that each breaks, values that have to be made at run
// time.
func made(t testing.TB) map[string]string {
	t.Helper()
	return map[string]string{
		"empty": "", "pem_content": block("CERTIFICATE", []byte("kanari-no-certificate")), "pem_kind": certificate(t, today.Add(400*day), false),
		"certificate_expired": certificate(t, today.Add(-day), false), "certificate_expires": certificate(t, today.Add(7*day), false),
		"token_expired": tokenUntil(today.Add(-day)), "token_expires": tokenUntil(today.Add(7 * day)),
	}
}

// TestExamples has every example of the table break its own rule and no other.
func TestExamples(t *testing.T) {
	t.Parallel()
	values := made(t)
	for _, r := range validate.Table() {
		if r.By == validate.ByCheck || r.By == validate.ByDiff {
			continue
		}
		e := r.Example
		value := e.Value
		if value == "" {
			var ok bool
			if value, ok = values[r.ID]; !ok {
				t.Errorf("%s: no value for its example", r.ID)
			}
		}
		c := validate.Checker{Now: now}
		if e.Type != "" {
			if typ, err := secret.ParseType(string(e.Type)); err != nil || typ != e.Type {
				t.Errorf("%s: %q is %q, %v", r.ID, e.Type, typ, err)
			}
			c.Types = map[string]secret.Type{e.Name: e.Type}
		}
		environment := e.Environment
		if environment == "" {
			environment = "prod"
		}
		if got := broken(t, c, environment, e.Name, value); !slices.Equal(got, []string{r.ID}) {
			t.Errorf("the example of %s breaks %v", r.ID, got)
		}
	}
}

// keys returns a private key in each of its forms, and its public half.
func keys(t *testing.T) map[string]string {
	t.Helper()
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"RSA PRIVATE KEY": block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(numbers))}
	for name, key := range map[string]crypto.Signer{"EC": curve, "RSA": numbers, "Ed25519": edwards} {
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		all["PRIVATE KEY, "+name], all["PUBLIC KEY, "+name] = block("PRIVATE KEY", private), block("PUBLIC KEY", public)
	}
	sec1, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	all["EC PRIVATE KEY"] = block("EC PARAMETERS", []byte{6, 5, 0x2b, 0x81, 4, 0, 0x22}) + block("EC PRIVATE KEY", sec1)
	all["OPENSSH PRIVATE KEY"] = block("OPENSSH PRIVATE KEY", append([]byte("openssh-key-v1\x00"), make([]byte, 40)...))
	return all
}

// TestContent has whole keys in all forms that people store, and the same with a
// label, a byte or an end that is another's.
func TestContent(t *testing.T) {
	t.Parallel()
	for name, value := range keys(t) {
		for _, form := range []string{value, strings.ReplaceAll(value, "\n", `\n`), base64.StdEncoding.EncodeToString([]byte(value))} {
			if got := broken(t, validate.Checker{Now: now}, "prod", "TLS_PEM", form); got != nil {
				t.Errorf("%s breaks %v", name, got)
			}
		}
		label, _, _ := strings.Cut(name, ",")
		wrong := "RSA PRIVATE KEY"
		if label == wrong {
			wrong = "PRIVATE KEY"
		}
		if got := broken(t, validate.Checker{Now: now}, "prod", "TLS_KEY", strings.ReplaceAll(value, label+"-", wrong+"-")); !slices.Equal(got, []string{"pem_content"}) {
			t.Errorf("%s with the label %s breaks %v", name, wrong, got)
		}
		last, _ := pem.Decode([]byte(value[strings.LastIndex(value, "-----BEGIN"):]))
		short := block(last.Type, bytes.Clone(last.Bytes[:len(last.Bytes)-1]))
		if got := broken(t, validate.Checker{Now: now}, "prod", "TLS_KEY", short); label != "OPENSSH PRIVATE KEY" && !slices.Equal(got, []string{"pem_content"}) {
			t.Errorf("%s without its last byte breaks %v", name, got)
		}
	}
	// A curve that Go does not know, secp256k1, is no fault.
	oid := []byte{0x30, 0x2e, 2, 1, 1, 4, 32}
	foreign := append(append(oid, bytes.Repeat([]byte{7}, 32)...), 0xa0, 7, 6, 5, 0x2b, 0x81, 4, 0, 0x0a)
	if got := broken(t, validate.Checker{}, "prod", "WALLET_KEY", block("EC PRIVATE KEY", foreign)); got != nil {
		t.Errorf("a key on another curve breaks %v", got)
	}
}

// TestEnds has certificates and tokens at either side of their ends.
func TestEnds(t *testing.T) {
	t.Parallel()
	c := validate.Checker{Now: now}
	for rule, values := range map[string][]string{
		"": {
			certificate(t, today.Add(31*day), false), tokenUntil(today.Add(31 * day)), token(`{"sub":"made-up"}`), token(`{"exp":"tomorrow"}`), token(`no JSON`),
			token(`{"exp":1e300}`), certificate(t, today.Add(400*day), true) + certificate(t, today.Add(-day), true), "eyJhbGciOiJkaXIifQ..bWFkZQ.bWFkZQ.bWFkZQ",
		},
		"certificate_expired": {certificate(t, today.Add(-time.Second), false), certificate(t, today.Add(400*day), false) + certificate(t, today.Add(-day), true), certificate(t, today.Add(-day), true)},
		"certificate_expires": {certificate(t, today, false), certificate(t, today.Add(30*day-time.Second), false), strings.ReplaceAll(certificate(t, today.Add(day), false), "\n", `\n`)},
		"token_expired":       {tokenUntil(today.Add(-time.Second)), token(`{"exp":0}`), token(`{"exp":1.5}`), token(`{"exp":-7}`)},
		"token_expires":       {tokenUntil(today), tokenUntil(today.Add(30*day - time.Second))},
	} {
		for i, value := range values {
			var want []string
			if rule != "" {
				want = []string{rule}
			}
			for _, name := range []string{"SESSION", "ACCESS_TOKEN"} {
				if got := broken(t, c, "prod", name, value); !slices.Equal(got, want) {
					t.Errorf("%s, value %d of %q, breaks %v", name, i, rule, got)
				}
			}
		}
	}
	declared := validate.Checker{Now: now, Types: map[string]secret.Type{"OLD": secret.Text}}
	if got := broken(t, declared, "prod", "OLD", tokenUntil(today.Add(-day))); got != nil {
		t.Errorf("any text breaks %v", got)
	}
}

// TestParameters holds values to what stands behind a type's colon.
func TestParameters(t *testing.T) {
	t.Parallel()
	const four, five = "00ff00ff", "00ff00ff00"
	private, public := keys(t)["PRIVATE KEY, EC"], keys(t)["PUBLIC KEY, EC"]
	chain := certificate(t, today.Add(400*day), false)
	for typ, tt := range map[secret.Type]struct {
		rule      string
		good, bad []string
	}{
		"hex:4":           {"size", []string{four, "0x" + four, "00:ff:00:ff", "00ff\n00ff"}, []string{five, "00ff", "00ff0"}},
		"base64:4":        {"size", []string{"bWFkZQ==", "bWFkZQ", "-_-_-w", "data:text/plain;base64,bWFkZQ=="}, []string{"bWFk", "bWFkZSB1cA=="}},
		"url:postgres":    {"scheme", []string{"postgres://x/y", "postgresql://x/y", "POSTGRES://x/y", "postgres+asyncpg://x/y", "postgresql+x://y"}, []string{"mysql://x/y", "https://x"}},
		"url:redis":       {"scheme", []string{"redis://x", "rediss://x"}, []string{"http://x"}},
		"url:https":       {"scheme", []string{"https://x"}, []string{"http://x", "wss://x"}},
		"url:mongodb+srv": {"scheme", []string{"mongodb+srv://x"}, []string{"mongodb://x"}},
		"pem:private-key": {"pem_kind", []string{private, chain + private}, []string{public, chain}},
		"pem:certificate": {"pem_kind", []string{chain, chain + chain, private + chain}, []string{public, private}},
		"pem:public-key":  {"pem_kind", []string{public}, []string{private}},
		"prefix:pay_":     {"prefix", []string{"pay_9f8e", "pay_"}, []string{"pa", "xpay_9f8e", "PAY_9f8e"}},
		"regex:[a-z]+|7":  {"pattern", []string{"abc", "7"}, []string{"abc7", "77", "a\nb", "ABC"}},
	} {
		for _, value := range tt.good {
			if got := broken(t, validate.Checker{Now: now, Types: map[string]secret.Type{"NAME": typ}}, "prod", "NAME", value); got != nil {
				t.Errorf("%s: %q breaks %v", typ, value, got)
			}
		}
		for _, value := range tt.bad {
			if got := broken(t, validate.Checker{Now: now, Types: map[string]secret.Type{"NAME": typ}}, "prod", "NAME", value); !slices.Equal(got, []string{tt.rule}) {
				t.Errorf("%s: %q breaks %v", typ, value, got)
			}
			if got := broken(t, validate.Checker{Now: now, Types: map[string]secret.Type{"NAME": typ.Bare()}}, "prod", "NAME", value); got != nil {
				t.Errorf("%s without its parameter: %q breaks %v", typ, value, got)
			}
		}
		if got := broken(t, validate.Checker{Types: map[string]secret.Type{"NAME": typ}}, "prod", "NAME", "no !"); len(got) != 1 {
			t.Errorf("%s: another form breaks %v, and not one rule", typ, got)
		}
	}
	marked := map[string]secret.Type{"PAY_KEY": "prefix:pay_live_", "OTHER_KEY": "prefix:pay_"}
	if got := broken(t, validate.Checker{Types: marked}, "dev", "PAY_KEY", "pay_live_9f8e"); got != nil {
		t.Errorf("what is declared to be live breaks %v", got)
	}
	if got := broken(t, validate.Checker{Types: marked}, "dev", "OTHER_KEY", "pay_live_9f8e"); !slices.Equal(got, []string{"live_value"}) {
		t.Errorf("what is not declared to be live breaks %v", got)
	}
}

// TestVaultTypes has what lies in a vault, and there alone, held to other types.
func TestVaultTypes(t *testing.T) {
	t.Parallel()
	c := validate.Checker{
		Types: map[string]secret.Type{"PIN": "regex:1.*"}, Vault: "/alpha/vault", VaultTypes: map[string]secret.Type{"PIN": secret.Regex},
	}
	for path, want := range map[string]int{"/alpha": 1, "/alpha/vault": 0, "/alpha/vault/more": 0, "/alpha/vaults": 1, "/beta/vault": 1} {
		at, err := secret.ParseRef("prod", path, "PIN")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Judge(at, secret.NewValue("4711")); len(got) != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// TestCredential tells what lets somebody in from settings.
func TestCredential(t *testing.T) {
	t.Parallel()
	private := keys(t)["PRIVATE KEY, EC"]
	c := validate.Checker{Types: map[string]secret.Type{"HOOK": "hex:8", "MOTD_KEY": secret.Text, "SIZE_KEY": secret.Integer, "PAY": "prefix:pay_"}}
	for name, values := range map[string][]string{
		"API_KEY": {"made-up-4711"}, "DB_PASSWORD": {"correct horse battery"}, "TLS": {private}, "SESSION_JWT": {goodJWT}, "HOOK": {"00ff00ff00ff00ff"}, "PAY": {"pay_9f8e7d"},
		"DATABASE_URL": {"postgres://app:9f8e@db.internal/app"}, "DSN": {"postgres://app:9f8e@db.internal/app"},
	} {
		for _, value := range values {
			if !c.Credential(ref(t, "prod", name), secret.NewValue(value)) {
				t.Errorf("%s=%q is none", name, value)
			}
		}
	}
	for name, values := range map[string][]string{
		"API_KEY": {"", "short", "changeme", "<your-key>", "Get it from the dashboard", "123456789", "disabled", "${OTHER_KEY}"}, "MOTD_KEY": {"made-up-4711"}, "SIZE_KEY": {"12345678"},
		"PUBLIC_KEY": {"made-up-4711"}, "PUBLISHABLE_KEY": {"made-up-4711"}, "API_URL": {"https://api.internal/x", "https://user@api.internal"}, "REGION": {"eu-west-1-long"},
		"TLS_CERT": {certificate(t, today.Add(day), false)}, "TENANT_UUID": {goodUUID},
	} {
		for _, value := range values {
			if c.Credential(ref(t, "prod", name), secret.NewValue(value)) {
				t.Errorf("%s=%q is one", name, value)
			}
		}
	}
	for environment, want := range map[string]bool{"prod": true, "production": true, "prod-eu": true, "dev": false, "main": false, "pre-prod": false} {
		if validate.Production(environment) != want {
			t.Errorf("%s is production: %t", environment, !want)
		}
	}
}
