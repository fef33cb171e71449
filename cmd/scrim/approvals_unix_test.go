//go:build unix

package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Nobody may ask whom --from does not name, and this very user never.
func TestUsersNamed(t *testing.T) {
	t.Parallel()
	me := strconv.Itoa(os.Getuid())
	for want, names := range map[string][]string{
		"nobody could ask": nil, "is you": {"4711", me}, "there is no user made-up-nobody": {"made-up-nobody"}, "there is no user -1": {"-1"},
		"there is no user 99999999999": {"99999999999"}, "there is no user ": {""},
	} {
		if _, err := usersNamed(names); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", names, err, want)
		}
	}
	if got, err := usersNamed([]string{"4711", "4712"}); err != nil || !slices.Equal(got, []int{4711, 4712}) {
		t.Errorf("got %v, %v", got, err)
	}
}
