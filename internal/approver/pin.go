package approver

import (
	"bytes"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What a PIN may be long.
const (
	minCharacters = 8
	maxBytes      = 128
	maxTyped      = 4 * maxBytes // before it is normalised, which can shorten it
)

// ErrBadPIN is what every PIN gives that may not be set. The sentence around it
// says why, and never holds the PIN.
var ErrBadPIN = errors.New("this cannot be a PIN")

// normalised returns the one form of what was typed: NFC, without space around
// it, so that the same keys give the same PIN on every system. It reports false
// for what no PIN can be. The result is the caller's to wipe.
func normalised(typed []byte) ([]byte, bool) {
	if len(typed) > maxTyped || !utf8.Valid(typed) {
		return nil, false
	}
	form := norm.NFC.Append(make([]byte, 0, 2*maxTyped), bytes.TrimSpace(typed)...)
	if len(form) == 0 || len(form) > maxBytes {
		wipe(form)
		return nil, false
	}
	return form, true
}

// CheckPIN returns why typed may not be set as a PIN, or nil. The error is
// ErrBadPIN.
func CheckPIN(typed []byte) error {
	pin, ok := normalised(typed)
	defer wipe(pin)
	if why := weakness(pin, ok); why != "" {
		return fmt.Errorf("%w: %s: choose eight characters or more that nobody would guess", ErrBadPIN, why)
	}
	return nil
}

// weakness says what is wrong with a PIN, or "".
func weakness(pin []byte, valid bool) string {
	switch {
	case !valid:
		return fmt.Sprintf("it is empty, longer than %d bytes, or no text", maxBytes)
	case bytes.ContainsFunc(pin, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "it holds a character that cannot be seen"
	case characters(pin) < minCharacters:
		return fmt.Sprintf("it has fewer than %d characters", minCharacters)
	case isRun(pin, 0):
		return "it is one character again and again"
	case isRun(pin, 1), isRun(pin, -1):
		return "it is a run, such as 12345678"
	case isUsual(pin):
		return "it is among the most usual ones"
	}
	return ""
}

// characters counts what a person takes for a character: a mark belongs to the
// one before it.
func characters(pin []byte) int {
	n := 0
	for _, r := range string(pin) { // which the compiler does not copy
		if !unicode.Is(unicode.M, r) {
			n++
		}
	}
	return n
}

// isRun reports whether each character is the one before it and step more. 0
// follows 9, and 9 comes before 0.
func isRun(pin []byte, step rune) bool {
	last, rest := nextRune(pin)
	for len(rest) > 0 {
		var r rune
		r, rest = nextRune(rest)
		around := step == 1 && last == '9' && r == '0' || step == -1 && last == '0' && r == '9'
		if r != last+step && !around {
			return false
		}
		last = r
	}
	return true
}

func nextRune(text []byte) (rune, []byte) {
	r, size := utf8.DecodeRune(text)
	return unicode.ToLower(r), text[size:]
}

func isUsual(pin []byte) bool {
	for _, usual := range usualPINs() {
		if bytes.EqualFold(pin, []byte(usual)) {
			return true
		}
	}
	return false
}

// usualPINs are those that head every list of what people choose, of eight
// characters or more, and what one thinks of in front of scrim.
func usualPINs() []string {
	return []string{
		"password", "password1", "password12", "password123", "passw0rd", "p@ssw0rd", "p@ssword", "passwort", "iloveyou",
		"qwertyui", "qwertyuiop", "qwerty12", "qwerty123", "qwertz123", "asdfghjk", "asdfghjkl", "azertyui", "azertyuiop",
		"1q2w3e4r", "1q2w3e4r5t", "q1w2e3r4", "1qaz2wsx", "zaq12wsx", "qazwsxedc", "1234qwer", "qwer1234", "asdf1234",
		"abcd1234", "1234abcd", "abc12345", "12345abc", "a1b2c3d4", "aa123456", "a1234567", "1234567a",
		"12341234", "12121212", "11223344", "44332211", "12344321", "11112222", "10101010", "12312312", "123123123",
		"11223344556", "1234512345", "123454321", "123456781", "147258369", "987654321a", "31415926", "314159265", "27182818",
		"sunshine", "princess", "football", "baseball", "superman", "trustno1", "letmein1", "welcome1", "changeme",
		"starwars", "computer", "whatever", "internet", "michelle", "jennifer", "corvette", "mercedes", "maverick", "liverpool",
		"admin123", "administrator", "secret123", "infisical", "infisical1", "scrimscrim", "approver", "approved",
	}
}

// wipe overwrites what is no longer needed.
func wipe(text []byte) { clear(text[:cap(text)]) }
