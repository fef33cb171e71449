package corpus

import "fmt"

// Secrets returns n values of the usual shapes, no two the same. Of every
// hundred, short ones have 8 to 15 bytes; all others, and the passwords of URLs
// among them, have 16 and more. The first ones are the same for every n.
func Secrets(n, short int) []string {
	s := newSource(1)
	values := make([]string, n)
	for i := range values {
		// 37 has no factor in common with 100, so that short ones are spread out.
		if i*37%100 < short {
			values[i] = s.text(s.between(8, 15), alphanumeric)
			continue
		}
		values[i] = s.secret(i)
	}
	return values
}

func (s source) secret(i int) string {
	switch i % 6 {
	case 0: // a provider's key: many share a prefix
		return s.pick("app_key_", "svc_token_", "pub-", "mk.v1.") + s.text(24, alphanumeric)
	case 1:
		return s.hex(32)
	case 2:
		return s.base64(40)
	case 3:
		return fmt.Sprintf("postgres://app:%s@db%d.example.test:5432/main", s.text(20, alphanumeric), i)
	case 4:
		return s.uuid()
	default: // what a password manager makes
		return s.text(s.between(16, 32), alphanumeric+"!#$*+,-./:;=@^_~")
	}
}
