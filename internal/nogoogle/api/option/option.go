// Package option stands in for Google's package of that name: see
// docs/decisions/0007-start.md.
package option

// ClientOption is nothing.
type ClientOption struct{}

// WithCredentialsFile returns nothing. The file is not read.
func WithCredentialsFile(string) ClientOption { return ClientOption{} }
