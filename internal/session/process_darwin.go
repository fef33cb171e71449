package session

import "golang.org/x/sys/unix"

// look returns the process pid and its parent's number.
func look(pid int) (Process, int, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return Process{}, 0, err
	}
	at := info.Proc.P_starttime
	return Process{pid, uint64(at.Sec)*1_000_000 + uint64(at.Usec)}, int(info.Eproc.Ppid), nil //nolint:gosec // G115: times since 1970
}
