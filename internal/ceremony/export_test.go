package ceremony

import (
	"context"
	"time"
)

// AskFor is Ask with another patience: only tests have it.
func AskFor(ctx context.Context, patience time.Duration, show func(address, number string), steps ...Step) error {
	return ask(ctx, patience, show, steps)
}
