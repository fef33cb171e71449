package redact

import "slices"

// Vocabulary is public words that Frames lets through where they stand for
// themselves, so that a secret whose value happens to be one of them does not
// break the server. A word passes only as a whole key or a whole string in its
// own field; in any other text it is masked like every value.
type Vocabulary struct {
	// Keys are the names of fields: of the tools' arguments and results, of
	// forms, of _meta.
	Keys []string
	// Values are, by the name of the field, the closed set of words that it
	// may hold: {"status": {"injected", …}, "name": the tools' names}. They
	// hold too for arrays under that field.
	Values map[string][]string
}

// vocabulary is the server's words and the protocol's.
type vocabulary struct {
	keys   map[string]bool
	values map[string]map[string]bool
	words  map[string]bool // those of every field
}

func newVocabulary(ownWords func() Vocabulary) *vocabulary {
	var own Vocabulary
	if ownWords != nil {
		own = ownWords()
	}
	v := &vocabulary{keys: make(map[string]bool), values: make(map[string]map[string]bool), words: make(map[string]bool)}
	for _, key := range slices.Concat(protocolKeys(), schemaKeys(), own.Keys) {
		v.keys[key] = true
	}
	v.addValues(protocolValues())
	v.addValues(own.Values)
	return v
}

func (v *vocabulary) addValues(values map[string][]string) {
	for field, words := range values {
		v.keys[field] = true
		if v.values[field] == nil {
			v.values[field] = make(map[string]bool)
		}
		for _, word := range words {
			v.values[field][word] = true
			v.words[word] = true
		}
	}
}

func (v *vocabulary) isKey(key []byte) bool { return v.keys[string(key)] }

// isValue reports whether word is one that field holds. In a schema, required
// lists fields, and enum, const, default and examples the words of any field.
func (v *vocabulary) isValue(field, word []byte) bool {
	switch string(field) {
	case "required":
		return v.keys[string(word)]
	case "enum", "const", "default", "examples":
		return v.words[string(word)]
	}
	return v.values[string(field)][string(word)]
}

// protocolKeys are the names of the fields of JSON-RPC and MCP messages, up to
// version 2026-07-28.
func protocolKeys() []string {
	return []string{
		"jsonrpc", "id", "method", "params", "result", "error", "code", "message", "data", "_meta",
		"action", "annotations", "argument", "arguments", "audience", "blob", "cacheScope", "capabilities", "clientInfo",
		"completion", "completions", "content", "contents", "context", "costPriority", "createdAt", "cursor", "description",
		"destructiveHint", "elicitation", "elicitationId", "elicitations", "execution", "experimental", "extensions", "form",
		"hasMore", "hints", "icons", "idempotentHint", "includeContext", "inputRequests", "inputResponses", "inputSchema",
		"instructions", "intelligencePriority", "isError", "lastModified", "lastUpdatedAt", "level", "list", "listChanged",
		"logger", "logging", "maxTokens", "messages", "metadata", "mimeType", "mode", "model", "modelPreferences", "name",
		"negotiatedProtocolVersion", "nextCursor", "notifications", "openWorldHint", "outputSchema", "pollInterval", "priority",
		"progress", "progressToken", "prompt", "prompts", "promptsListChanged", "protocolVersion", "readOnlyHint", "reason",
		"ref", "requestId", "requestState", "requested", "requestedSchema", "requests", "requiredCapabilities", "resource",
		"resourceSubscriptions", "resourceTemplates", "resources", "resourcesListChanged", "resultType", "role", "roots",
		"sampling", "serverInfo", "size", "sizes", "speedPriority", "src", "status", "statusMessage", "stopReason",
		"stopSequences", "structuredContent", "subscribe", "supported", "supportedVersions", "systemPrompt", "task", "taskId",
		"taskSupport", "tasks", "temperature", "text", "theme", "title", "toolChoice", "toolUseId", "tools",
		"toolsListChanged", "total", "ttl", "ttlMs", "uri", "uriTemplate", "url", "value", "values", "version", "websiteUrl",
		"io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/clientInfo", "io.modelcontextprotocol/logLevel",
		"io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/related-task", "io.modelcontextprotocol/serverInfo",
		subscriptionID, "anthropic/requiresUserInteraction",
	}
}

// schemaKeys are the keywords of JSON Schema 2020-12 and draft-07.
func schemaKeys() []string {
	return []string{
		"$schema", "$id", "$ref", "$anchor", "$defs", "$comment", "definitions", "type", "title", "description", "default",
		"examples", "enum", "enumNames", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum",
		"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "properties", "patternProperties", "additionalProperties",
		"propertyNames", "required", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "items",
		"prefixItems", "additionalItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems",
		"unevaluatedProperties", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "readOnly", "writeOnly",
		"deprecated", "contentEncoding", "contentMediaType", "contentSchema",
	}
}

// protocolValues are the closed sets of words of those fields.
func protocolValues() map[string][]string {
	levels := []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
	versions := []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"}
	methods := []string{"elicitation/create", "sampling/createMessage", "roots/list"}
	return map[string][]string{
		"jsonrpc": {"2.0"},
		"method":  methods,
		"type": {
			"text", "image", "audio", "resource", "resource_link", "tool_use", "tool_result", "ref/prompt", "ref/resource",
			"string", "number", "integer", "boolean", "object", "array", "null",
		},
		"role":                      {"user", "assistant"},
		"audience":                  {"user", "assistant"},
		"mimeType":                  {"text/plain", "text/markdown", "text/html", "application/json", "application/octet-stream"},
		"level":                     levels,
		"logLevel":                  levels,
		"action":                    {"accept", "decline", "cancel"},
		"mode":                      {"form", "url", "auto", "required", "none"},
		"resultType":                {"complete", "input_required", "task"},
		"cacheScope":                {"public", "private"},
		"includeContext":            {"none", "thisServer", "allServers"},
		"stopReason":                {"endTurn", "stopSequence", "maxTokens", "toolUse"},
		"taskSupport":               {"forbidden", "optional", "required"},
		"protocolVersion":           versions,
		"supportedVersions":         versions,
		"supported":                 versions,
		"negotiatedProtocolVersion": versions,
		"io.modelcontextprotocol/protocolVersion": versions,
		"$schema": {
			"https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#",
			"http://json-schema.org/draft-07/schema",
		},
		"format": {
			"date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference",
			"uri-template", "uuid", "json-pointer", "regex", "password",
		},
	}
}
