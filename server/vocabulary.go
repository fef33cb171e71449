package server

import (
	"encoding/json"
	"maps"
	"slices"

	"scrim/redact"
	"scrim/tools"
)

// Vocabulary returns the words of the tools' own schemas, prompts and resources:
// the names of fields, and the closed sets of words that a field can have. A
// redactor lets these through in their places, so that a secret that happens to
// hold "injected" cannot break the protocol.
func Vocabulary() redact.Vocabulary {
	keys := map[string]bool{"anthropic/requiresUserInteraction": true}
	values := map[string][]string{"name": {"scrim"}, "title": {"scrim"}}
	schemas := []json.RawMessage{tools.Form()}
	for _, tool := range tools.All(tools.Deps{}) {
		values["name"] = append(values["name"], tool.Tool.Name)
		schemas = append(schemas, tool.Tool.RawInputSchema, tool.Tool.RawOutputSchema)
	}
	for _, prompt := range tools.Prompts(tools.Deps{}) {
		values["name"] = append(values["name"], prompt.Prompt.Name)
	}
	for _, resource := range tools.Resources(tools.Deps{}) {
		values["name"] = append(values["name"], resource.Resource.Name)
		values["uri"] = append(values["uri"], resource.Resource.URI)
	}
	for _, raw := range schemas {
		var schema map[string]any
		if json.Unmarshal(raw, &schema) == nil {
			collect(schema, keys, values)
		}
	}
	return redact.Vocabulary{Keys: slices.Sorted(maps.Keys(keys)), Values: values}
}

// collect walks a JSON Schema for the names of properties and their enums.
func collect(schema map[string]any, keys map[string]bool, values map[string][]string) {
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		keys[name] = true
		inner, ok := property.(map[string]any)
		if !ok {
			continue
		}
		words, _ := inner["enum"].([]any)
		for _, word := range words {
			if text, ok := word.(string); ok {
				values[name] = append(values[name], text)
			}
		}
		collect(inner, keys, values)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		collect(items, keys, values)
	}
}
