package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"scrim/internal/infisical"
	"scrim/internal/secret"
	"scrim/redact"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"scrim":       main,
		"store-token": storeToken,
		"stray-print": func() { afterTakeOver(func(value string) { fmt.Println(value); println(value) }) },
		"panicking":   func() { afterTakeOver(func(value string) { go panic(errors.New(value)); select {} }) },
	})
}

// afterTakeOver does something careless with a known value in a process whose
// streams were taken over.
func afterTakeOver(careless func(value string)) {
	const value = "made-up-value-that-nobody-lit"
	redactor := redact.New(redact.Options{})
	ref, err := secret.ParseRef("prod", "/alpha", "NAME")
	if err != nil {
		panic(err)
	}
	redactor.Learn(ref, secret.NewValue(value))
	outlet, err := takeOver(redactor)
	if err != nil {
		panic(err)
	}
	careless(value)
	outlet.close()
}

// storeToken prints an access token of the store that the environment points
// at, as whoever logged in with another program has one.
func storeToken() {
	var token secret.Value // what is learned last
	_, err := infisical.LogIn(context.Background(), infisical.Options{
		Site: os.Getenv("INFISICAL_API_URL"),
		Identity: infisical.UniversalAuth(
			secret.NewValue(os.Getenv("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID")),
			secret.NewValue(os.Getenv("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"))),
		Learn: func(v secret.Value) { token = v },
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(token.Reveal())
}

// TestScripts runs the command line as a person or a script does.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"narrow": narrow},
	})
}

// narrow FILE... fails where a line is wider than a terminal.
func narrow(script *testscript.TestScript, _ bool, files []string) {
	for _, file := range files {
		wantNarrow(scriptErrors{script}, script.ReadFile(file))
	}
}

// scriptErrors is how a script fails.
type scriptErrors struct{ *testscript.TestScript }

func (s scriptErrors) Errorf(format string, arguments ...any) { s.Fatalf(format, arguments...) }
