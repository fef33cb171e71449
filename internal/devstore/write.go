package devstore

import (
	"strings"
)

// writing is a write, once it is checked: where, and which secrets.
type writing struct {
	env    string
	asked  string // the path as it was sent
	folder *folder
	inputs []input
}

// input is one secret of a write.
type input struct {
	name    string
	value   *string
	comment *string
	skip    *bool
}

// single checks a write of the secret that the route names.
func (c *call) single(kind string, action Action, fields ...string) (writing, error) {
	issues := nameIssues([]any{"secretName"}, c.vars["name"])
	issues = append(issues, need(c.body, nil, append([]string{"environment"}, fields...)...)...)
	if issues != nil {
		return writing{}, invalid(issues...)
	}
	return c.writingOf(kind, action, []input{inputOf(c.vars["name"], c.body)})
}

// many checks a write of the secrets that the body lists.
func (c *call) many(kind string, action Action, fields ...string) (writing, error) {
	list, _ := c.body["secrets"].([]any)
	issues := need(c.body, nil, "environment")
	inputs := make([]input, 0, len(list))
	for i, element := range list {
		body, _ := element.(map[string]any)
		at := []any{"secrets", i}
		issues = append(issues, need(body, at, append([]string{"secretKey"}, fields...)...)...)
		name, _ := body["secretKey"].(string)
		if name != "" {
			issues = append(issues, nameIssues(append(at, "secretKey"), name)...)
		}
		inputs = append(inputs, inputOf(name, body))
	}
	if len(list) == 0 {
		issues = append(issues, issue{Code: "too_small", Path: []any{"secrets"}, Message: "Array must contain at least 1 element(s)"})
	}
	if issues != nil {
		return writing{}, invalid(issues...)
	}
	return c.writingOf(kind, action, inputs)
}

// writingOf checks the project, the folder and the permission of a write.
func (c *call) writingOf(kind string, action Action, inputs []input) (writing, error) {
	if err := c.member(); err != nil {
		return writing{}, err
	}
	w := writing{env: c.param("environment"), asked: trimSlash(c.param("secretPath")), inputs: inputs}
	if w.asked == "" {
		w.asked = "/"
	}
	if w.folder = c.store.find(w.env, w.asked); w.folder == nil {
		return writing{}, missingFolder(kind, w.asked, w.env)
	}
	return w, require(c.rules, action, Secrets, w.folder.path())
}

func inputOf(name string, body map[string]any) input {
	in := input{name: name}
	if value, ok := body["secretValue"].(string); ok {
		value = trimValue(value)
		in.value = &value
	}
	if comment, ok := body["secretComment"].(string); ok {
		comment = strings.TrimSpace(comment)
		in.comment = &comment
	}
	if skip, ok := body["skipMultilineEncoding"].(bool); ok {
		in.skip = &skip
	}
	return in
}

// nameIssues returns what is wrong with the name of a secret to write.
func nameIssues(at []any, name string) []issue {
	if !strings.ContainsAny(name, ":/") {
		return nil
	}
	return []issue{{Code: "custom", Path: at, Message: "Secret name cannot contain colon or forward slash."}}
}

// missing returns the names of w that its folder does not hold.
func (w writing) missing() []string {
	var names []string
	for _, in := range w.inputs {
		if _, ok := w.folder.secrets[in.name]; !ok {
			names = append(names, in.name)
		}
	}
	return names
}

// present returns the names of w that its folder holds.
func (w writing) present() []string {
	var names []string
	for _, in := range w.inputs {
		if _, ok := w.folder.secrets[in.name]; ok {
			names = append(names, in.name)
		}
	}
	return names
}

// apply writes one secret: what in leaves out stays as it is.
func (c *call) apply(w writing, in input) *storedSecret {
	value := ""
	if s, ok := w.folder.secrets[in.name]; ok {
		value = s.value
	}
	if in.value != nil {
		value = *in.value
	}
	s := w.folder.set(in.name, value, c.store.now())
	if in.comment != nil {
		s.comment = *in.comment
	}
	if in.skip != nil {
		s.skip = *in.skip
	}
	return s
}

// shown returns the head of a secret that was written, and whether its value is
// hidden from the identity that wrote it.
func (c *call) shown(w writing, s *storedSecret) (wireHead, wireHidden) {
	if allows(c.rules, ReadValue, Secrets, w.folder.path()) {
		return c.head(w.env, s, s.value), wireHidden{}
	}
	return c.head(w.env, s, hiddenValue), wireHidden{true}
}

func (c *call) created(w writing, in input) createdSecret {
	s := c.apply(w, in)
	head, _ := c.shown(w, s)
	return createdSecret{wireHead: head, wireDates: datesOf(s)}
}

func (c *call) updated(w writing, in input) updatedSecret {
	s := c.apply(w, in)
	head, hidden := c.shown(w, s)
	return updatedSecret{createdSecret{wireHead: head, wireDates: datesOf(s)}, hidden}
}

func (c *call) removed(w writing, in input) removedSecret {
	s := w.folder.remove(in.name, c.store.now())
	head, hidden := c.shown(w, s)
	return removedSecret{head, datesOf(s), hidden}
}

func (c *call) create() (any, error) {
	w, err := c.single("CreateSecret", Create, "secretValue")
	if err != nil {
		return nil, err
	}
	if w.present() != nil {
		return nil, badRequest("Secret already exists")
	}
	return map[string]createdSecret{"secret": c.created(w, w.inputs[0])}, nil
}

func (c *call) update() (any, error) {
	w, err := c.single("UpdateSecret", Edit)
	if err != nil {
		return nil, err
	}
	if w.missing() != nil {
		return nil, notFound("NotFound", "Secret with name %s not found", w.inputs[0].name)
	}
	return map[string]updatedSecret{"secret": c.updated(w, w.inputs[0])}, nil
}

func (c *call) remove() (any, error) {
	w, err := c.single("DeleteSecret", Remove)
	if err != nil {
		return nil, err
	}
	if w.missing() != nil {
		return nil, notFound("NotFound", "Secret not found")
	}
	return map[string]removedSecret{"secret": c.removed(w, w.inputs[0])}, nil
}

// createMany creates all the secrets of a batch or none.
func (c *call) createMany() (any, error) {
	w, err := c.many("CreateManySecret", Create, "secretValue")
	if err != nil {
		return nil, err
	}
	if names := w.present(); names != nil {
		return nil, badRequest("Secret already exists: " + strings.Join(names, ","))
	}
	return batch(w, c.created), nil
}

// updateMany updates all the secrets of a batch or none.
func (c *call) updateMany() (any, error) {
	w, err := c.many("UpdateManySecret", Edit)
	if err != nil {
		return nil, err
	}
	if names := w.missing(); names != nil {
		return nil, notFound("NotFound", "Secret does not exist: %s", strings.Join(names, ","))
	}
	return batch(w, c.updated), nil
}

// removeMany removes all the secrets of a batch or none.
func (c *call) removeMany() (any, error) {
	w, err := c.many("DeleteManySecret", Remove)
	if err != nil {
		return nil, err
	}
	if names := w.missing(); names != nil {
		return nil, notFound("NotFound", "Secret does not exist: %s", strings.Join(names, ","))
	}
	return batch(w, c.removed), nil
}

// batch applies one to each secret of w, a name that comes twice once.
func batch[T any](w writing, one func(writing, input) T) map[string][]T {
	out := make([]T, 0, len(w.inputs))
	done := map[string]bool{}
	for _, in := range w.inputs {
		if !done[in.name] {
			out = append(out, one(w, in))
		}
		done[in.name] = true
	}
	return map[string][]T{"secrets": out}
}
