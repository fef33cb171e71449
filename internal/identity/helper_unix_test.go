//go:build unix

package identity_test

import (
	"encoding/json"
	"net/http"
	"strings"
)

// login logs in by plain HTTP and returns the access token.
func login(b *bench, url, id, key string) string {
	b.Helper()
	body, err := json.Marshal(map[string]string{"clientId": id, "clientSecret": key})
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/api/v1/auth/universal-auth/login", strings.NewReader(string(body)))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var granted struct {
		Token string `json:"accessToken"`
	}
	if err := json.NewDecoder(res.Body).Decode(&granted); err != nil || granted.Token == "" {
		b.Fatal("no token", err)
	}
	return granted.Token
}
