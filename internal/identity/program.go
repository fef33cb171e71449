package identity

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"time"

	"scrim/internal/config"
	"scrim/internal/secret"
)

// programTime is how long the Infisical CLI may take. A keyring may ask a
// person first.
const programTime = 8 * time.Second

// maxToken bounds what is read of the program.
const maxToken = 16 << 10

// Program is how the Infisical CLI is run.
type Program struct {
	Environ []string      // the environment of this process
	Home    string        // where it runs: no file of a repository is in its reach there
	Time    time.Duration // programTime where it is zero
}

// What can go wrong with the program. What it printed is never told: it may
// hold the token.
var (
	errNotStarted = errors.New("it cannot be started")
	errTooSlow    = errors.New("it does not answer in time: run infisical login")
	errRefuses    = errors.New("it has no token: run infisical login")
	errNoToken    = errors.New("what it prints is no token: update the Infisical CLI")
)

// Token asks the program at path for the token of whoever is logged in at site.
// It runs without a shell and without a terminal, so that it cannot ask
// anything.
func (p Program) Token(ctx context.Context, path, site string) (secret.Value, error) {
	limit := p.Time
	if limit == 0 {
		limit = programTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "user", "get", "token", "--plain", "--silent")
	var out bounded
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.WaitDelay = p.Home, p.environment(site), &out, time.Second
	alone(cmd)
	err := cmd.Start()
	if err != nil {
		return secret.Value{}, errNotStarted
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return secret.Value{}, errTooSlow
	case err != nil:
		return secret.Value{}, errRefuses
	}
	token, ok := config.ParseToken(out.String())
	if !ok || out.full {
		return secret.Value{}, errNoToken
	}
	return token, nil
}

// environment is the program's: it names the site, so that a program whose
// login is for another one refuses, and nothing that picks another login.
func (p Program) environment(site string) []string {
	environ := slices.DeleteFunc(slices.Clone(p.Environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasPrefix(name, "INFISICAL_") && name != "INFISICAL_VAULT_FILE_PASSPHRASE"
	})
	return append(environ, "INFISICAL_API_URL="+site+"/api", "INFISICAL_DISABLE_UPDATE_CHECK=true")
}

// bounded keeps the first bytes of what is written to it.
type bounded struct {
	bytes.Buffer
	full bool
}

// Write takes everything and keeps what fits.
func (b *bounded) Write(p []byte) (int, error) {
	room := maxToken - b.Len()
	if len(p) > room {
		b.full = true
		b.Buffer.Write(p[:room])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
