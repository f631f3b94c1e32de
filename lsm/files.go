package lsm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/varvedb/varve/internal/place"
)

const (
	tableSuffix = ".sst"
	logSuffix   = ".log"
	spareSuffix = ".spare"
)

func tableName(dir string, number uint64) string {
	return path.Join(dir, fmt.Sprintf("%06d%s", number, tableSuffix))
}

func (s *Store) tableName(number uint64) string { return tableName(s.opt.Dir, number) }

func segmentName(dir, prefix string, number uint64) string {
	return path.Join(dir, fmt.Sprintf("%s%06d%s", prefix, number, logSuffix))
}

// tableNumber returns the number in the name of a table.
func tableNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, tableSuffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && fmt.Sprintf("%06d", n) == digits
}

// ours reports whether a file has a name of this engine.
func ours(name string) bool {
	_, table := tableNumber(name)
	return table || name == place.LockName || strings.HasSuffix(name, logSuffix) || strings.HasSuffix(name, spareSuffix)
}

func isManifest(name string) bool {
	return strings.HasPrefix(name, manifestPrefix) && strings.HasSuffix(name, logSuffix)
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func wrapDir(what, dir string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, dir, err)
}
