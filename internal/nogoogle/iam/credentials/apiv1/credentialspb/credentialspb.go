// Package credentialspb stands in for Google's package of that name: see
// docs/decisions/0007-start.md.
package credentialspb

// SignJwtRequest would ask for a signature.
type SignJwtRequest struct{ Name, Payload string }

// SignJwtResponse would hold one.
type SignJwtResponse struct{ SignedJwt string }
