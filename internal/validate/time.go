package validate

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"

	"scrim/internal/secret"
)

// soon is how long before its end a certificate or a token is worth a warning.
const soon = 30 * 24 * time.Hour

// hasExpiredCertificate and hasExpiringCertificate look at a chain as a whole: it
// ends with the first of its certificates to end. A bundle of authorities, of
// which one may be old, ends with the last.
func hasExpiredCertificate(s subject) bool {
	end, ok := s.chainEnd()
	return ok && end.Before(s.now)
}

func hasExpiringCertificate(s subject) bool {
	end, ok := s.chainEnd()
	return ok && !end.Before(s.now) && end.Before(s.now.Add(soon))
}

func (s subject) chainEnd() (time.Time, bool) {
	var first, last time.Time
	leaf := false
	for _, b := range s.blocks() {
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return time.Time{}, false
		}
		leaf = leaf || !c.IsCA
		if first.IsZero() || c.NotAfter.Before(first) {
			first = c.NotAfter
		}
		if c.NotAfter.After(last) {
			last = c.NotAfter
		}
	}
	if leaf {
		return first, true
	}
	return last, !last.IsZero()
}

func hasExpiredToken(s subject) bool {
	end, ok := s.tokenEnd()
	return ok && end.Before(s.now)
}

func hasExpiringToken(s subject) bool {
	end, ok := s.tokenEnd()
	return ok && !end.Before(s.now) && end.Before(s.now.Add(soon))
}

// tokenEnd returns when a signed JWT ends, where it says so. A value that nothing
// says to be a JWT, and reads as one, is one.
func (s subject) tokenEnd() (time.Time, bool) {
	if s.form != secret.JWT && (s.declared || !strings.HasPrefix(s.trimmed, "eyJ")) || !isJWT(s) {
		return time.Time{}, false
	}
	parts := strings.Split(s.trimmed, ".")
	if len(parts) != signedParts {
		return time.Time{}, false // its claims are encrypted
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1]) // isJWT decoded it
	var claims struct {
		End *float64 `json:"exp"`
	}
	const farthest = 1 << 40 // seconds: tens of thousands of years
	if json.Unmarshal(raw, &claims) != nil || claims.End == nil || math.Abs(*claims.End) > farthest {
		return time.Time{}, false
	}
	return time.Unix(int64(*claims.End), 0), true
}
