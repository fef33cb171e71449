package errand

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// harden keeps other processes of the user out of this one, which holds values,
// and keeps it and the command from leaving them in a core dump.
func harden() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}

// adopt makes this process the parent of every descendant that loses its own.
func adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	return nil
}

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
}

// program returns what to execute, and the command's descriptors: the file that
// was hashed, whatever stands at its path now. A script is opened once more by
// the program that its first line names, so it keeps the descriptor.
func program(string) (string, []uintptr) {
	if isScript() {
		return "/proc/self/fd/3", []uintptr{0, 1, 2, programDescriptor}
	}
	return fmt.Sprintf("/proc/self/fd/%d", programDescriptor), []uintptr{0, 1, 2}
}

// openDir opens the directory at path, which is absolute and has no link in it any
// more. One that has got there since is an error, whoever wins a moment.
func openDir(path string) (*os.File, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	at, err := unix.Open("/", flags, 0)
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if err != nil || part == "" {
			break
		}
		above := at
		at, err = unix.Openat(above, part, flags, 0)
		_ = unix.Close(above)
	}
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return os.NewFile(uintptr(at), path), nil
}

func isScript() bool {
	var start [2]byte
	n, _ := unix.Pread(programDescriptor, start[:], 0)
	return string(start[:n]) == "#!"
}

// signalAll signals the command's process group and every descendant of this
// process.
func signalAll(command int, s unix.Signal) {
	_ = unix.Kill(-command, s)
	for _, pid := range descendants(unix.Getpid()) {
		_ = unix.Kill(pid, s)
	}
}

// slay ends a supervisor that was kept from its work, and before that what it
// was to end: as long as the supervisor is there, all of it descends from it.
func slay(supervisor, _ int) {
	for range 20 {
		for _, pid := range descendants(supervisor) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = unix.Kill(supervisor, unix.SIGKILL)
}

// endWriters ends every process that has the writing end of one of these pipes. This
// process has none.
func endWriters(pipes ...*os.File) {
	ours := map[string]bool{}
	for _, pipe := range pipes {
		if info, err := pipe.Stat(); err == nil {
			if of, ok := info.Sys().(*syscall.Stat_t); ok {
				ours[fmt.Sprintf("pipe:[%d]", of.Ino)] = true
			}
		}
	}
	for range 20 { // those too that are started meanwhile
		found := false
		for _, pids := range processes() {
			for _, pid := range pids {
				if writes(pid, ours) {
					found = unix.Kill(pid, unix.SIGKILL) == nil || found
				}
			}
		}
		if !found {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// writes reports whether a process has one of these files open for writing.
func writes(pid int, files map[string]bool) bool {
	at := fmt.Sprintf("/proc/%d/", pid)
	open, _ := os.ReadDir(at + "fd") // none of a process of somebody else's
	for _, descriptor := range open {
		if file, err := os.Readlink(at + "fd/" + descriptor.Name()); err != nil || !files[file] {
			continue
		}
		if mode, err := os.Lstat(at + "fd/" + descriptor.Name()); err == nil && mode.Mode().Perm()&0o200 != 0 {
			return true
		}
	}
	return false
}

// descendants lists the processes that descend from pid.
func descendants(pid int) []int {
	children := processes()
	found := children[pid]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// processes lists all by their parent. Those that have ended are among them: one
// whose first thread has ended looks so, and may have others that have not.
func processes() map[int][]int {
	children := map[int][]int{}
	proc, err := os.Open("/proc")
	if err != nil {
		return children
	}
	defer func() { _ = proc.Close() }()
	names, _ := proc.Readdirnames(-1) // those that are read before an error are some
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if parent := parentOf(pid); parent > 0 {
			children[parent] = append(children[parent], pid)
		}
	}
	return children
}

// parentOf returns the number of a process's parent, 0 where it is gone.
func parentOf(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name is in parentheses and may have some itself.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1])) // 0 where it is none
	return parent
}
