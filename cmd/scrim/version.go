package main

import "runtime/debug"

// version returns the module's version where it was installed as a module,
// else the revision that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}
