package ceremony_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"scrim/internal/ceremony"
)

// visit is the person's browser, on a page that is open.
type visit struct {
	*testing.T
	address string
	origin  string
	number  string
	ended   chan error
}

// open asks for steps, and returns the browser at the page.
func open(t *testing.T, steps ...ceremony.Step) visit {
	t.Helper()
	v := visit{T: t, ended: make(chan error, 1)}
	shown := make(chan string, 1)
	go func() {
		v.ended <- ceremony.Ask(t.Context(), func(address, number string) { v.number = number; shown <- address }, steps...)
	}()
	select {
	case v.address = <-shown:
	case err := <-v.ended:
		t.Fatal(err)
	}
	u, err := url.Parse(v.address)
	if err != nil {
		t.Fatal(err)
	}
	v.origin = "http://" + u.Host
	return v
}

// send asks for what is at path below the page's address.
func (v visit) send(method, path, body string) (int, string) {
	v.Helper()
	address := v.address + path
	if strings.HasPrefix(path, "/") {
		address = v.origin + path
	}
	r, err := http.NewRequestWithContext(v.Context(), method, address, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Origin", v.origin)
		r.Header.Set("Scrim-Number", v.number)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		v.Errorf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, string(text)
}

func (v visit) wants(method, path, body string, status int, text string) {
	v.Helper()
	if got, said := v.send(method, path, body); got != status || !strings.Contains(said, text) {
		v.Errorf("%s %s: %d %q, want %d %q", method, path, got, said, status, text)
	}
}

// step is one that notes what it was asked and given.
func step(title string, made bool, given *[]string, outcome error) ceremony.Step {
	return ceremony.Step{
		Title: title, Text: "Text of <" + title + ">", Make: made,
		Options: func(origin string) ([]byte, error) {
			return json.Marshal(map[string]string{"for": title, "at": origin})
		},
		Answer: func(_ context.Context, origin string, response []byte) error {
			*given = append(*given, origin+" "+string(response))
			return outcome
		},
	}
}

// TestCeremony goes through two steps as the page's script does.
func TestCeremony(t *testing.T) {
	t.Parallel()
	var given []string
	v := open(t, step("First", false, &given, nil), step("Second", true, &given, nil))
	if !regexp.MustCompile(`^http://localhost:\d+/[a-z2-7]{26}/$`).MatchString(v.address) {
		t.Errorf("at %s", v.address)
	}
	v.wants("GET", "", "", 200, "<h1>First</h1>")
	v.wants("GET", "", "", 200, "Text of &lt;First&gt;")
	v.wants("POST", "options", "", 200, `{"make":false,"options":{"at":"`+v.origin+`","for":"First"},"done":false}`)
	v.wants("POST", "options", "", 200, `"for":"First"`) // another attempt
	v.wants("POST", "answer", "one", 200, `"done":false`)
	v.wants("GET", "", "", 200, "<h1>Second</h1>")
	v.wants("POST", "options", "", 200, `{"make":true`)
	v.wants("POST", "answer", "two", 200, `{"make":false,"done":true}`)
	if err := <-v.ended; err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(given, ", "), v.origin+" one, "+v.origin+" two"; got != want {
		t.Errorf("given %q, want %q", got, want)
	}
	if answer, err := http.Get(v.address); err == nil { //nolint:noctx // nobody listens
		_ = answer.Body.Close()
		t.Error("the page is there after the end")
	}
}

// TestNothingElseIsServed: neither elsewhere nor in another way, and nothing in the
// page that its own policy would refuse.
func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	var given []string
	v := open(t, step("First", false, &given, nil))
	for _, path := range []string{"/", "/page.js", "/options", "/answer", "/aaaaaaaaaaaaaaaaaaaaaaaaaa/", "page.html", "ceremony.go", "../", "x", "options/"} {
		v.wants("GET", path, "", 404, "404 page not found")
		v.wants("POST", path, "one", 404, "404 page not found")
	}
	v.wants("GET", "answer", "", 404, "")
	v.wants("GET", "options", "", 404, "")
	v.wants("POST", "", "one", 404, "")
	v.wants("GET", "page.js", "", 200, "use strict")
	v.wants("GET", "page.css", "", 200, "color-scheme")
	_, page := v.send("GET", "", "")
	for _, inline := range []string{"<style", "style=", "onclick", "onload", "<script>", "javascript:", "//"} {
		if strings.Contains(page, inline) {
			t.Errorf("%s is in the page: %s", inline, page)
		}
	}
	if len(given) != 0 {
		t.Errorf("given %q", given)
	}
}

// TestNumber: who knows the address and not the number that the person sees makes no
// passkey, and has three guesses. For what an enrolled passkey signs none is asked.
func TestNumber(t *testing.T) {
	t.Parallel()
	var given []string
	v := open(t, step("First", false, &given, nil), step("Second", true, &given, nil))
	number := v.number
	if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(number) {
		t.Fatalf("the number is %q", number)
	}
	v.number = ""
	v.wants("POST", "options", "", 200, `"for":"First"`)
	v.wants("POST", "answer", "one", 200, `"done":false`)
	if _, page := v.send("GET", "", ""); strings.Contains(page, number) {
		t.Errorf("the number is on the page: %s", page)
	}
	v.wants("POST", "answer", "a stranger's", 409, "not the number")
	v.number = number[1:]
	v.wants("POST", "options", "", 409, "not the number")
	v.number = number
	v.wants("POST", "options", "", 200, `"make":true`)
	v.number = "1234567"
	v.wants("POST", "answer", "a stranger's", 403, "somebody else may be there")
	if err := <-v.ended; !errors.Is(err, ceremony.ErrWrongNumber) {
		t.Errorf("it ends with %v", err)
	}
	if len(given) != 1 {
		t.Errorf("given %q", given)
	}
	if v := open(t, step("First", false, &given, nil)); v.number != "" {
		t.Errorf("a number for nothing: %q", v.number)
	}
}

// TestCeremonyFails: what is refused ends it, and both ends hear why.
func TestCeremonyFails(t *testing.T) {
	t.Parallel()
	var given []string
	wrong := errors.New("it is another passkey")
	v := open(t, step("First", false, &given, wrong), step("Second", true, &given, nil))
	v.wants("POST", "answer", "one", 403, `"error":"it is another passkey"`)
	if err := <-v.ended; !errors.Is(err, wrong) || len(given) != 1 {
		t.Errorf("%v, %q", err, given)
	}
	unready := step("First", true, &given, nil)
	unready.Options = func(string) ([]byte, error) { return nil, wrong }
	v = open(t, unready)
	v.wants("POST", "options", "", 403, `"error":"it is another passkey"`)
	if err := <-v.ended; !errors.Is(err, wrong) || len(given) != 1 {
		t.Errorf("%v, %q", err, given)
	}
}

// TestNobodyComes: the page is there for a while, or until whoever asked gives up.
func TestNobodyComes(t *testing.T) {
	t.Parallel()
	if err := ceremony.AskFor(t.Context(), time.Millisecond, func(string, string) {}); !errors.Is(err, ceremony.ErrNobody) {
		t.Errorf("error = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := ceremony.Ask(ctx, func(string, string) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}
