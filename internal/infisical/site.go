package infisical

import (
	"errors"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// site is the one server that the credentials belong to.
type site struct {
	scheme, host string
	api          string // path of the API, such as "/api"
}

// parseSite reads a base URL, with or without "/api" at its end. Its errors do
// not echo raw, which may hold a password.
func parseSite(raw string) (site, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return site{}, errors.New("it is not a URL such as https://app.infisical.com")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return site{}, errors.New("it has a user, a query or a fragment; only scheme, host and path belong there")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return site{}, errors.New("it has to be https (http is for loopback only)")
	}
	base := strings.TrimRight(u.Path, "/")
	if u.RawPath != "" || u.EscapedPath() != u.Path || (base != "" && path.Clean(base) != base) {
		return site{}, errors.New("its path has dots, double slashes or escapes in it")
	}
	return site{
		scheme: u.Scheme,
		host:   strings.ToLower(u.Host),
		api:    strings.TrimSuffix(base, "/api") + "/api",
	}, nil
}

// base is what the SDK's paths are appended to.
func (s site) base() string { return s.scheme + "://" + s.host + s.api }

// owns reports whether a request to u may carry the credentials.
func (s site) owns(u *url.URL) bool {
	return u.Scheme == s.scheme && strings.EqualFold(u.Host, s.host) && u.User == nil &&
		u.RawPath == "" && path.Clean(u.Path) == u.Path && strings.HasPrefix(u.Path, s.api+"/")
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
