//go:build unix

package main

import "golang.org/x/sys/unix"

// echoOff keeps a terminal from showing what is typed. Lines are still lines,
// and Ctrl-C still interrupts.
func echoOff(descriptor int) error {
	settings, err := unix.IoctlGetTermios(descriptor, getTermios)
	if err != nil {
		return err
	}
	settings.Lflag &^= unix.ECHO
	settings.Lflag |= unix.ICANON | unix.ISIG
	return unix.IoctlSetTermios(descriptor, setTermios, settings)
}
