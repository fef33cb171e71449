//go:build !unix

package main

import "errors"

// echoOff has no way to do it here, where the credentials file is refused too.
func echoOff(int) error { return errors.ErrUnsupported }
