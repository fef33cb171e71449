package infisical

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/secret"
)

// sentinels are the closed set that every error belongs to.
func sentinels() []error {
	return []error{
		secret.ErrUnauthenticated, secret.ErrForbidden, secret.ErrPathNotFound, secret.ErrNoProject, secret.ErrNotFound,
		secret.ErrRateLimited, secret.ErrUnavailable, secret.ErrBadResponse,
	}
}

func classes(err error) int {
	n := 0
	for _, s := range sentinels() {
		if errors.Is(err, s) {
			n++
		}
	}
	return n
}

func FuzzDecodeListing(f *testing.F) {
	f.Add([]byte(`{"secrets":[],"imports":[]}`), true)
	f.Add([]byte(`{"secrets":[{"secretKey":"A","secretValue":"x","type":"personal","tags":[{"slug":"s"}]}],"imports":[{"environment":"e","secretPath":"/p","secrets":[{"secretKey":"B"}]}]}`), true)
	f.Add([]byte(`{"secrets":[{"secretKey":"a b","secretValue":"x"},{"secretKey":"A","secretValue":"y","secretValueHidden":true}]}`), false)
	f.Add([]byte(`null`), true)
	f.Add([]byte(`{"secrets":[{"secretKey":"A"}],"secrets":[{}]}`), true)
	f.Fuzz(func(t *testing.T, body []byte, values bool) {
		l, err := decodeListing(body, place{"prod", "/alpha"}, values)
		if err != nil {
			if !errors.Is(err, secret.ErrBadResponse) || l.Secrets != nil || l.Refused != nil {
				t.Fatalf("got %+v, %v", l, err)
			}
			return
		}
		seen := map[secret.Ref]bool{}
		for _, s := range l.Secrets {
			ref := s.Entry.Ref
			if seen[ref] || ref.Environment() != "prod" || ref.Path() != "/alpha" || ref.Name() == "" {
				t.Fatalf("got %v", ref)
			}
			seen[ref] = true
			if !values && !s.Value.IsZero() {
				t.Fatalf("%v has a value", ref)
			}
		}
		for _, v := range l.Refused {
			if !values && !v.IsZero() {
				t.Fatal("a refused name has a value")
			}
		}
	})
}

func FuzzDecodeSecret(f *testing.F) {
	f.Add([]byte(`{"secret":{"secretKey":"NAME","secretValue":"x","environment":"prod","secretPath":"/shared"}}`))
	f.Add([]byte(`{"secret":{"secretKey":"OTHER"}}`))
	f.Add([]byte(`{"secret":null}`))
	ref, err := secret.ParseRef("prod", "/alpha", "NAME")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := decodeSecret(body, ref)
		if err != nil && (!errors.Is(err, secret.ErrBadResponse) || !s.Value.IsZero()) || err == nil && s.Entry.Ref != ref {
			t.Fatalf("got %+v, %v", s, err)
		}
	})
}

func FuzzDecodeFolders(f *testing.F) {
	f.Add([]byte(`{"folders":[{"id":"x","name":"vault"}]}`))
	f.Add([]byte(`{"folders":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := decodeFolders(body)
		if (err == nil) != (list != nil) || err != nil && !errors.Is(err, secret.ErrBadResponse) {
			t.Fatalf("got %v, %v", list, err)
		}
	})
}

func FuzzRefusal(f *testing.F) {
	f.Add(404, true, []byte(`{"reqId":"req-1","statusCode":404,"message":"Secret with name 'NAME' not found","error":"NotFound"}`))
	f.Add(403, true, []byte(`{"reqId":"req-1","message":"You are not allowed","error":"PermissionDenied","details":[{}]}`))
	f.Add(403, true, []byte(`{"reqId":"req-1","message":"invalid signature","error":"TokenError"}`))
	f.Add(422, true, []byte(`{"reqId":"req-1","message":[{"code":"x"}],"error":"ValidationFailure"}`))
	f.Add(401, false, []byte(`<html>`))
	f.Add(404, true, []byte(`{"reqId":7,"message":null,"error":{}}`))
	f.Fuzz(func(t *testing.T, status int, asJSON bool, body []byte) {
		if status < 400 || status > 599 {
			return
		}
		for _, name := range []string{"", "NAME"} {
			err := refusal(reply{status: status, json: asJSON, body: body}, name)
			if classes(err) != 1 {
				t.Fatalf("%v is %d of the closed set", err, classes(err))
			}
			if text := err.Error(); strings.ContainsAny(text, "<>{}\"\\/?\n\r\x00") {
				t.Fatalf("the error holds the body: %q", text)
			}
			if errors.Is(err, secret.ErrNotFound) && (name == "" || !hasKey(body, "reqId")) {
				t.Fatalf("absent by %q", body)
			}
		}
	})
}

// hasKey reports whether body is an object that has the key, in any case.
func hasKey(body []byte, key string) bool {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return false
	}
	return slices.ContainsFunc(slices.Collect(maps.Keys(object)), func(k string) bool { return strings.EqualFold(k, key) })
}

func FuzzTag(f *testing.F) {
	f.Add(`x:"abc"`)
	f.Add(`n:W/"abc"`)
	f.Add("u:\r\nX: y")
	f.Fuzz(func(t *testing.T, text string) {
		owners := 0
		for _, m := range []mode{full, unexpanded, names} {
			if etag := m.untag(text); etag != "" {
				owners++
				if m.tag(etag) != text || strings.ContainsAny(etag, " \r\n\x00") {
					t.Fatalf("%q became %q", text, etag)
				}
			}
			if tag := m.tag(text); headerSafe(text) && m.untag(tag) != text {
				t.Fatalf("%q does not come back from %q", text, tag)
			}
		}
		if owners > 1 {
			t.Fatalf("%q is good for %d modes", text, owners)
		}
	})
}

func FuzzParseSite(f *testing.F) {
	for _, s := range []string{
		"https://app.infisical.com", "https://eu.example.test/api/", "http://127.0.0.1:8080/x/api", "http://[::1]:1",
		"http://localhost", "https://u:p@h", "https://h/%2e%2e/", "//h", "https:h",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		at, err := parseSite(raw)
		if err != nil || strings.Contains(at.host, "elsewhere") {
			return
		}
		u, err := url.Parse(at.base() + "/v3/secrets/raw/NAME?x=/../y")
		if err != nil || !at.owns(u) {
			t.Fatalf("%q: %q is not its own", raw, at.base())
		}
		if u.Scheme == "http" && !loopback(u.Hostname()) {
			t.Fatalf("%q goes out unencrypted", raw)
		}
		for _, foreign := range []string{
			"https://elsewhere.test" + u.Path, "http://" + at.host + ".elsewhere.test" + u.Path,
			at.scheme + "://x@" + at.host + u.Path, at.base() + "x/v3", at.base() + "/../admin",
		} {
			if other, err := url.Parse(foreign); err == nil && at.owns(other) {
				t.Fatalf("%q owns %q", raw, foreign)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add(429, "60")
	f.Add(429, "Sat, 01 Jan 2000 00:00:05 GMT")
	f.Add(503, "-1")
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, text string) {
		h := http.Header{"Retry-After": {text}}
		if wait := retryAfter(status, h, now); wait < 0 || wait > maxRetryAfter || status == 200 && wait != 0 {
			t.Fatalf("wait %s", wait)
		}
	})
}
