package session

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// The fields of /proc/PID/stat after the name (proc(5)).
const (
	fieldParent  = 1
	fieldStarted = 19
)

// look returns the process pid and its parent's number.
func look(pid int) (Process, int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, 0, err
	}
	// The name is in parentheses and may have some itself.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) <= fieldStarted {
		return Process{}, 0, fmt.Errorf("read /proc/%d/stat: it has %d fields", pid, len(fields))
	}
	parent, err := strconv.Atoi(string(fields[fieldParent]))
	if err != nil {
		return Process{}, 0, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	started, err := strconv.ParseUint(string(fields[fieldStarted]), 10, 64)
	if err != nil {
		return Process{}, 0, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	return Process{pid, started}, parent, nil
}
