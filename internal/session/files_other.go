//go:build !unix

package session

import "errors"

func dirs() []string { return nil }

func makeDir() (string, error) { return "", errors.ErrUnsupported }

func checkDir(string) error { return errors.ErrUnsupported }

func writeFile(string, []byte) error { return errors.ErrUnsupported }

func readFile(string) ([]byte, error) { return nil, errors.ErrUnsupported }
