package launch

import (
	"context"
	"io"
	"time"

	"scrim/internal/secret"
	"scrim/internal/session"
)

// Lender answers the servers of a session with tokens from next, which returns
// one and for how long it is good.
func Lender(next func(context.Context) (secret.Value, time.Duration, error)) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		token, good, err := next(ctx)
		if err != nil {
			return err
		}
		return session.WriteLoan(w, token.Reveal(), good)
	}
}
