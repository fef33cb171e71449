package validate

import (
	"strings"
	"unicode"
)

// wordsOf splits a name into its words, in capitals: at underscores, dashes and
// dots, and where a capital follows a small letter. There is one word at least.
func wordsOf(name string) []string {
	var words []string
	var word strings.Builder
	small := false
	flush := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range name {
		if r == '_' || r == '-' || r == '.' {
			flush()
			small = false
			continue
		}
		if small && unicode.IsUpper(r) {
			flush()
		}
		small = unicode.IsLower(r)
		word.WriteRune(unicode.ToUpper(r))
	}
	flush()
	if words == nil {
		return []string{""}
	}
	return words
}

// stage says whether an environment is production. The zero stage is unknown,
// and then neither a test value nor a live one is out of place.
type stage int

const (
	unknown stage = iota
	production
	elsewhere
)

// stageOf goes by the words of an environment's slug.
func stageOf(environment string) stage {
	at := unknown
	for _, word := range wordsOf(environment) {
		switch word {
		case "PRE", "NON", "NOT", "PREPROD", "NONPROD":
			return unknown // "pre-prod" has the word prod in it
		case "PROD", "PRODUCTION", "PRD", "LIVE":
			at = production
		case "DEV", "DEVELOPMENT", "TEST", "TESTING", "QA", "CI", "LOCAL", "STAGE", "STAGING", "SANDBOX", "PREVIEW", "DEMO", "UAT", "E2E":
			if at == production {
				return unknown
			}
			at = elsewhere
		}
	}
	return at
}
