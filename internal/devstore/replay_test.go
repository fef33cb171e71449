package devstore_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
)

// leftOut names the recordings that the replay does not hold the store to, with
// the reason. Every recording is either replayed or named here.
var leftOut = map[string]string{}

// transcript is one recorded exchange with a real server.
type transcript struct {
	Name            string            `json:"name"`
	Method          string            `json:"method"`
	Path            string            `json:"path"`
	Query           map[string]string `json:"query"`
	RequestHeaders  map[string]string `json:"requestHeaders"`
	RequestBody     any               `json:"requestBody"`
	Status          int               `json:"status"`
	ResponseHeaders map[string]string `json:"responseHeaders"`
	ResponseBody    any               `json:"responseBody"`
}

func transcripts(t *testing.T) []transcript {
	t.Helper()
	f, err := os.Open("testdata/transcripts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []transcript
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one transcript
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		out = append(out, one)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTranscriptsAreAllAccountedFor(t *testing.T) {
	names := map[string]int{}
	for _, one := range transcripts(t) {
		names[one.Name]++
	}
	if len(names) != 170 {
		t.Errorf("%d recordings, want the 170 of the recorded server", len(names))
	}
	for name, n := range names {
		if n > 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
	for name, reason := range leftOut {
		if names[name] == 0 {
			t.Errorf("%s is left out, and is no recording", name)
		}
		if reason == "" {
			t.Errorf("%s is left out without a reason", name)
		}
	}
}

// TestReplay sends every recorded request to a store that holds what the
// recorded server held, in the recorded order, and compares the answers: all of
// each, but for ids, times and tokens.
func TestReplay(t *testing.T) {
	w := newWorld(t)
	for _, one := range transcripts(t) {
		if _, out := leftOut[one.Name]; out {
			continue
		}
		t.Run(one.Name, func(t *testing.T) { w.replay(t, one) })
	}
}

const recordedProject = "65cec746-4acf-4473-a01a-4e935d28b61a"

// recordedClients maps the client ids of the recordings to the identities.
var recordedClients = map[string]string{
	"ac726afc-ddd6-48fc-8701-040a18898181": "viewer",
	"62fd44ba-dca2-42a4-a1c0-902277b30dd3": "locked-out",
	"e4afcbb8-ab86-4a62-9bfc-617a0cfc4fd0": "short-lived",
}

// recordedTokens says whose the tokens are that no recorded login made.
var recordedTokens = map[string]string{
	"example-access-token-3":             "outsider",
	"example-access-token-4":             "alpha-only",
	"example-access-token-5":             "names-only",
	"example-access-token-7":             "editor",
	"example-access-token-8":             "short-lived",
	"example-access-token-9":             "short-lived",
	"example-access-token-13":            "viewer",
	"example-access-token-14":            "viewer",
	"example-access-token-of-viewer":     "viewer",
	"example-access-token-of-alpha-only": "alpha-only",
	"example-access-token-of-names-only": "names-only",
	"example-access-token-of-outsider":   "outsider",
}

// world is a store made like the recorded server, and what stands here for the
// recorded ids, tokens and ETags.
type world struct {
	store  *devstore.Store
	clock  *clock
	pairs  map[string][2]string // client id and secret by identity
	tokens map[string]string    // by recorded token
	tags   map[string]string    // ETag by recorded ETag
	list   any                  // the recorded list of /alpha
}

func newWorld(t *testing.T) *world {
	t.Helper()
	f, err := os.Open("testdata/world.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seed, err := devstore.ParseSeed(f)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clock: newClock(), pairs: map[string][2]string{}, tokens: map[string]string{}, tags: map[string]string{}}
	w.store = devstore.New(devstore.Options{Seed: seed, ProjectID: recordedProject, Now: w.clock.Now})
	read := []devstore.Action{devstore.Describe, devstore.ReadValue}
	for _, id := range []devstore.Identity{
		{Name: "viewer", Rules: devstore.MayRead()},
		{Name: "locked-out", Rules: devstore.MayRead()},
		{Name: "short-lived", Rules: devstore.MayRead(), TTL: 8 * time.Second, MaxTTL: 20 * time.Second},
		{Name: "outsider"},
		{Name: "alpha-only", Rules: []devstore.Rule{
			{Actions: read, Subject: devstore.Secrets, Path: "/alpha"},
			{Actions: read, Subject: devstore.Secrets, Path: "/alpha/**"},
		}},
		{Name: "names-only", Rules: devstore.MayDescribe()},
		{Name: "editor", Rules: slices.Concat(devstore.MayRead(), devstore.MayWrite())},
	} {
		clientID, clientSecret := w.store.AddIdentity(id)
		w.pairs[id.Name] = [2]string{clientID, clientSecret}
	}
	return w
}

// before prepares the world for a recording that something happened before:
// time passed, or the rate limit was used up.
func (w *world) before(t *testing.T, name string) {
	t.Helper()
	switch name {
	case "list-expired-token":
		w.token(t, "example-access-token-8")
		w.clock.Advance(9 * time.Second)
	case "token-renew-shortlived-1":
		w.token(t, "example-access-token-9")
		w.clock.Advance(6 * time.Second)
	case "token-renew-shortlived-2":
		w.clock.Advance(6 * time.Second)
	case "token-renew-shortlived-3":
		w.clock.Advance(5 * time.Second)
	case "token-renew-shortlived-4":
		w.clock.Advance(4 * time.Second)
	case "rate-limit-headers-200":
		w.store.Faults().Limit(40)
	case "rate-limit-429": // call 41
		w.store.Faults().Limit(40)
		for range 40 {
			w.store.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v3/secrets/raw", nil))
		}
	case "v3-get-absent-in-readable-empty-folder":
		w.store.Faults().Clear()
	}
}

func (w *world) replay(t *testing.T, one transcript) {
	w.before(t, one.Name)
	rec := httptest.NewRecorder()
	w.store.ServeHTTP(rec, w.request(t, one))
	got := rec.Result()
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}

	if got.StatusCode != one.Status {
		t.Fatalf("status %d, recorded %d", got.StatusCode, one.Status)
	}
	w.compareHeaders(t, one, got.Header)
	w.compareBody(t, one, text)
	w.learn(one, got.Header, text)
}

// compareHeaders holds every recorded header to ours. Whether there is an ETag
// counts, not which.
func (w *world) compareHeaders(t *testing.T, one transcript, got http.Header) {
	t.Helper()
	limited := strings.HasPrefix(one.Name, "rate-limit-") // recorded without their ETag
	for name, want := range one.ResponseHeaders {
		if have := got.Get(name); name == "etag" && have == "" || name != "etag" && have != want {
			t.Errorf("header %s: %q, recorded %q", name, have, want)
		}
	}
	for _, name := range []string{"ETag", "Content-Type", "Retry-After", "X-Ratelimit-Limit"} {
		if _, recorded := one.ResponseHeaders[strings.ToLower(name)]; !recorded && got.Get(name) != "" && !limited {
			t.Errorf("header %s is there and was not recorded", name)
		}
	}
	tag := one.ResponseHeaders["etag"]
	if ours, known := w.tags[tag]; known && tag != "" && ours != got.Get("ETag") {
		t.Errorf("the ETag differs from that of an answer which the server tagged the same")
	}
	for recorded, ours := range w.tags {
		// The server gives no order to one name in several folders, so its
		// recursive lists have many tags for one content.
		if tag != "" && one.Query["recursive"] == "" && recorded != tag && ours == got.Get("ETag") {
			t.Errorf("the ETag is that of an answer which the server tagged otherwise")
		}
	}
}

func (w *world) compareBody(t *testing.T, one transcript, text []byte) {
	t.Helper()
	if one.Status == http.StatusNotModified {
		if len(text) > 0 {
			t.Errorf("304 with a body")
		}
		return
	}
	want := one.ResponseBody
	if want == "(as in list)" {
		want = w.list
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(names(want), names(got)); diff != "" {
		t.Errorf("order of names (-recorded +ours):\n%s", diff)
	}
	if diff := gocmp.Diff(plain(want), plain(got)); diff != "" {
		t.Errorf("body (-recorded +ours):\n%s", diff)
	}
}

// request makes the recorded request over with our credentials and tokens.
func (w *world) request(t *testing.T, one transcript) *http.Request {
	t.Helper()
	target := strings.ReplaceAll(one.Path, "rig-project", "scrim-dev")
	target = w.recordedFolders(t, target)
	if len(one.Query) > 0 {
		query := url.Values{}
		for name, value := range one.Query {
			query.Set(name, value)
		}
		target += "?" + query.Encode()
	}
	r := httptest.NewRequestWithContext(t.Context(), one.Method, target, w.body(t, one.RequestBody))
	for name, value := range one.RequestHeaders {
		if token, ok := strings.CutPrefix(value, "Bearer "); ok && name == "Authorization" {
			value = "Bearer " + w.token(t, token)
		}
		if name == "If-None-Match" {
			value = w.tags[value]
		}
		r.Header.Set(name, value)
	}
	return r
}

func (w *world) body(t *testing.T, recorded any) io.Reader {
	t.Helper()
	switch body := recorded.(type) {
	case nil:
		return http.NoBody
	case string:
		return strings.NewReader(body)
	case map[string]any:
		body = maps.Clone(body)
		if pair, ok := w.pairs[recordedClients[text(body["clientId"])]]; ok {
			body["clientId"] = pair[0]
			if body["clientSecret"] == "example-client-secret" {
				body["clientSecret"] = pair[1]
			}
		}
		if token, ok := body["accessToken"]; ok {
			body["accessToken"] = w.token(t, text(token))
		}
		out, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(out)
	default:
		t.Fatalf("a recorded body is a %T", recorded)
		return nil
	}
}

// token returns what stands for a recorded token: what answered the recorded
// login, or a login of our own.
func (w *world) token(t *testing.T, recorded string) string {
	t.Helper()
	if token, ok := w.tokens[recorded]; ok {
		return token
	}
	switch recorded {
	case "garbage":
		return recorded
	case "example-access-token-6": // ours, with a signature that is not
		token := login(t, w.store, w.pairs["viewer"])
		return token[:strings.LastIndexByte(token, '.')] + ".c2lnbmF0dXJl"
	}
	pair, ok := w.pairs[recordedTokens[recorded]]
	if !ok {
		t.Fatalf("nobody has the token %s", recorded)
	}
	w.tokens[recorded] = login(t, w.store, pair)
	return w.tokens[recorded]
}

var folderRoute = regexp.MustCompile(`^(/api/v[12]/folders/)[0-9a-f-]{36}$`)

// recordedFolders puts the name of our folder where the recording has its id.
func (w *world) recordedFolders(_ *testing.T, target string) string {
	if m := folderRoute.FindStringSubmatch(target); m != nil {
		return m[1] + "rigtmp" + strings.TrimSuffix(strings.TrimPrefix(m[1], "/api/"), "/folders/")
	}
	return target
}

// learn keeps what later recordings refer to.
func (w *world) learn(one transcript, header http.Header, text []byte) {
	if tag := one.ResponseHeaders["etag"]; tag != "" && one.Status == http.StatusOK && one.Method == http.MethodGet {
		w.tags[one.ResponseHeaders["etag"]] = header.Get("ETag")
	}
	if one.Name == "v3-list-alpha-prod" {
		w.list = one.ResponseBody
	}
	recorded, _ := one.ResponseBody.(map[string]any)
	var ours map[string]any
	if json.Unmarshal(text, &ours) == nil && recorded["accessToken"] != nil {
		w.tokens[recorded["accessToken"].(string)] = ours["accessToken"].(string)
	}
}

var (
	uuid      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	requestID = regexp.MustCompile(`^req-[0-9A-Za-z]{14}$`)
)

// plain returns a decoded body with a word for each id, time and token, and
// with the lists in order that the server does not order.
func plain(body any) any {
	switch v := body.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[key] = plain(value)
			if _, isText := value.(string); isText && key == "accessToken" {
				out[key] = "(token)"
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			out = append(out, plain(element))
		}
		slices.SortStableFunc(out, func(a, b any) int { return cmp.Compare(sortKey(a), sortKey(b)) })
		return out
	case string:
		return plainText(v)
	default:
		return v
	}
}

func plainText(s string) string {
	switch {
	case s == recordedProject:
		return "(the project)"
	case uuid.MatchString(s):
		return "(uuid)"
	case timestamp.MatchString(s):
		return "(time)"
	case requestID.MatchString(s):
		return "(request id)"
	case s == "rig-project":
		return "scrim-dev"
	default:
		return s
	}
}

func sortKey(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return text(v)
	}
	return text(m["secretKey"]) + " " + text(m["secretPath"]) + " " + text(m["name"]) + " " + text(m["relativePath"])
}

// names returns the names of the secrets or folders in a body, in its order.
func names(body any) []string {
	m, _ := body.(map[string]any)
	var out []string
	for _, key := range []string{"secrets", "folders"} {
		list, _ := m[key].([]any)
		for _, element := range list {
			one, _ := element.(map[string]any)
			out = append(out, text(one["secretKey"])+text(one["name"]))
		}
	}
	return out
}
