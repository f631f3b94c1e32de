package varve

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/varvedb/varve/kv"
)

// Repair makes a new database in the directory to, which must be empty or not
// there, of what can be read of the damaged one in the directory from, and tells
// what was lost: see kv.Repaired, and lsm.Repair and ref.Repair for what the
// engines can save. Of the damaged one only the lock file is written to. The new
// one is durable and verified when Repair returns; it has the same engine. Lengths
// of Counted collections are those that were written last, whatever was lost.
//
// A damaged collection is better restored from a backup, if there is one.
func Repair(ctx context.Context, from, to string, opt *Options) (*kv.Repaired, error) {
	filled := opt.filled()
	mergers, err := kv.NewMergers(filled.Mergers...)
	if err != nil {
		return nil, fmt.Errorf("varve: %w", err)
	}
	if filled.Engine == nil {
		filled.Engine = engineOf(filled.FS, from)
	}
	r, ok := filled.Engine.(repairer)
	if !ok {
		return nil, fmt.Errorf("varve: repair: engine %s cannot: %w", filled.Engine.Name(), errors.ErrUnsupported)
	}
	report, err := r.repair(ctx, filepath.ToSlash(from), filepath.ToSlash(to), &filled, mergers)
	if err != nil {
		return nil, fmt.Errorf("varve: %w", err)
	}
	return report, nil
}

// repairer is an engine that can repair its stores.
type repairer interface {
	repair(ctx context.Context, from, to string, opt *Options, m kv.Mergers) (*kv.Repaired, error)
}
