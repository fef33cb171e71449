// Package e2e holds the front-door tests: scrim as built, over stdio, driven
// by raw JSON-RPC and by MCP clients that nobody here wrote.
//
// Whatever a client did, each test ends with the same question: is there a
// byte of a seeded value in what the server wrote, on either stream or to a
// file, other than the one value that was approved, in its one answer?
//
// The environment chooses what runs:
//
//	SCRIM_BIN           the binary to test; unset builds it
//	SCRIM_E2E=require   a Node client or a browser that is not there is a failure, not a skip
//	SCRIM_E2E_CLAUDE=1  run the coding agent of claude/package.json too
package e2e
