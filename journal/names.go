package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

const (
	segmentSuffix = ".log"
	spareSuffix   = ".spare"
)

func segmentName(prefix string, number uint64) string {
	return fmt.Sprintf("%s%06d%s", prefix, number, segmentSuffix)
}

func spareName(prefix string, number uint64) string {
	return fmt.Sprintf("%s%06d%s", prefix, number, spareSuffix)
}

// parseName returns the number in a name that segmentName or spareName made.
func parseName(name, prefix, suffix string) (number uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, suffix); !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || number == 0 || number == 1<<64-1 || fmt.Sprintf("%06d", number) != digits {
		return 0, false
	}
	return number, true
}

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
	for _, name := range names {
		if n, ok := parseName(name, o.Prefix, segmentSuffix); ok {
			segments = append(segments, n)
		}
		if n, ok := parseName(name, o.Prefix, spareSuffix); ok {
			spares = append(spares, n)
		}
	}
	slices.Sort(segments)
	slices.Sort(spares)
	return segments, spares, nil
}

// listFrom is list for the segments numbered from or higher.
func (o *Options) listFrom(from uint64) ([]uint64, error) {
	segments, _, err := o.list()
	i, _ := slices.BinarySearch(segments, from)
	return segments[i:], err
}
