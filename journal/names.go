package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/varvedb/varve/internal/segfile"
)

const (
	segmentSuffix = ".log"
	spareSuffix   = ".spare"
)

// list returns the numbers of the segments and of the spare files, rising. A
// directory that does not exist has none.
func (o *Options) list() (segments, spares []uint64, err error) {
	names, err := o.FS.List(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list the segments: %w", err)
	}
	return segfile.Numbers(names, o.Prefix, segmentSuffix), segfile.Numbers(names, o.Prefix, spareSuffix), nil
}

// listFrom is list for the segments numbered from or higher.
func (o *Options) listFrom(from uint64) ([]uint64, error) {
	segments, _, err := o.list()
	i, _ := slices.BinarySearch(segments, from)
	return segments[i:], err
}
