package scan

import (
	"context"
	"io"
)

// The windows of StreamSmall, small enough to test each place around a border.
const (
	Before = 512
	Core   = 4 << 10
	After  = 1 << 10
)

// StreamSmall is Stream with small windows.
func (s Scanner) StreamSmall(ctx context.Context, name string, r io.Reader, report func(Located)) error {
	return s.stream(ctx, name, r, sizes{Before, Core, After}, report)
}
