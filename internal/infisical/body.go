package infisical

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"scrim/internal/secret"
)

// once is a field that has to be there, once, and not be null. Without it, a
// body of null reads as an empty folder, and a second list in one body is laid
// over the elements of the first.
type once[T any] struct{ v *T }

var errNotOnce = errors.New("a field is null or repeated")

func (o *once[T]) UnmarshalJSON(data []byte) error {
	if o.v != nil || string(data) == "null" {
		return errNotOnce
	}
	o.v = new(T)
	return json.Unmarshal(data, o.v)
}

// rawSecret is a secret as the store sends it, with what the SDK's model drops.
type rawSecret struct {
	Key         string  `json:"secretKey"`
	Value       *string `json:"secretValue"`
	Hidden      bool    `json:"secretValueHidden"`
	Type        string  `json:"type"`
	Environment string  `json:"environment"`
	Path        string  `json:"secretPath"`
	Version     int     `json:"version"`
	UpdatedAt   string  `json:"updatedAt"` // not sent for imports
	Comment     string  `json:"secretComment"`
	Tags        []struct {
		Slug string `json:"slug"`
		Name string `json:"name"`
	} `json:"tags"`
}

// value returns the secret's value, or the zero Value where it is hidden.
func (s rawSecret) value() secret.Value {
	if s.Hidden || s.Value == nil {
		return secret.Value{}
	}
	return secret.NewValue(*s.Value)
}

// entry returns what discovery may say of s, addressed as ref.
func (s rawSecret) entry(ref secret.Ref) secret.Entry {
	updated, _ := time.Parse(time.RFC3339, s.UpdatedAt)
	var tags []string
	for _, tag := range s.Tags {
		tags = append(tags, cmp.Or(tag.Slug, tag.Name))
	}
	return secret.Entry{Ref: ref, Version: s.Version, UpdatedAt: updated, Comment: s.Comment, Tags: tags}
}

type rawImport struct {
	Environment string      `json:"environment"`
	Path        string      `json:"secretPath"`
	Secrets     []rawSecret `json:"secrets"`
}

type rawListing struct {
	Secrets once[[]rawSecret] `json:"secrets"`
	Imports once[[]rawImport] `json:"imports"`
}

// decodeListing reads the list of a folder and flattens its imports into it:
// the folder's own secrets win over them, and of imports the last, as the store
// itself resolves them. A personal override counts only without a shared secret
// of its name. Without values, it keeps none even if the store sent them.
func decodeListing(body []byte, at place, values bool) (secret.Listing, error) {
	var raw rawListing
	if json.Unmarshal(body, &raw) != nil || raw.Secrets.v == nil {
		return secret.Listing{}, badResponse("it is no list of secrets")
	}
	f := flattener{at: at, values: values, seen: map[string]bool{}}
	f.add(*raw.Secrets.v, "")
	if raw.Imports.v != nil {
		for _, imported := range slices.Backward(*raw.Imports.v) {
			f.add(imported.Secrets, origin(imported.Environment, imported.Path))
			if at, err := newPlace(imported.Environment, imported.Path); err == nil && len(imported.Secrets) == 0 {
				f.out.Silent = append(f.out.Silent, secret.Place{Environment: at.env, Path: at.path})
			}
		}
	}
	return f.sorted()
}

// decodeOwn reads the list of a folder that follows no import. A store that lists
// what is below it as well does not make that the folder's own.
func decodeOwn(body []byte, at place) (secret.Listing, error) {
	var raw rawListing
	if json.Unmarshal(body, &raw) != nil || raw.Secrets.v == nil {
		return secret.Listing{}, badResponse("it is no list of secrets")
	}
	f := flattener{at: at, values: true, seen: map[string]bool{}}
	f.add(slices.DeleteFunc(*raw.Secrets.v, func(s rawSecret) bool { return s.Path != "" && s.Path != at.path }), "")
	return f.sorted()
}

// flattener gathers the secrets of a folder, the first of each name.
type flattener struct {
	at       place
	values   bool
	seen     map[string]bool
	out      secret.Listing
	nameless bool
}

// sorted returns what was gathered, by name.
func (f *flattener) sorted() (secret.Listing, error) {
	if f.nameless {
		return secret.Listing{}, badResponse("it has a secret without a name")
	}
	slices.SortFunc(f.out.Secrets, func(a, b secret.Listed) int {
		return strings.Compare(a.Entry.Ref.Name(), b.Entry.Ref.Name())
	})
	return f.out, nil
}

// add adds what is new in list, personal overrides last.
func (f *flattener) add(list []rawSecret, imported string) {
	for _, personal := range []bool{false, true} {
		for _, s := range list {
			if (s.Type == "personal") == personal {
				f.addOne(s, imported)
			}
		}
	}
}

func (f *flattener) addOne(s rawSecret, imported string) {
	f.nameless = f.nameless || s.Key == ""
	if f.seen[s.Key] {
		return
	}
	f.seen[s.Key] = true
	var value secret.Value
	if f.values {
		value = s.value()
	}
	ref, err := secret.ParseRef(f.at.env, f.at.path, s.Key)
	if err != nil {
		f.out.Refused = append(f.out.Refused, value)
		return
	}
	f.out.Secrets = append(f.out.Secrets, secret.Listed{Entry: s.entry(ref), Value: value, Imported: imported})
}

// decodeSecret reads the answer to a request for the secret at ref.
func decodeSecret(body []byte, ref secret.Ref) (secret.Listed, error) {
	var raw struct {
		Secret once[rawSecret] `json:"secret"`
	}
	if json.Unmarshal(body, &raw) != nil || raw.Secret.v == nil {
		return secret.Listed{}, badResponse("it is no secret")
	}
	s := *raw.Secret.v
	if s.Key != ref.Name() {
		return secret.Listed{}, badResponse("it is another secret than was asked for")
	}
	listed := secret.Listed{Entry: s.entry(ref), Value: s.value()}
	if s.Environment != "" && s.Path != "" && (s.Environment != ref.Environment() || s.Path != ref.Path()) {
		listed.Imported = origin(s.Environment, s.Path)
	}
	return listed, nil
}

// decodeFolders reads a list of folders.
func decodeFolders(body []byte) ([]string, error) {
	var raw struct {
		Folders once[[]struct {
			Name string `json:"name"`
		}] `json:"folders"`
	}
	if json.Unmarshal(body, &raw) != nil || raw.Folders.v == nil {
		return nil, badResponse("it is no list of folders")
	}
	list := make([]string, 0, len(*raw.Folders.v))
	for _, folder := range *raw.Folders.v {
		list = append(list, folder.Name)
	}
	return list, nil
}

// origin returns "env:/path" of an import.
func origin(env, path string) string {
	if at, err := newPlace(env, path); err == nil {
		return at.String()
	}
	return "elsewhere"
}
