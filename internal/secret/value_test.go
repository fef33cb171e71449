package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"scrim/internal/secret"
)

const plaintext = "made-up-plaintext-0123456789"

type exported struct{ V secret.Value }

type unexported struct{ v secret.Value }

type nested struct {
	in *unexported
}

type failure struct{ v secret.Value }

func (f failure) Error() string { return fmt.Sprint("failure with ", f.v) }

func shapes() map[string]any {
	v := secret.NewValue(plaintext)
	return map[string]any{
		"value":          v,
		"pointer":        &v,
		"exported":       exported{v},
		"exported ptr":   &exported{v},
		"unexported":     unexported{v},
		"unexported ptr": &unexported{v},
		"nested":         nested{&unexported{v}},
		"slice":          []secret.Value{v, v},
		"array":          [2]secret.Value{v, v},
		"map":            map[string]secret.Value{"k": v},
		"map of structs": map[string]unexported{"k": {v}},
		"any":            []any{v, unexported{v}},
		"error":          failure{v},
		"wrapped error":  fmt.Errorf("wrap: %w", failure{v}),
		"joined errors":  errors.Join(failure{v}, failure{v}),
		"func":           func() secret.Value { return v },
		"chan":           make(chan secret.Value, 1),
	}
}

func TestValueNeverPrints(t *testing.T) {
	t.Parallel()
	verbs := "vTtbcdoOqxXUeEfFgGspw"
	flags := []string{"", "+", "#", "-", " ", "0", "40", ".3", "+40.3"}
	for name, shape := range shapes() {
		for _, verb := range verbs {
			for _, flag := range flags {
				format := "%" + flag + string(verb)
				mustNotHold(t, name+" "+format, fmt.Sprintf(format, shape))
			}
		}
		mustNotHold(t, name+" print", fmt.Sprint(shape)+fmt.Sprintln(shape))
	}
}

func TestValueNeverEncodes(t *testing.T) {
	t.Parallel()
	encoders := map[string]func(any) ([]byte, error){
		"json":        json.Marshal,
		"json indent": func(v any) ([]byte, error) { return json.MarshalIndent(v, "", " ") },
		"xml":         xml.Marshal,
		"toml":        toml.Marshal,
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
		"slog text": func(v any) ([]byte, error) { return logged(v, false), nil },
		"slog json": func(v any) ([]byte, error) { return logged(v, true), nil },
	}
	for name, shape := range shapes() {
		for encoder, encode := range encoders {
			out, err := encode(shape)
			mustNotHold(t, name+" "+encoder, string(out)+fmt.Sprint(err))
		}
	}
}

func logged(v any, asJSON bool) []byte {
	var b bytes.Buffer
	var h slog.Handler = slog.NewTextHandler(&b, nil)
	if asJSON {
		h = slog.NewJSONHandler(&b, nil)
	}
	log := slog.New(h).With("with", v)
	log.WithGroup("group").Info("message", "attr", v, slog.Group("inner", "deep", v))
	return b.Bytes()
}

// mustNotHold fails where out holds any eight bytes of the plaintext in a row,
// as text, hex or in reverse order of case.
func mustNotHold(t *testing.T, what, out string) {
	t.Helper()
	forms := []string{plaintext, fmt.Sprintf("%x", plaintext), fmt.Sprintf("%X", plaintext), fmt.Sprintf("%d", []byte(plaintext))}
	for _, form := range forms {
		for i := 0; i+8 <= len(form); i++ {
			if strings.Contains(out, form[i:i+8]) {
				t.Fatalf("%s prints plaintext: %s", what, out)
			}
		}
	}
}

func TestZeroValueIsEmpty(t *testing.T) {
	t.Parallel()
	var v secret.Value
	if v.Reveal() != "" || !v.IsZero() || secret.NewValue("").IsZero() {
		t.Fatal("the zero Value must be empty and tell itself from a stored empty one")
	}
}
