//go:build !unix

package session

import "errors"

func writeFile(string, []byte) error { return errors.ErrUnsupported }

func readFile(string) ([]byte, error) { return nil, errors.ErrUnsupported }
