package rundir

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// peer returns whose process is at the other end of c.
func peer(c *net.UnixConn) (uid, pid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var who *unix.Xucred
	var failed [2]error
	err = raw.Control(func(fd uintptr) {
		who, failed[0] = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		pid, failed[1] = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	})
	if err = errors.Join(err, failed[0], failed[1]); err != nil {
		return 0, 0, err
	}
	return int(who.Uid), pid, nil
}
