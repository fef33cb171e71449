package corpus_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"scrim/internal/bench/corpus"
)

func TestSecretsAreDistinctAndOfTheirLengths(t *testing.T) {
	t.Parallel()
	for _, short := range []int{0, 10} {
		values := corpus.Secrets(1000, short)
		if !slices.Equal(values, corpus.Secrets(1000, short)) || !slices.Equal(values[:10], corpus.Secrets(10, short)) {
			t.Error("not the same each time")
		}
		seen, shorter := map[string]bool{}, 0
		for _, value := range values {
			if seen[value] || len(value) < 8 {
				t.Errorf("%q", value)
			}
			seen[value] = true
			if len(value) < 16 {
				shorter++
			}
		}
		if shorter != len(values)*short/100 {
			t.Errorf("%d of %d are short, want %d %%", shorter, len(values), short)
		}
	}
}

func TestTextsAreWhatTheirNamesSay(t *testing.T) {
	t.Parallel()
	const size = 1 << 16
	values := corpus.Secrets(100, 10)
	hidden := func(text []byte) bool {
		return slices.ContainsFunc(values, func(v string) bool { return bytes.Contains(text, []byte(v)) })
	}
	for name, text := range map[string][]byte{
		"log": corpus.Log(size), "json": corpus.JSON(size), "base64": corpus.Base64(size), "near": corpus.NearMisses(size, values, hidden),
	} {
		if len(text) != size || hidden(text) {
			t.Errorf("%s: %d bytes, holds a value: %v", name, len(text), hidden(text))
		}
	}
	if !bytes.Equal(corpus.Log(size), corpus.Log(size)) {
		t.Error("not the same each time")
	}
	lines := strings.Split(string(corpus.Hits(size, values, values)), "\n")
	for _, line := range lines[:len(lines)-1] {
		if !slices.Contains(values, line) {
			t.Fatalf("%q is no value", line)
		}
	}
}
