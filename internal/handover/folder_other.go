//go:build !unix

package handover

import (
	"os"
	"syscall"
)

func ownSession() *syscall.SysProcAttr { return nil }

func claim(string) (*os.File, error) { return nil, ErrNoPlace }

func lockFolder(string) (*os.File, error) { return nil, ErrNoPlace }

func create(string) (*os.File, error) { return nil, ErrNoPlace }

func reopen(string) (*os.File, error) { return nil, ErrNoPlace }
