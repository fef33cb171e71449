package devstore

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// How the server locks an identity out after wrong secrets, by default.
const (
	lockoutAfter  = 3                 // failures, each within
	lockoutWindow = 30 * time.Second  // of the one before
	lockoutFor    = 300 * time.Second // even with the right secret
)

const defaultTTL = 30 * 24 * time.Hour

// What the server says of a token. It says TokenError with status 403, but for
// one that is missing or revoked.
const (
	tokenMalformed = "The provided access token is malformed. Please use a valid token or generate a new one and try again."
	tokenForged    = "invalid signature"
	tokenExpired   = "Your token has expired. Please re-authenticate."
	tokenRevoked   = "Failed to authorize: token has been revoked"
)

// authority knows the identities and the tokens that it gave them. The store's
// lock guards it.
type authority struct {
	key        []byte                 // signs tokens
	identities map[string]*credential // by client id
	sessions   map[string]*session    // by token id
}

// credential is an identity's universal-auth pair and its lockout.
type credential struct {
	Identity
	id       string
	secret   string
	failures int
	lastFail time.Time
	locked   time.Time // until then
}

// session is what one login started: a token and its renewals.
type session struct {
	id      string
	who     *credential
	created time.Time
	revoked bool
	expired bool // before its time
}

// claims is the payload of a token.
type claims struct {
	IdentityID string `json:"identityId"`
	TokenID    string `json:"identityAccessTokenId"`
	Type       string `json:"authTokenType"`
	Issued     int64  `json:"iat"`
	Expires    int64  `json:"exp"`
}

// grant is the answer to a login and to a renewal.
type grant struct {
	AccessToken       string `json:"accessToken"`
	ExpiresIn         int64  `json:"expiresIn"`
	AccessTokenMaxTTL int64  `json:"accessTokenMaxTTL"`
	TokenType         string `json:"tokenType"`
}

func newAuthority() *authority {
	return &authority{
		key:        []byte(rand.Text()),
		identities: map[string]*credential{},
		sessions:   map[string]*session{},
	}
}

// AddIdentity adds an identity and returns its universal-auth pair, which is
// random.
func (s *Store) AddIdentity(id Identity) (clientID, clientSecret string) {
	if id.TTL == 0 {
		id.TTL = defaultTTL
	}
	if id.MaxTTL == 0 {
		id.MaxTTL = max(defaultTTL, id.TTL)
	}
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // documented never to fail
	c := &credential{Identity: id, id: newUUID(), secret: hex.EncodeToString(raw[:])}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.identities[c.id] = c
	return c.id, c.secret
}

// Permit replaces the rules of the identity with that client id, for tokens
// that it has already too.
func (s *Store) Permit(clientID string, rules []Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.auth.identities[clientID]; ok {
		c.Rules = rules
	}
}

// ExpireTokens makes every token so far expire now.
func (s *Store) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.auth.sessions {
		session.expired = true
	}
}

// RevokeTokens revokes every token so far.
func (s *Store) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.auth.sessions {
		session.revoked = true
	}
}

func (c *call) login() (any, error) {
	if issues := need(c.body, nil, "clientId", "clientSecret"); issues != nil {
		return nil, invalid(issues...)
	}
	now := c.store.now()
	who, ok := c.store.auth.identities[c.param("clientId")]
	if !ok {
		return nil, unauthorized("Invalid credentials")
	}
	if now.Before(who.locked) {
		return nil, unauthorized("This identity auth method is temporarily locked, please try again later")
	}
	if !hmac.Equal([]byte(who.secret), []byte(c.param("clientSecret"))) {
		who.fail(now)
		return nil, unauthorized("Invalid credentials")
	}
	who.failures = 0
	c.store.requests.name(c.record, who.Name)
	c.store.auth.forget(now)
	opened := &session{id: newUUID(), who: who, created: now}
	c.store.auth.sessions[opened.id] = opened
	return c.store.auth.grant(opened, now), nil
}

// fail counts a wrong secret, and locks the identity out at the third.
func (c *credential) fail(now time.Time) {
	if now.Sub(c.lastFail) >= lockoutWindow {
		c.failures = 0
	}
	c.failures++
	c.lastFail = now
	if c.failures >= lockoutAfter {
		c.failures = 0
		c.locked = now.Add(lockoutFor)
	}
}

func (c *call) renew() (any, error) {
	if issues := need(c.body, nil, "accessToken"); issues != nil {
		return nil, invalid(issues...)
	}
	now := c.store.now()
	opened, err := c.store.auth.verify(c.param("accessToken"), now)
	if err != nil {
		return nil, err
	}
	return c.store.auth.grant(opened, now), nil
}

func (c *call) revoke() (any, error) {
	if issues := need(c.body, nil, "accessToken"); issues != nil {
		return nil, invalid(issues...)
	}
	opened, err := c.store.auth.verify(c.param("accessToken"), c.store.now())
	if err != nil {
		return nil, err
	}
	opened.revoked = true
	return map[string]string{"message": "Successfully revoked access token"}, nil
}

// grant makes a token for a session: of the identity's TTL, and never past the
// maximum TTL after the login.
func (a *authority) grant(s *session, now time.Time) grant {
	end := s.created.Truncate(time.Second).Add(s.who.MaxTTL)
	expires := min(now.Unix()+int64(s.who.TTL.Seconds()), end.Unix())
	return grant{
		AccessToken: a.sign(claims{
			IdentityID: s.who.id, TokenID: s.id, Type: "identityAccessToken", Issued: now.Unix(), Expires: expires,
		}),
		ExpiresIn:         expires - now.Unix(),
		AccessTokenMaxTTL: int64(s.who.MaxTTL.Seconds()),
		TokenType:         "Bearer",
	}
}

// forget drops the sessions that no renewal can bring back.
func (a *authority) forget(now time.Time) {
	maps.DeleteFunc(a.sessions, func(_ string, s *session) bool {
		return now.After(s.created.Add(s.who.MaxTTL))
	})
}

// bearer returns the identity that an Authorization header proves.
func (a *authority) bearer(header string, now time.Time) (Identity, error) {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || token == "" {
		return Identity{}, unauthorized("Token missing")
	}
	s, err := a.verify(token, now)
	if err != nil {
		return Identity{}, err
	}
	return s.who.Identity, nil
}

// sign returns the JSON web token of c.
func (a *authority) sign(c claims) string {
	payload, _ := json.Marshal(c) // strings and integers always marshal
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(payload)
	return text + "." + encode(a.mac(text))
}

// verify returns the session of a token that is whole, ours, in time and not
// revoked.
func (a *authority) verify(token string, now time.Time) (*session, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, forbidden("TokenError", tokenMalformed, nil)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, forbidden("TokenError", tokenMalformed, nil)
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, forbidden("TokenError", tokenMalformed, nil)
	}
	if parts[2] != encode(a.mac(parts[0]+"."+parts[1])) {
		return nil, forbidden("TokenError", tokenForged, nil)
	}
	s, ok := a.sessions[c.TokenID]
	if !ok || s.expired || now.Unix() >= c.Expires {
		return nil, forbidden("TokenError", tokenExpired, nil)
	}
	if s.revoked {
		return nil, unauthorized(tokenRevoked)
	}
	return s, nil
}

func (a *authority) mac(text string) []byte {
	h := hmac.New(sha256.New, a.key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
