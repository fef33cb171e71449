//go:build !unix

package ownfile

import "io/fs"

// This system has neither pipes that block an open nor a flag against links;
// private files are refused for want of an owner.
const (
	openWithoutWaiting = 0
	openNoLink         = 0
)

// knowsOwners reports whether this system can say who may read a file.
const knowsOwners = false

// ownership returns unknowable: access lists do not map to an owner and a mode.
func ownership(fs.FileInfo) owner { return unknowable }

// ChangeableByOthers reports false: the user's profile is the user's alone
// unless an administrator says otherwise.
func ChangeableByOthers(fs.FileInfo) bool { return false }
