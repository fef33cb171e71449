package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// defaultSite is Infisical's own cloud, as in Infisical's command line.
const defaultSite = "https://app.infisical.com"

// site returns the site that the credentials belong to. The repository's
// site_url can agree with it; it never decides where credentials go.
func (l *loader) site(c Credentials) (string, error) {
	stated, err := parsed(first(l.env("INFISICAL_API_URL"), l.user.siteURL()))
	if err != nil {
		return "", err
	}
	repo, err := parsed(l.repo.siteURL())
	if err != nil {
		return "", err
	}
	site := stated
	switch {
	case c.Site == "" && !stated.stated():
		site = setting{defaultSite, byDefault}
	case c.Site != "" && stated.stated() && stated.value != c.Site:
		return "", &Error{stated.origin, "this is " + stated.value + " and the credentials in " + c.Source + " belong to " + c.Site, "unset one, or log in to the other site"}
	case c.Site != "":
		site = setting{c.Site, c.Source}
	}
	if repo.stated() && repo.value != site.value {
		return "", &Error{repo.origin, "site_url is " + repo.value + " and your credentials belong to " + site.value, "remove site_url here, or say in your own scrim/config.toml that it is your site"}
	}
	l.origins["site_url"] = site.origin
	return site.value, nil
}

// parsed returns s with its site in canonical form.
func parsed(s setting) (setting, error) {
	if !s.stated() {
		return s, nil
	}
	site, err := parseSite(s.value)
	if err != nil {
		return setting{}, &Error{s.origin, err.Error(), "write it as https://HOST"}
	}
	return setting{site, s.origin}, nil
}

// What parseSite refuses. The messages never hold the input, which may carry a
// password.
var (
	errBadSite   = errors.New("a site is https://HOST with an optional port and path, and nothing else")
	errPlainSite = errors.New("a site is reached by https; http is for this computer alone")
)

// parseSite returns the canonical form of a site's address, such as
// https://secrets.example.org or http://127.0.0.1:8080: two addresses of one
// site have the same form. The "/api" that Infisical's own tools write at its
// end is dropped.
func parseSite(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "" || strings.HasSuffix(address, "#") {
		return "", errBadSite
	}
	host, err := hostOf(u)
	if err != nil {
		return "", err
	}
	switch {
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", errPlainSite
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errBadSite
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api")
	if strings.HasSuffix(path, "/api") {
		return "", errBadSite // its canonical form would be taken for another site's address
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if path != "" && !isWord(segment, 64) {
			return "", errBadSite
		}
	}
	return u.Scheme + "://" + host + path, nil
}

// hostOf returns the host in lower case, with the port where it is not the
// scheme's own.
func hostOf(u *url.URL) (string, error) {
	name := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(name); err != nil && !isHostName(name) || strings.Contains(name, "%") {
		return "", errBadSite
	}
	port := u.Port()
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case port == "" && !strings.HasSuffix(u.Host, ":"):
	case err != nil || n == 0:
		return "", errBadSite
	case u.Scheme == "https" && n == 443, u.Scheme == "http" && n == 80:
	default:
		return net.JoinHostPort(name, strconv.FormatUint(n, 10)), nil
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]", nil
	}
	return name, nil
}

// isHostName reports whether name is dot-separated labels of letters, digits
// and hyphens.
func isHostName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if !isWord(label, 63) || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
	}
	return len(name) <= 253
}

// isLoopback reports whether host is this computer.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
