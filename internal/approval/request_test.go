package approval_test

import (
	"maps"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"scrim/internal/approval"
	"scrim/internal/secret"
	"scrim/policy"
)

func draw(t *rapid.T) approval.Request {
	word := rapid.StringN(0, 4, -1)
	texts := rapid.SliceOfN(word, 0, 3)
	refs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) secret.Ref {
		slug := rapid.StringMatching("[a-z]{1,3}")
		r, err := secret.ParseRef(slug.Draw(t, "env"), "/"+slug.Draw(t, "path"), slug.Draw(t, "name"))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}), 0, 3)
	return approval.Request{
		Scope: secret.Scope{
			Site: word.Draw(t, "site"), ProjectID: word.Draw(t, "id"), Environment: word.Draw(t, "environment"),
			Stated: rapid.Bool().Draw(t, "stated"), Project: word.Draw(t, "project"), Path: word.Draw(t, "path"),
			VaultPath: word.Draw(t, "vault"), VaultEnvironments: texts.Draw(t, "vault environments"),
			StagingPath: word.Draw(t, "staging"), SharedPath: word.Draw(t, "shared"),
			SharedStated: rapid.Bool().Draw(t, "shared stated"),
		},
		Refs: refs.Draw(t, "refs"), Delivery: policy.Delivery(word.Draw(t, "delivery")), Command: texts.Draw(t, "command"),
		Dir: word.Draw(t, "dir"), Program: word.Draw(t, "program"), ProgramSHA256: word.Draw(t, "hash"), Purpose: word.Draw(t, "purpose"), Agent: word.Draw(t, "agent"),
	}
}

// leaves lists the fields of v that are not structs themselves.
func leaves(v reflect.Value, path string) map[string]reflect.Value {
	found := map[string]reflect.Value{}
	for field, value := range v.Fields() {
		name := path + field.Name
		if field.Type == reflect.TypeFor[secret.Scope]() {
			maps.Copy(found, leaves(value, name+"."))
			continue
		}
		found[name] = value
	}
	return found
}

// TestEveryFieldIsInTheDigest finds the fields by reflection, so that a new
// field of Request or Scope that the digest leaves out fails here.
func TestEveryFieldIsInTheDigest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := draw(t)
		for name := range leaves(reflect.ValueOf(before), "") {
			after := before
			field := leaves(reflect.ValueOf(&after).Elem(), "")[name]
			switch field.Kind() {
			case reflect.String:
				field.SetString(field.String() + "x")
			case reflect.Bool:
				field.SetBool(!field.Bool())
			case reflect.Slice:
				grown := reflect.MakeSlice(field.Type(), field.Len()+1, field.Len()+1)
				reflect.Copy(grown, field)
				field.Set(grown)
			default:
				t.Fatalf("%s: a kind of field that this test does not know", name)
			}
			if before.Digest() == after.Digest() {
				t.Fatalf("%s is not in the digest", name)
			}
		}
	})
}

// TestDigestsAreUnambiguous: requests with one digest are one request, however
// their texts run into each other.
func TestDigestsAreUnambiguous(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t), draw(t)
		if (a.Digest() == b.Digest()) != same(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
	split := func(command ...string) [32]byte { return approval.Request{Command: command}.Digest() }
	if split("ab", "c") == split("a", "bc") || split("a") == split("a", "") || split() == split("") {
		t.Error("texts run into each other")
	}
	if (approval.Request{Dir: "a", Purpose: "b"}).Digest() == (approval.Request{Dir: "ab"}).Digest() {
		t.Error("fields run into each other")
	}
}

// same compares two requests, a nil slice being an empty one.
func same(a, b approval.Request) bool {
	for name, left := range leaves(reflect.ValueOf(a), "") {
		right := leaves(reflect.ValueOf(b), "")[name]
		if left.Kind() == reflect.Slice && left.Len() == 0 && right.Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(left.Interface(), right.Interface()) {
			return false
		}
	}
	return true
}
