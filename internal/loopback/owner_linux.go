package loopback

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// established is the state of a connection that both ends hold, in the kernel's
// tables. One that its process has closed is nobody's there.
const established = "01"

// isOurs reports whether this user, or root, holds the other end of c, by the
// kernel's tables of connections.
func isOurs(c net.Conn) bool {
	theirs, here := parse(c.RemoteAddr()), parse(c.LocalAddr())
	for _, table := range []struct {
		path   string
		format func(netip.AddrPort) string
	}{{"/proc/net/tcp", short}, {"/proc/net/tcp6", long}} {
		if uid, ok := find(table.path, table.format(theirs), table.format(here)); ok {
			return uid == 0 || uid == os.Geteuid()
		}
	}
	return false
}

func parse(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	from := tcp.AddrPort()
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// find returns the uid of the connection from one end to the other.
func find(table, from, to string) (uid int, ok bool) {
	f, err := os.Open(table) //nolint:gosec // G304: one of the kernel's tables
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// sl local_address rem_address st queues timer retransmits uid ...
		fields := strings.Fields(lines.Text())
		if len(fields) > 7 && fields[1] == from && fields[2] == to && fields[3] == established {
			uid, err := strconv.Atoi(fields[7])
			return uid, err == nil
		}
	}
	return 0, false
}

// short is how the table of IPv4 has an address, if it can.
func short(a netip.AddrPort) string {
	if !a.Addr().Is4() {
		return ""
	}
	four := a.Addr().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(four[:]), a.Port())
}

// long is how the table of IPv6 has it: that has the IPv4 connections of some as well.
func long(a netip.AddrPort) string {
	all := a.Addr().As16()
	var b strings.Builder
	for i := 0; i < len(all); i += 4 {
		fmt.Fprintf(&b, "%08X", binary.NativeEndian.Uint32(all[i:]))
	}
	return fmt.Sprintf("%s:%04X", b.String(), a.Port())
}
