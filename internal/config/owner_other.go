//go:build !unix

package config

import "io/fs"

// This system has neither pipes that block an open nor a flag against links;
// credentials files are refused for want of an owner.
const (
	openWithoutWaiting = 0
	openNoLink         = 0
)

// ownership returns unknowable: access lists do not map to an owner and a mode.
func ownership(fs.FileInfo) owner { return unknowable }

// changeableByOthers reports false: the user's profile is the user's alone
// unless an administrator says otherwise.
func changeableByOthers(fs.FileInfo) bool { return false }
