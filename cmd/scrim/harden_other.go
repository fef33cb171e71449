//go:build unix && !linux

package main

// denyInspection has no counterpart here.
func denyInspection() {}
