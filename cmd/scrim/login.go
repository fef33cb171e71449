package main

import (
	"log/slog"
	"os"
	"slices"
	"strings"

	"scrim/internal/config"
	"scrim/internal/identity"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// LoginCmd is `scrim login`.
type LoginCmd struct {
	scopeFlags `embed:""`

	Site    string `placeholder:"URL" help:"The Infisical that they belong to (else INFISICAL_API_URL, your scrim/config.toml, the file that is replaced, the cloud). It is kept with them."`
	FromEnv bool   `help:"Take them from INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET."`
	Remove  bool   `help:"Remove the file."`
	Yes     bool   `help:"With --remove: do not ask."`
}

// Help is shown by `scrim login --help`.
func (LoginCmd) Help() string {
	return `Asks for the client id and the client secret of a machine identity with universal auth, without showing the secret, logs in with them, and keeps them in ~/.infisical-ua, which only you can read. Where the store refuses them nothing is changed. Then it lists the names that the identity sees in the project that is configured here, and says what to grant or to take away.

Examples:

  scrim login                                      for Infisical's cloud
  scrim login --site https://secrets.example.org   for your own
  scrim login --from-env                           without a terminal
  scrim login --remove                             undo it

No flag takes the secret: other processes can read command lines.

Exit code 0: the credentials are kept. 2: a mistake here. 3: the store refused them, or cannot be reached. 4: not removed, since you did not say yes.`
}

// Run keeps credentials, or removes them.
func (l *LoginCmd) Run(c *cli) error {
	q := newQuery(c)
	if l.Remove {
		return q.end(c, l.remove(c, q))
	}
	return q.end(c, l.login(c, q))
}

// login asks, logs in, keeps and shows, in this order.
func (l *LoginCmd) login(c *cli, q *query) error {
	if l.Yes {
		return usageError("--yes goes with --remove")
	}
	in, err := l.input(c)
	if err != nil {
		return err
	}
	if err := config.CheckCredentialsFile(in.Home); err != nil {
		return err
	}
	site, stated, err := config.LoginSite(in, l.Site)
	if err != nil {
		return err
	}
	file, err := l.credentials(c, q, in.Home, site, stated)
	if err != nil {
		return err
	}
	scope, noScope := config.LoadScope(in, site)
	client, err := logIn(c, q, file.Credentials, scope)
	if err != nil {
		return err
	}
	if err := file.Write(); err != nil {
		return err
	}
	q.say("The login went well. Its credentials are in ~/.infisical-ua, which only you can read.")
	sayOrder(q, in, file.Credentials, site)
	if noScope != nil {
		q.say("What the identity sees was not looked at: %v", noScope)
		return nil
	}
	return showReach(c, q, scope, client)
}

// credentials returns the file to keep. A site that nobody stated is not kept.
func (l *LoginCmd) credentials(c *cli, q *query, home, site string, stated bool) (*config.CredentialsFile, error) {
	var id, key string
	var err error
	if l.FromEnv {
		id, key, err = config.PairFromEnvironment(c.getenv)
	} else {
		id, key, err = askPair(c, site)
	}
	if err != nil {
		return nil, err
	}
	for _, value := range []string{id, key} {
		q.deps.Redactor.Learn(secret.Ref{}, secret.NewValue(value))
	}
	kept := ""
	if stated {
		kept = site
	}
	return config.NewCredentialsFile(home, id, key, kept)
}

// askPair asks for the client's id and secret on the terminal. Neither echoes
// as it is typed: whoever pastes both at once pastes the secret too early. The
// id is shown once it is there.
func askPair(c *cli, site string) (id, key string, err error) {
	t, err := openPrompt()
	if err != nil {
		return "", "", usageError("there is no terminal to ask on: set INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET, and use --from-env")
	}
	defer t.close()
	t.say(wrapped("Log in to " + site + " as a machine identity with universal auth. Its page in Infisical shows the client id, and makes client secrets."))
	if id, err = t.ask(c.ctx, "Client ID: "); err != nil {
		return "", "", err
	}
	t.say(visible(id) + "\n")
	if key, err = t.ask(c.ctx, "Client secret (not shown): "); err != nil {
		return "", "", err
	}
	t.say("\n")
	return id, key, nil
}

// logIn makes one login request, and returns a client of the scope.
func logIn(c *cli, q *query, credentials config.Credentials, scope secret.Scope) (*infisical.Client, error) {
	settings, err := config.ParseLog(c.getenv)
	if err != nil {
		return nil, err
	}
	if c.verbose {
		settings.Level = slog.LevelDebug
	}
	waited := sayIfSlow(c.stderr, "logging in …")
	client, err := infisical.LogIn(c.ctx, infisical.Options{
		Site: scope.Site, ProjectID: scope.ProjectID, Identity: identity.For(credentials, c.getenv),
		Learn: func(v secret.Value) { q.deps.Redactor.Learn(secret.Ref{}, v) },
		Log:   newLog(q.talk, settings, c.getenv),
	})
	waited()
	if err != nil && c.ctx.Err() == nil {
		q.say("Nothing was kept: ~/.infisical-ua is as it was.")
	}
	return client, err
}

// sayOrder says so where other credentials come before those that were just
// kept for site.
func sayOrder(q *query, in config.Input, kept config.Credentials, site string) {
	found, err := config.LoadIdentities(in, site)
	kept.Site = site
	switch {
	case err != nil:
		q.say("They are not used yet: %v", err)
	case len(found.Candidates) == 0:
		q.say("They are not used yet: INFISICAL_API_URL, or site_url in your scrim/config.toml, names another site than %s.", site)
	case !found.Candidates[0].Equal(kept):
		q.say("Other credentials come first here and now: %s. (docs/infisical.md has the order.)", found.Candidates[0].Source)
	}
}

// remove says what the file was, asks, and removes it.
func (l *LoginCmd) remove(c *cli, q *query) error {
	if l.FromEnv || l.Site != "" {
		return usageError("--remove goes with --yes and with nothing else")
	}
	home, _ := os.UserHomeDir()
	what := config.DescribeCredentialsFile(home)
	if what == "" {
		q.say("There is no ~/.infisical-ua: nothing was removed.")
		return nil
	}
	q.say("~/.infisical-ua is %s.", what)
	if !l.Yes {
		if err := askYes(c, "Remove it? [y/N] "); err != nil {
			return err
		}
	}
	if err := config.RemoveCredentialsFile(home); err != nil {
		return err
	}
	q.say("It is removed. A client secret stays good until you revoke it on the identity's page in Infisical.")
	return nil
}

// askYes returns nil for a yes on the terminal, and an exit code for anything
// else.
func askYes(c *cli, question string) error {
	t, err := openPrompt()
	if err != nil {
		return usageError("there is no terminal to ask on: use --yes")
	}
	defer t.close()
	answer, err := t.ask(c.ctx, question)
	if err != nil {
		return err
	}
	t.say(visible(answer) + "\n")
	if !slices.Contains([]string{"y", "yes"}, strings.ToLower(answer)) {
		return errNotApproved
	}
	return nil
}
