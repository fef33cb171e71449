package handover

import (
	"cmp"
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"scrim/internal/rundir"
)

// The descriptors that a keeper is started with. The last is the folder's: its
// lock is the keeper's too.
const (
	ordersDescriptor = 3
	readyDescriptor  = 4
	fileDescriptor   = 5
)

const (
	// hiring bounds how long a keeper may take to be there.
	hiring = 20 * time.Second
	// parting bounds how long its end is awaited.
	parting = time.Second
)

// order is what a keeper is told. It holds no value.
type order struct {
	Place, Folder string
	Lifetime      time.Duration
}

// keeper is this process's side of one.
type keeper struct {
	orders *os.File
	ended  chan struct{}
}

// hire starts a keeper of k, and returns when it is there.
func hire(ctx context.Context, program []string, k *kept, lifetime time.Duration) (*keeper, error) {
	theirOrders, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirOrders.Close() }()
	ready, theirReady, err := os.Pipe()
	if err != nil {
		_ = orders.Close()
		return nil, err
	}
	defer func() { _ = ready.Close() }()
	process := &exec.Cmd{
		Path: program[0], Args: program, Env: []string{}, Dir: "/",
		ExtraFiles: []*os.File{theirOrders, theirReady, k.file, k.lock}, SysProcAttr: ownSession(),
	}
	err = process.Start()
	_ = theirReady.Close()
	if err != nil {
		_ = orders.Close()
		return nil, fmt.Errorf("start what would remove it: %w", err)
	}
	hired := &keeper{orders, make(chan struct{})}
	go func() {
		_ = process.Wait() // it has nothing to say
		close(hired.ended)
	}()
	if err := hired.instruct(ctx, ready, order{k.place, k.folder, lifetime}); err != nil {
		hired.dismiss()
		return nil, err
	}
	return hired, nil
}

// instruct sends the order, and waits for the keeper to have understood.
func (k *keeper) instruct(ctx context.Context, ready *os.File, o order) error {
	if err := gob.NewEncoder(k.orders).Encode(o); err != nil {
		return fmt.Errorf("instruct what would remove it: %w", err)
	}
	_ = ready.SetReadDeadline(time.Now().Add(hiring))
	defer context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })()
	if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil {
		return fmt.Errorf("wait for what would remove it: %w", cmp.Or(ctx.Err(), err))
	}
	return nil
}

// dismiss lets the keeper remove what is left, and end.
func (k *keeper) dismiss() {
	if k == nil {
		return
	}
	_ = k.orders.Close()
	select {
	case <-k.ended:
	case <-time.After(parting):
	}
}

// Keep is what a keeper does: it waits until the file's time is over or the
// server is gone, and removes the file. It returns an exit code that nobody
// looks at.
func Keep() int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGPIPE)
	orders := gob.NewDecoder(os.NewFile(ordersDescriptor, "orders"))
	var o order
	if orders.Decode(&o) != nil || !strings.HasPrefix(o.Folder, folderStart) || rundir.Check(o.Place) != nil {
		return 1
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = orders.Decode(&order{}) // there is no second one: this is the server's end
	}()
	k := kept{expires: time.Now().Add(o.Lifetime)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		k.await(gone)
	}()
	ready := os.NewFile(readyDescriptor, "ready")
	_, _ = ready.Write([]byte{1})
	_ = ready.Close()
	select {
	case <-over:
	case <-signals:
	}
	overwrite(os.NewFile(fileDescriptor, "file"))
	discard(o.Place, o.Folder)
	return 0
}
