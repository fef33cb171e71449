package approver

import "scrim/internal/audit"

// LoadCheap is Load with a hash that costs next to nothing: only tests have it.
func LoadCheap(path string, trail *audit.Log) (*Approver, error) {
	cheap := cost{Time: 1, Memory: 64, Threads: 1}
	return load(path, trail, bounds{least: cheap, most: cost{Time: 2, Memory: 128, Threads: 2}}, cheap)
}

// Parse is what Load makes of a file's content, and of what it would write
// instead.
func Parse(data []byte) (again []byte, err error) {
	d, err := parse(data, ownBounds())
	return encode(d), err
}
