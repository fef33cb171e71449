package validate

// Host is the host that the rules see in a value.
func Host(value string) string { return subject{trimmed: trim(value)}.host() }
