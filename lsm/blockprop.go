package lsm

import (
	"slices"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
)

// BlockProperty describes blocks of tables in a few bytes, as the interval of the
// times in their values, so that an iterator can pass over blocks that do not
// matter; see BlockIterator.
type BlockProperty struct {
	// Name is stored in tables. One that was written without the property, or
	// before the name was given, is read as a whole.
	Name string
	// New returns a collector for a table. It is called concurrently.
	New func() BlockCollector
}

// BlockCollector sees the puts that are written to a table, in order. What it
// appends may be up to 255 bytes; if it is longer, or there are merges in the
// block, it is as if nothing were known.
type BlockCollector interface {
	// Add sees a put of the current block. The slices are valid during the call.
	Add(key, value []byte)
	// FinishBlock appends what is to be known of the puts since the last call.
	FinishBlock(dst []byte) []byte
	// FinishTable appends what is to be known of all puts.
	FinishTable(dst []byte) []byte
}

// BlockFilter says which blocks an iterator needs.
type BlockFilter struct {
	// Property is the name of a BlockProperty.
	Property string
	// Wants reports whether a block, or table, may hold wanted entries, by what
	// its collector has said. It may be called concurrently and must not keep
	// the slice.
	Wants func(property []byte) bool
}

// BlockIterator is implemented by *Store and by its snapshots.
type BlockIterator interface {
	// IterBlocks is Iter, but may leave out entries of blocks that one of the
	// filters does not want. It may also show some of them: filters spare
	// reading, they do not decide. What it shows is as Iter shows it: a block is
	// only passed over if nothing older is below it that it hides, so mostly in
	// the last level, where most of the data is.
	IterBlocks(opt kv.IterOptions, filters ...BlockFilter) kv.Iterator
}

var (
	_ BlockIterator = (*Store)(nil)
	_ BlockIterator = (*snapshot)(nil)
)

// IterBlocks implements BlockIterator.
func (r *reader) IterBlocks(opt kv.IterOptions, filters ...BlockFilter) kv.Iterator {
	return r.iter(opt, slices.Clone(filters))
}

// collectors returns collectors for a table.
func (o *Options) collectors() (list []sst.NamedCollector) {
	for _, p := range o.BlockProperties {
		list = append(list, sst.NamedCollector{Name: p.Name, Collector: p.New()})
	}
	return list
}

// unwanted says which blocks a walk through the tables of a level below 0 may pass
// over.
type unwanted struct {
	filters []BlockFilter
	version *version.Version
	level   int
}

// table returns what to ask about blocks of a table, nil for nothing; all says
// that the whole table may be passed over.
func (u *unwanted) table(f *version.File, t *table) (pass func(properties, first, last []byte) bool, all bool) {
	type placed struct {
		BlockFilter
		place int
	}
	var ask []placed
	for _, filter := range u.filters {
		place, whole, ok := t.BlockProperty(filter.Property)
		if !ok {
			continue
		}
		if whole != nil && !filter.Wants(whole) && !u.version.Below(u.level, f.Smallest, f.Largest) && !f.Unbounded {
			return nil, true
		}
		ask = append(ask, placed{filter, place})
	}
	if len(ask) == 0 {
		return nil, false
	}
	return func(properties, first, last []byte) bool {
		for _, a := range ask {
			if said, ok := sst.Property(properties, a.place); ok && !a.Wants(said) {
				return !u.version.Below(u.level, first, last)
			}
		}
		return false
	}, false
}
