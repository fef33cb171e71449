package validate_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/secret"
	"scrim/internal/validate"
)

func ref(t testing.TB, environment, name string) secret.Ref {
	t.Helper()
	r, err := secret.ParseRef(environment, "/alpha", name)
	if err != nil {
		t.Fatalf("%s %q: %v", environment, name, err)
	}
	return r
}

// broken judges a value and returns the names of the rules that it breaks.
func broken(t testing.TB, c validate.Checker, environment, name, value string) []string {
	t.Helper()
	var rules []string
	for _, p := range c.Judge(ref(t, environment, name), secret.NewValue(value)) {
		rules = append(rules, p.Rule)
	}
	return rules
}

// declared is a Checker to which NAME is declared to be of type typ.
func declared(typ secret.Type) validate.Checker {
	return validate.Checker{Types: map[string]secret.Type{"NAME": typ}}
}

const (
	pemBody  = "TUlJQm1hZGUgdXAgZm9yIHRlc3RzIGFuZCBubyBrZXkgYXQgYWxs"
	goodPEM  = "-----BEGIN MADE UP-----\n" + pemBody + "\n-----END MADE UP-----\n"
	goodJWT  = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYWRlLXVwIn0.bWFkZS11cC1zaWduYXR1cmU"
	goodUUID = "6f1c2a34-0b5d-4e7f-8a90-1b2c3d4e5f60"
)

// TestGood has values that people store, none of which a rule may complain of:
// one false alarm costs more than one that is missing.
func TestGood(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"DATABASE_URL": {
			"postgres://app:4f9a@db.internal:5432/app?sslmode=require", "postgres:///app?host=/var/run/postgresql", "sqlite:///var/lib/app.db",
			"jdbc:postgresql://db.internal:5432/app", "mongodb://a.internal:27017,b.internal:27017/app?replicaSet=rs0",
			"mongodb+srv://app:pa%2Fss@cluster.internal/app", "postgres://app:p@ss#w!rd@db.internal/app", "postgres://app:a,b@db.internal/app",
			"sqlserver://app:x@db.internal;database=app", "file:app.db?mode=ro", "mysql://app:x@tcp(db.internal:3306)/app",
		},
		"REDIS_URL":     {"redis://:4f9a22@cache.internal:6379/0", "rediss://cache.internal", "unix:///run/redis.sock", "redis+sentinel://a:1,b:2/x"},
		"PUBLIC_URL":    {"https://alpha.internal", "http://10.0.0.7:8080/x?y=1#z", "https://[2001:db8::1]/", ".", "/app", "./static", "HTTPS://ALPHA.INTERNAL", "https://{tenant}.alpha.internal/%s"},
		"STATIC_URL":    {"/static/", "//cdn.internal/x"},
		"ALLOWED_URL":   {"*", "https://a.internal,https://b.internal", "https://a.internal, https://b.internal"},
		"CALLBACK_URI":  {"com.alpha.app:/callback", "urn:ietf:wg:oauth:2.0:oob", "alpha://callback", "mailto:ops@alpha.internal"},
		"DOCS_URL":      {"https://docs.alpha.internal/test/sandbox/live"},
		"METRICS_PROXY": {"http://localhost:3128"}, "OTEL_EXPORTER_OTLP_ENDPOINT": {"http://localhost:4317"}, "STATSD_URL": {"udp://127.0.0.1:8125"},
		"LOCAL_URL": {"http://localhost:8080"}, "BIND_HOST": {"localhost", "0.0.0.0", "127.0.0.1"},
		"PORT":         {"8080", "0", "65535", ":8080", "8000-8100", "8080,8081", "80:8080", "53/udp", "/run/app.sock", `\\.\pipe\app`, "tcp://10.0.0.1:6379"},
		"SERIAL_PORT":  {"/dev/ttyUSB0", "COM3"},
		"ENABLE_PORT":  {"true", "off"},
		"AIRPORT":      {"ZRH"},
		"SUPPORT":      {"weekdays"},
		"ADMIN_EMAIL":  {"ops@alpha.internal", "Ops <ops@alpha.internal>", "a@alpha.internal, b@alpha.internal", "a@alpha.internal;b@alpha.internal", "ops+x@localhost"},
		"VERIFY_EMAIL": {"true", "No"},
		"TENANT_UUID":  {goodUUID, strings.ToUpper(goodUUID), "{" + goodUUID + "}", strings.ReplaceAll(goodUUID, "-", ""), "urn:uuid:" + goodUUID},
		"SALT_HEX":     {"00ff", "0x00FF", "abc", "00:ff:1a", "#ff8800"},
		"KEY_BASE64":   {"bWFkZSB1cA==", "bWFkZSB1cA", "-_-_", "bWFk\nZSB1\ncA==\n", "data:text/plain;base64,bWFkZSB1cA=="},
		"USE_BASE64":   {"true"},
		"CONFIG_JSON":  {`{"a": 1}`, "[]", "3", `"x"`, " {\"a\": [1]}\n", "/etc/app/config.json", "./config.json", base64.StdEncoding.EncodeToString([]byte(`{"a":1}`))},
		"SERVICE_JWT":  {goodJWT, "eyJhbGciOiJkaXIifQ..bWFkZQ.bWFkZQ.bWFkZQ", "true"},
		"TLS_PEM": {
			goodPEM, goodPEM + goodPEM, "subject=made up\n" + goodPEM, strings.ReplaceAll(goodPEM, "\n", "\r\n"), strings.ReplaceAll(goodPEM, "\n", `\n`),
			"/etc/tls/key.pem", base64.StdEncoding.EncodeToString([]byte(goodPEM)), strings.TrimSpace(goodPEM),
		},
		"TLS_PRIVATE_KEY": {goodPEM, "/etc/tls/key"},
		"PGP_KEY":         {"-----BEGIN PGP MADE UP BLOCK-----\n\n" + pemBody + "\n=abcd\n-----END PGP MADE UP BLOCK-----\n"},
		"API_KEY": {
			"made-up-4711", "4f9a22c1", "a b c d", "aXxXb", "pay_9f8e7d", "latest_9f8e7d6c", "contest-entry-9f8e", "alive_9f8e", "delivery_live_9f8e",
			"testament", "test", "$2b$12$made.up.hash", "$argon2id$v=19$made-up", "{}", "<>", "yourself-9f8e", "examples-9f8e", "x", "xx", "made.up.9f8e",
			"YourKeyIsSafe99", "p{{x}}q", "$", "100%", "%41%42",
		},
		"DB_PASSWORD": {
			"correct horse battery staple", "the cat is on the roof", "set the table for dinner", "p@ss${", "p$$w{ord}", `a"b`, `"start`, "tr0ub4dor&3", "see you in the morning",
			"change", "secret", "hunter-4711", "'quoted'", `"a" and "b"`, "over the moon and back again 1987",
		},
		"MNEMONIC":         {"abandon ability able about above absent absorb abstract absurd abuse access accident"},
		"PASSPHRASE":       {"the key to the garden is in the shed"},
		"WELCOME_MESSAGE":  {"Welcome to the alpha service. Get your key from the dashboard!", "Your order has shipped"},
		"SYSTEM_PROMPT":    {"You are an assistant for the API and its users.\nBe brief.\n"},
		"KEY_DESCRIPTION":  {"The key for the payments API"},
		"FROM_ADDRESS":     {"<noreply@alpha.internal>"},
		"HEAD_HTML":        {"<br>", "<main>"},
		"CSP_DEFAULT_SRC":  {"'self'", "*"},
		"BROADCAST_DRIVER": {"null", "none"},
		"BOARD_COLUMN":     {"todo", "example", "sample"},
		"SERVER_TEXT":      {"a %s b", "$1 and $2", "$PATH/bin:$HOME/bin", "{{name}}, welcome", "{name}", "#{x} y"},
		"BACKUP_CODES":     {"9f8e\n7d6c\n5b4a\n", "9f8e\r\n7d6c\r\n"},
		"REGION":           {"eu-west-1", "1"}, "LOG_LEVEL": {"debug"}, "FEATURE_FLAG": {"false"}, "MODE": {"production", "test", "live"},
		"BUCKET":          {"test-reports-9f8e", "sandbox-9f8e7d", "live-9f8e7d"},
		"STRIPE_TEST_KEY": {"pay_test_9f8e7d6c"}, "SANDBOX_TOKEN": {"sandbox_9f8e7d6c"}, "SANDBOX_URL": {"https://api.sandbox.pay.internal"},
		"KEY_FILE": {"/run/keys/app"}, "KEY_ID": {"9f8e"}, "HASH_PEM_COUNT": {"3"}, "url": {"https://x.internal"}, "apiUrl": {"https://x.internal"},
		"GLYPHS": {"ключ", "鍵", "é"},
	} {
		for _, value := range values {
			if got := broken(t, validate.Checker{}, "prod", name, value); got != nil {
				t.Errorf("%s=%q breaks %v", name, value, got)
			}
		}
	}
}

// TestBad has values that are wrong by their names, or by themselves.
func TestBad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, name string
		values     []string
	}{
		{"empty", "API_KEY", []string{""}},
		{"blank", "API_KEY", []string{" ", "\n", "\t \r\n", "\u200b", "\u00a0"}},
		{"nul", "API_KEY", []string{"made\x00up"}},
		{"reference", "API_KEY", []string{"${OTHER}", "a-${prod.shared.OTHER}-b", "${MISSING_9}"}},
		{"reference", "DATABASE_URL", []string{"postgres://app:${DB_PASSWORD}@db.internal/app"}},
		{"placeholder", "API_KEY", []string{
			"changeme", "CHANGE_ME", "Change-Me", "change this", "TODO", "todo", "tbd", "FIXME: rotate", "placeholder", "replace_me", "xxx", "XXXX", "xxxx-xxxx-xxxx",
			"pay_test_xxxxxxxxxxxx", "<your-key>", "<API_KEY>", "<insert key here>", "[your key]", "[REDACTED]", "your-api-key", "YOUR_API_KEY", "your_secret_here",
			"insert-key-here", "***", "...", "…", "???", "{{ api_key }}", "$(API_KEY)", "$API_KEY", "%API_KEY%", "__API_KEY__", "#{ApiKey}#", "undefined", "[object Object]",
			"null", "dummy", "none", "n/a", `"changeme"`, " changeme\n", "'TODO'", "fill me in", "put your key here",
		}},
		{"placeholder", "GREETING", []string{"changeme", "TODO", "TODO: ask", "xxx", "<greeting>", "undefined", "your-name-here"}},
		{"placeholder", "API_URL", []string{"changeme", "<url>", "TODO", "your-url-here"}},
		{"example", "API_KEY", []string{"example", "example-key", "EXAMPLE_9F8E", "MADEUP9F8EEXAMPLE", "made/up+EXAMPLEKEY", "sample-token", "made-up-example"}},
		{"example", "API_URL", []string{"https://example.com", "https://api.example.org/v1", "https://user:x@example.net:8443"}},
		{"sentence", "API_KEY", []string{
			"The API key for payments", "Get it from the dashboard", "Ask Maria for this", "this is the production token", "See the wiki.", "Used by the deploy service",
			"key for the EU region, version 2",
		}},
		{"sentence", "DB_PASSWORD", []string{"the password for the database", "ask the operations team", "stored in the wiki"}},
		{"sentence", "API_URL", []string{"the URL of the payments service", "address of the API"}},
		{"space_around", "API_KEY", []string{" made-up", "made-up ", "made-up\n", "made-up\r\n", "\tmade-up", "made-up\u00a0", "\ufeffmade-up", "made-up\u200b"}},
		{"space_around", "BACKUP_CODES", []string{" 9f8e\n7d6c\n", "9f8e\n7d6c \n"}},
		{"quotes", "API_KEY", []string{`"made-up"`}},
		{"url", "API_URL", []string{"api.internal", "api.internal:8080", "localhost:8080/x", "https:/api.internal", "https://", "https:///x", "https://?x", "http//api.internal", "://x", "https://a b", "C:\\x", "https:"}},
		{"url", "apiUrl", []string{"api.internal"}},
		{"port", "PORT", []string{"65536", "99999", "http", "8080x", "-1", "8.5"}},
		{"email", "ADMIN_EMAIL", []string{"ops", "ops@", "@alpha.internal", "a@b@c.internal", "ops alpha.internal"}},
		{"uuid", "TENANT_UUID", []string{"9f8e", goodUUID + "0", "not-a-uuid", strings.Replace(goodUUID, "6", "g", 1)}},
		{"hex", "SALT_HEX", []string{"9f8g", "0x", "made-up", "9f 8"}},
		{"base64", "KEY_BASE64", []string{"made up!", "a", "abcde", "=", "data:text/plain,x"}},
		{"json", "CONFIG_JSON", []string{"{", "{'a': 1}", `{"a": 1,}`, "a: 1", `{\"a\": 1}`}},
		{"jwt", "SERVICE_JWT", []string{"made-up", "a.b", "a.b.c", "e30.e30.e30", "Bearer " + goodJWT, goodJWT + ".x", strings.Split(goodJWT, ".")[0]}},
		{"pem", "TLS_PEM", []string{"made-up", pemBody, strings.ReplaceAll(goodPEM, "\n", " "), goodPEM[:len(goodPEM)-9], strings.TrimPrefix(goodPEM, "-----"), "-----BEGIN MADE UP-----\n-----END MADE UP-----\n"}},
		{"pem", "TLS_PRIVATE_KEY", []string{goodPEM[:len(goodPEM)-9], "-----BEGIN MADE UP-----", goodPEM + "-----BEGIN MADE UP-----\n"}},
		{"pem", "PGP_KEY", []string{"-----BEGIN PGP MADE UP BLOCK-----\n\n" + pemBody}},
		{"test_value", "API_KEY", []string{"pay_test_9f8e7d6c", "test_9f8e7d6c", "sandbox-9f8e7d6c", "access$sandbox$9f8e", "PAY_TEST_9F8E", "TEST-9f8e"}},
		{"sandbox_address", "API_URL", []string{"https://sandbox.pay.internal", "https://api-sandbox.pay.internal/v1"}},
		{"sandbox_address", "PAY_HOST", []string{"https://api.sandbox.pay.internal"}},
		{"local_address", "DATABASE_URL", []string{"postgres://app:x@localhost:5432/app", "postgres://127.0.0.1/app", "http://[::1]:8080", "http://app.localhost", "jdbc:mysql://127.1.2.3/x", "http://LOCALHOST.", "postgres://app:p@ss@localhost/app"}},
	} {
		for _, value := range tt.values {
			if got := broken(t, validate.Checker{}, "prod", tt.name, value); !slices.Contains(got, tt.rule) || len(got) > 1 {
				t.Errorf("%s=%q breaks %v, want %s", tt.name, value, got, tt.rule)
			}
		}
	}
}

// TestStages judges values that belong in one environment and not in another.
func TestStages(t *testing.T) {
	t.Parallel()
	const testKey, liveKey, local = "pay_test_9f8e7d6c", "pay_live_9f8e7d6c", "http://localhost:8080"
	for environments, want := range map[string]struct{ testKey, liveKey, local bool }{
		"prod production prod-eu eu_prod prd live":                                     {testKey: true, local: true},
		"dev development staging test qa ci local preview uat dev-eu sandbox staging2": {liveKey: true},
		"preprod pre-prod non-prod main eu prod-test":                                  {},
	} {
		for environment := range strings.FieldsSeq(environments) {
			if environment == "staging2" {
				want.liveKey = false // no word that scrim knows: in doubt, nothing
			}
			if got := broken(t, validate.Checker{}, environment, "PAY_KEY", testKey) != nil; got != want.testKey {
				t.Errorf("%s: a test value is out of place: %t", environment, got)
			}
			if got := broken(t, validate.Checker{}, environment, "PAY_KEY", liveKey) != nil; got != want.liveKey {
				t.Errorf("%s: a live value is out of place: %t", environment, got)
			}
			if got := broken(t, validate.Checker{}, environment, "APP_URL", local) != nil; got != want.local {
				t.Errorf("%s: a local address is out of place: %t", environment, got)
			}
		}
	}
	if got := broken(t, validate.Checker{}, "dev", "PAY_LIVE_KEY", liveKey); got != nil {
		t.Errorf("a live key by name breaks %v", got)
	}
	if got := broken(t, validate.Checker{}, "dev", "APP_URL", "https://example.com"); got != nil {
		t.Errorf("an example in dev breaks %v", got)
	}
}

// TestDeclared has each declared type take what is of it and nothing else.
func TestDeclared(t *testing.T) {
	t.Parallel()
	tests := map[secret.Type]struct{ good, bad []string }{
		secret.URL:     {[]string{"https://x.internal", "postgres://x/y", "file:x"}, []string{"/static/", ".", "x.internal", "*"}},
		secret.Email:   {[]string{"a@b.internal", "A <a@b.internal>"}, []string{"a@b.internal, c@d.internal", "true"}},
		secret.Port:    {[]string{"1", "65535"}, []string{"0", "65536", ":80", "80-90", "+80", "true"}},
		secret.Integer: {[]string{"0", "-1", "+7", "12345678901234567890123"}, []string{"1.5", "0x1", "1 000", "one"}},
		secret.Boolean: {[]string{"true", "FALSE", "1", "0", "yes", "off"}, []string{"2", "t", "maybe"}},
		secret.UUID:    {[]string{goodUUID}, []string{"9f8e", "true"}},
		secret.Hex:     {[]string{"00ff", "0x00ff"}, []string{"xyz", "true"}},
		secret.Base64:  {[]string{"bWFkZQ=="}, []string{"b", "made up"}},
		secret.JSON:    {[]string{"{}", "null", `"x"`, "true"}, []string{"/etc/x.json", "{", base64.StdEncoding.EncodeToString([]byte(`{"a":1}`))}},
		secret.JWT:     {[]string{goodJWT}, []string{"true", "a.b.c"}},
		secret.PEM:     {[]string{goodPEM}, []string{"/etc/x.pem", base64.StdEncoding.EncodeToString([]byte(goodPEM))}},
	}
	for _, typ := range secret.Types() {
		tt, ok := tests[typ]
		if !ok && typ != secret.Text {
			t.Errorf("no values of type %s in this test", typ)
		}
		for _, value := range tt.good {
			if got := broken(t, declared(typ), "prod", "NAME", value); got != nil {
				t.Errorf("%s: %q breaks %v", typ, value, got)
			}
		}
		for _, value := range tt.bad {
			if got := broken(t, declared(typ), "prod", "NAME", value); !slices.Equal(got, []string{string(typ)}) {
				t.Errorf("%s: %q breaks %v", typ, value, got)
			}
		}
	}
}

// TestDeclaredWinsOverTheName has a type of one's own undo what a name suggests,
// and text undo everything but that a value is there.
func TestDeclaredWinsOverTheName(t *testing.T) {
	t.Parallel()
	c := validate.Checker{Types: map[string]secret.Type{"RETRY_URL": secret.Integer, "API_URL": secret.Text, "API_KEY": secret.Text}}
	for value, rules := range map[string][]string{"3": nil, "https://x.internal": {"integer"}} {
		if got := broken(t, c, "prod", "RETRY_URL", value); !slices.Equal(got, rules) {
			t.Errorf("%q breaks %v, want %v", value, got, rules)
		}
	}
	for _, value := range []string{"changeme", "x.internal", " x ", `"x"`, "http://localhost", "the URL of the service", "pay_test_9f8e", "-----BEGIN MADE UP-----"} {
		for _, name := range []string{"API_URL", "API_KEY"} {
			if got := broken(t, c, "prod", name, value); got != nil {
				t.Errorf("%s, any text, %q breaks %v", name, value, got)
			}
		}
	}
	for value, rule := range map[string]string{"": "empty", "${X}": "reference", "a\x00": "nul", " ": "blank"} {
		if got := broken(t, c, "prod", "API_URL", value); !slices.Equal(got, []string{rule}) {
			t.Errorf("any text, %q breaks %v", value, got)
		}
	}
}

// TestQuiet has types that only undo what a name suggests: whatever they are,
// what is said of a value is the same for each of them, or less.
func TestQuiet(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"PIN", "X_URL", "X_JSON", "API_KEY", "X_PEM"} {
		for _, value := range append(canaries(), "true", "1", "4417", "12345", "00ff", goodUUID, goodJWT, goodPEM, "{}", "https://x.internal", "a@b.internal", "bWFkZQ==") {
			said := broken(t, validate.Checker{}, "prod", name, value)
			var before []string
			for i, typ := range append(secret.Types(), "hex:4", "pem:certificate", "url:postgres", "prefix:made", "regex:4.*", "base64:3", secret.Prefix, secret.Regex) {
				c := validate.Checker{Quiet: map[string]secret.Type{name: typ}}
				got := broken(t, c, "prod", name, value)
				for _, rule := range got {
					if !slices.Contains(said, rule) && rule != "space_around" && rule != "quotes" {
						t.Errorf("%s=%q, quietly %s, breaks %s", name, value, typ, rule)
					}
				}
				if i > 1 && !slices.Equal(before, got) {
					t.Errorf("%s=%q, quietly %s, breaks %v, and %v as another type", name, value, typ, got, before)
				}
				if typ != secret.Text {
					before = got
				}
			}
		}
	}
	c := validate.Checker{Types: map[string]secret.Type{"SALT": secret.Hex}, Quiet: map[string]secret.Type{"SALT": secret.Text}}
	if got := broken(t, c, "prod", "SALT", "made-up"); !slices.Equal(got, []string{"hex"}) {
		t.Errorf("a quiet type undoes another: %v", got)
	}
}

// TestSeveral has one value with several faults.
func TestSeveral(t *testing.T) {
	t.Parallel()
	if got, want := broken(t, validate.Checker{}, "prod", "PAY_HEX", " \"made-up\"\n"), []string{"space_around", "quotes", "hex"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSampleData has nothing to say of the values that `scrim dev` starts with.
func TestSampleData(t *testing.T) {
	t.Parallel()
	for range 10 {
		for environment, folders := range devstore.SampleSeed().Environments {
			for path, secrets := range folders {
				for name, value := range secrets {
					value = strings.NewReplacer("${PUBLIC_URL}", "https://x.internal", "${"+environment+".shared.DB_HOST}", "db.internal", "${"+environment+".shared.SENTRY_DSN}", "https://x@y.internal/1").Replace(value)
					if got := broken(t, validate.Checker{}, environment, name, value); got != nil {
						t.Errorf("%s %s %s breaks %v", environment, path, name, got)
					}
				}
			}
		}
	}
}

// TestOrder: a value can break several rules, which are said in their order.
func TestOrder(t *testing.T) {
	t.Parallel()
	c := validate.Checker{Types: map[string]secret.Type{"LIMIT": secret.Integer}}
	var got []string
	for _, s := range []struct {
		name  string
		value secret.Value
	}{
		{"API_KEY", secret.NewValue("")},
		{"LIMIT", secret.NewValue("many")},
		{"NEVER_SET", secret.Value{}},
		{"SOUND", secret.NewValue("made-up")},
		{"ZED_URL", secret.NewValue(" zed.internal")},
	} {
		for _, p := range c.Judge(ref(t, "prod", s.name), s.value) {
			got = append(got, fmt.Sprintf("%s %s: %s: %s", p.Verdict, p.Rule, s.name, p.Detail))
		}
	}
	want := []string{
		"empty empty: API_KEY: the value is empty",
		"malformed integer: LIMIT: the value is declared to be an integer, and is not",
		"empty empty: NEVER_SET: the value is empty",
		"whitespace space_around: ZED_URL: white space or an invisible character stands before or after the value",
		"malformed url: ZED_URL: by its name the value is a URL, and it does not read as such",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// TestTable holds the rules to being a closed set of plain words and sentences,
// each of which can be broken.
func TestTable(t *testing.T) {
	t.Parallel()
	rules := validate.Rules()
	for _, r := range validate.Table() {
		if r.Sentence == "" || r.Fix == "" || !strings.HasSuffix(r.Fix, ".") || strings.Count(r.Fix, ". ") > 0 || r.Example.Name == "" || r.Example.Value+r.Example.Words == "" {
			t.Errorf("%s does not say all: %+v", r.ID, r.Example)
		}
		if p := validate.Named(r.ID); p.Rule != r.ID || p.Detail != r.Sentence || p.Fix != r.Fix || p.Severity != r.Severity {
			t.Errorf("%s is said as %+v", r.ID, p)
		}
	}
	if got := slices.Compact(slices.Sorted(slices.Values(rules))); len(got) != len(rules) {
		t.Errorf("a name is used twice: %v", rules)
	}
	for _, typ := range secret.Types() {
		if typ != secret.Text && !slices.Contains(rules, string(typ)) {
			t.Errorf("no rule for the type %s", typ)
		}
	}
}

// canaries are values that stand out wherever they show, in each of which a
// part breaks some rule.
func canaries() []string {
	const canary = "kanariQ7zv"
	return []string{
		canary, " " + canary + " ", `"` + canary + `"`, canary + "\x00", "${" + canary + "}", "<" + canary + ">", "test_" + canary, "live_" + canary, "your-" + canary + "-key",
		"https://" + canary + ".example.com", "https://sandbox." + canary + ".internal", "http://" + canary + "@localhost", "example-" + canary, "the key for " + canary,
		canary + "@", canary + ":99999", "{" + canary, canary + "." + canary + "." + canary, "-----BEGIN " + canary + "-----", "0x" + canary, canary + "=", "TODO: " + canary, "%" + canary + "%", "xxxx-" + canary,
	}
}

// TestNothingOfAValueShows breaks every rule with values that stand out, and
// looks for them in whatever a problem can be turned into. Two values of other
// lengths that break one rule are told the same.
func TestNothingOfAValueShows(t *testing.T) {
	t.Parallel()
	names := []string{"API_KEY", "X_URL", "X_EMAIL", "X_PORT", "X_UUID", "X_HEX", "X_BASE64", "X_JSON", "X_JWT", "X_PEM", "GREETING", "NAME", "DB_PASSWORD"}
	values := append(canaries(), "", " ", "6b616e617269", "a2FuYXJp", goodPEM)
	values = slices.AppendSeq(values, maps.Values(made(t)))
	details := map[string]string{}
	seen := map[string]bool{}
	for _, environment := range []string{"prod", "dev", "main"} {
		for _, name := range names {
			for _, typ := range append(secret.Types(), "", "hex:4", "base64:9", "pem:private-key", "url:postgres", "prefix:kanari-4711", "regex:kanari-[0-9]+") {
				c := validate.Checker{Now: now}
				if typ != "" {
					c.Types = map[string]secret.Type{name: typ}
				}
				for _, value := range values {
					for _, p := range c.Judge(ref(t, environment, name), secret.NewValue(value)) {
						seen[p.Rule] = true
						checkSilence(t, p, value)
						key := fmt.Sprint(p.Rule, typ, name)
						if before, ok := details[key]; ok && before != p.Detail && p.Rule != "pem" {
							t.Errorf("%s says %q and %q: it tells values apart", key, before, p.Detail)
						}
						details[key] = p.Detail
					}
				}
			}
		}
	}
	for _, rule := range validate.Rules(validate.ByValue, validate.ByParameter) {
		if !seen[rule] {
			t.Errorf("no value of this test breaks %s", rule)
		}
	}
}

// checkSilence fails the test if any form of v holds something of value, or a
// number.
func checkSilence(t *testing.T, v any, value string) {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v), fmt.Sprintf("%x", v), string(encoded)} {
		if strings.Contains(strings.ToLower(text), "kanari") || strings.Contains(text, "7zv") || strings.Contains(text, fmt.Sprintf("%x", "kanari")) {
			t.Errorf("%q shows in %s", value, text)
		}
	}
	if p, ok := v.(secret.Problem); ok {
		if !slices.Contains(secret.Verdicts(), p.Verdict) || !slices.Contains(validate.Rules(), p.Rule) || p.Detail == "" || p.Fix == "" {
			t.Errorf("not of the closed sets: %+v", p)
		}
		if len(p.Detail) > 76 {
			t.Errorf("%q does not fit a line", p.Detail)
		}
		if strings.ContainsAny(p.Detail, "0123456789") && !strings.Contains(p.Detail, "base64") {
			t.Errorf("a number in %q", p.Detail)
		}
	}
}
