package launch_test

import (
	"errors"
	"testing"

	"scrim/internal/launch"
	"scrim/internal/secret"
)

// TestNamesForACommand: what `scrim run` refuses, no command gets either, and
// nothing allows it.
func TestNamesForACommand(t *testing.T) {
	t.Parallel()
	for name, may := range map[string]bool{
		"DEPLOY_TOKEN": true, "PGPASSWORD": true, "TZ": true,
		"LD_PRELOAD": false, "ld_preload": false, "DYLD_INSERT_LIBRARIES": false, "PATH": false, "BASH_ENV": false, "NODE_OPTIONS": false, "GIT_SSH_COMMAND": false,
		"SCRIM_CONFIG": false, "INFISICAL_TOKEN": false, "PROJECT_ENV": false,
	} {
		ref, err := secret.ParseRef("prod", "/alpha/vault", name)
		if err != nil {
			t.Fatal(err)
		}
		err = launch.MayInject(ref)
		if refused, ok := errors.AsType[*launch.RefusedError](err); (err == nil) != may || err != nil && (!ok || refused.Reason == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestZeroErrandsRunNothing: without a supervisor nothing could end a command.
func TestZeroErrandsRunNothing(t *testing.T) {
	t.Parallel()
	if _, err := (launch.Errands{}).Find([]string{"true"}, "/", 1); err == nil {
		t.Error("found")
	}
	if _, err := (launch.Errands{}).Prepare(launch.Errand{}); err == nil {
		t.Error("prepared")
	}
}
