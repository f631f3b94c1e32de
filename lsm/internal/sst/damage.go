package sst

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/vfs"
)

// damage says what is wrong with bytes; whoever knows where they lie makes a
// *vfs.CorruptionError of it.
type damage string

func (d damage) Error() string { return string(d) }

// What can be wrong with the content of a block.
const (
	errBlock    = damage("the block has no valid tail")
	errEntry    = damage("an entry does not fit in its block")
	errRestart  = damage("a restart is not where an entry starts")
	errInterval = damage("the restarts of a block are too far apart")
	errCount    = damage("the block has not as many entries as it says")
	errLongKey  = damage("a key is too long")
	errIndex    = damage("an index entry is malformed")
	errFilter   = damage("the filter is malformed")
	errMisled   = damage("the block is not what its index says")
)

// corrupt makes an error of what was found at offset. An error that is no damage
// is wrapped.
func corrupt(file string, offset int64, err error) error {
	var d damage
	if errors.As(err, &d) {
		return &vfs.CorruptionError{File: file, Offset: offset, What: string(d)}
	}
	return fmt.Errorf("read %s at offset %d: %w", file, offset, err)
}
