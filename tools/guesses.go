package tools

import (
	"encoding/base64"
	"encoding/hex"
	"hash/maphash"
	"html"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/time/rate"
)

// What one session may have checked. A checker tells a guesser which of its
// guesses is right, so guesses are counted and not calls: a text is as many
// guesses at a longer value as it has bytes, and one at a short value for each
// word that could be one. A model writes less than this by itself.
const (
	textAtOnce     = maxText
	textPerMinute  = 4 << 10
	wordsAtOnce    = 500
	wordsPerMinute = strangeNamesPerMinute
	hitsAtOnce     = 50
	hitsPerMinute  = 5
)

// guesses bounds what a session learns from having texts checked. It is not
// safe for concurrent use: check_text takes one text at a time.
type guesses struct {
	text, words, hits *rate.Limiter

	seed maphash.Seed
	seen map[uint64]bool // words that were paid for: asking again tells nothing new
}

func newGuesses() *guesses {
	return &guesses{
		text:  rate.NewLimiter(textPerMinute/rate.Limit(60), textAtOnce),
		words: rate.NewLimiter(wordsPerMinute/rate.Limit(60), wordsAtOnce),
		hits:  rate.NewLimiter(hitsPerMinute/rate.Limit(60), hitsAtOnce),
		seed:  maphash.MakeSeed(), seen: map[uint64]bool{},
	}
}

// admit reports whether text may be checked now, and charges for it. It goes by
// the text and by what was told before, and not by what text holds.
func (g *guesses) admit(now time.Time, text string) bool {
	if g.hits.TokensAt(now) < 1 || !g.text.AllowN(now, len(text)) {
		return false
	}
	fresh := map[uint64]bool{}
	shortWords(text, decodings, func(word string) {
		if sum := maphash.String(g.seed, word); !g.seen[sum] {
			fresh[sum] = true
		}
	})
	if !g.words.AllowN(now, len(fresh)) {
		return false
	}
	for sum := range fresh {
		g.seen[sum] = true
	}
	return true
}

// told charges for names of known values that are about to be told. It may
// leave a debt, which the next texts wait for.
func (g *guesses) told(now time.Time, names int) {
	g.hits.ReserveN(now, min(names, hitsAtOnce))
}

// The lengths of the words that the redactor takes for a short value: with a
// digit, and apart from other words.
const (
	shortest = 6
	longest  = 7
)

// decodings is how many encodings in each other are looked through for short
// words, as the redactor does.
const decodings = 4

// encodedRun is what may be base64 or hex. The others are a byte in the escapes
// of a URL, of HTML, and of JSON, shells and languages; and what a terminal does
// not show.
var (
	encodedRun = regexp.MustCompile(`[0-9A-Za-z+/_-]{8,}`)
	percents   = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	entities   = regexp.MustCompile(`&#?[0-9A-Za-z]+;`)
	controls   = regexp.MustCompile(`\x1b(?:\[[0-?]*[@-~]|[\]PX^_][^\x00-\x1f]*(?:\x07|\x1b\\)|[ -/]*[0-~])|.\x08|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]`)
	escapes    = regexp.MustCompile(`\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|[0-7]{1,3}|[^0-9A-Za-z_])`)
)

// shortWords calls visit with each word of text that could be a short value,
// some more than once, also of what text encodes.
func shortWords(text string, depth int, visit func(string)) {
	for start := range len(text) {
		if isBorder(text, start) {
			for end := start + shortest; end <= min(len(text), start+longest); end++ {
				if word := text[start:end]; isBorder(text, end) && isShort(word) {
					visit(word)
				}
			}
		}
	}
	if depth == 0 {
		return
	}
	if shown := controls.ReplaceAllString(text, ""); shown != text {
		shortWords(shown, depth-1, visit)
	}
	for _, escaped := range []*regexp.Regexp{percents, entities, escapes} {
		if plain := escaped.ReplaceAllStringFunc(text, unescape); plain != text {
			shortWords(plain, depth-1, visit)
		}
	}
	for _, run := range encodedRun.FindAllString(text, -1) {
		for _, decoded := range decode(run) {
			shortWords(decoded, depth-1, visit)
		}
	}
}

// isBorder reports whether no word goes on at i.
func isBorder(text string, i int) bool {
	return i == 0 || i == len(text) || !isWord(text[i-1]) || !isWord(text[i])
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= utf8.RuneSelf
}

// isShort reports whether word, which is of the length of a short value, could
// be one: it has a digit, and no white space or control character.
func isShort(word string) bool {
	return strings.ContainsAny(word, "0123456789") && !strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r == '\x7f' })
}

// unescape returns what an escape stands for.
func unescape(escape string) string {
	digits, base := escape[1:], 16
	switch {
	case escape[0] == '&':
		return html.UnescapeString(escape)
	case escape[0] == '\\' && '0' <= escape[1] && escape[1] <= '7':
		base = 8
	case escape[0] == '\\' && strings.ContainsRune("xuU", rune(escape[1])):
		digits = strings.Trim(escape[2:], "{}")
	case escape[0] == '\\':
		return digits
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if err != nil || code > unicode.MaxRune {
		return escape
	}
	return string(rune(code)) // a byte that is no ASCII is in no word that anybody guesses
}

// decode returns what a run may be the base64 or the hex of, wherever it was
// cut.
func decode(run string) []string {
	var texts []string
	digits := strings.NewReplacer("-", "+", "_", "/").Replace(run)
	for skip := range 4 {
		whole := digits[skip:]
		if len(whole)%4 == 1 {
			whole = whole[:len(whole)-1] // it stands for less than a byte
		}
		if text, err := base64.RawStdEncoding.DecodeString(whole); err == nil {
			texts = append(texts, string(text))
		}
	}
	for skip := range 2 {
		whole := run[skip:]
		if text, err := hex.DecodeString(whole[:len(whole)/2*2]); err == nil {
			texts = append(texts, string(text))
		}
	}
	return texts
}
