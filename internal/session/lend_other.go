//go:build !unix

package session

import (
	"context"
	"errors"
	"io"
	"time"

	"scrim/internal/secret"
)

// Lend is of no use on this system.
func (r *Record) Lend(context.Context, func(context.Context, io.Writer) error) (end func(), err error) {
	return nil, errors.ErrUnsupported
}

// WriteLoan is of no use on this system.
func WriteLoan(io.Writer, string, time.Duration) error { return errors.ErrUnsupported }

// Borrow is of no use on this system.
func (r *Record) Borrow(context.Context) (secret.Value, time.Duration, error) {
	return secret.Value{}, 0, errors.ErrUnsupported
}
