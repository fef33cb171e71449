package session

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Process is one process of this machine, for as long as it is up: a number is
// given again, a number and a time are not.
type Process struct {
	PID     int    `json:"pid"`
	Started uint64 `json:"started"` // in the system's own unit
}

// String returns "PID-STARTED".
func (p Process) String() string { return fmt.Sprintf("%d-%d", p.PID, p.Started) }

func parseProcess(text string) (Process, bool) {
	number, started, _ := strings.Cut(text, "-")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return Process{}, false
	}
	at, err := strconv.ParseUint(started, 10, 64)
	return Process{pid, at}, err == nil
}

// maxAncestors bounds a walk upwards, in processes.
const maxAncestors = 256

// ancestry returns the process pid, its parent and so on.
func ancestry(pid int) ([]Process, error) {
	var found []Process
	for pid > 0 && len(found) < maxAncestors {
		p, parent, err := look(pid)
		if err != nil {
			if len(found) > 0 {
				break // it ended, or belongs to somebody whose processes are not shown
			}
			return nil, err
		}
		found = append(found, p)
		pid = parent
	}
	return found, nil
}

func processOf(pid int) (Process, error) {
	p, _, err := look(pid)
	return p, err
}

// Descends reports whether the process pid is p or descends from it.
func Descends(pid int, from Process) bool {
	ancestors, err := ancestry(pid)
	if err != nil {
		return false
	}
	return slices.Contains(ancestors, from)
}
