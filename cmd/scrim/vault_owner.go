package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// ownerHere names this process in the store, for a probe on this machine to know
// whether it has ended. It says nothing of the machine to others.
func ownerHere() string { return fmt.Sprintf("%s%d", machineMark(), os.Getpid()) }

func machineMark() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("scrim probe on " + name))
	return fmt.Sprintf("%x-", sum[:8])
}

// endedHere reports whether owner is a process of this machine that has ended.
func endedHere(owner string) bool {
	mark := machineMark()
	rest, here := strings.CutPrefix(owner, mark)
	var pid int
	if _, err := fmt.Sscanf(rest, "%d", &pid); mark == "" || !here || err != nil || pid <= 0 {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return true // only Windows says so
	}
	defer func() { _ = process.Release() }()
	return runtime.GOOS != "windows" && errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
