package lsm

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
)

// reader reads states of a store: the newest, or a fixed one.
type reader struct {
	store *Store
	fixed kv.Seq       // 0 for the newest
	ended *atomic.Bool // of the snapshot, if it is one
}

// begin returns what to read now, and as of when.
func (r *reader) begin() (*state, kv.Seq, error) {
	if r.store.closed.Load() || r.ended != nil && r.ended.Load() {
		return nil, 0, kv.ErrClosed
	}
	st := r.store.current.Load()
	if r.fixed != 0 {
		return st, r.fixed, nil
	}
	return st, kv.Seq(r.store.visible.Load()), nil
}

// Get implements kv.Reader.
func (r *reader) Get(key, dst []byte) ([]byte, bool, error) {
	sampled := r.store.gets.add(key)%kv.TimedEvery == 0
	if sampled {
		begin := r.store.opt.Executor.Now()
		defer func() { r.store.getTime.Record(r.store.opt.Executor.Now().Sub(begin)) }()
	}
	return r.get(key, dst, sampled)
}

func (r *reader) get(key, dst []byte, sampled bool) ([]byte, bool, error) {
	l := lookup{sampled: sampled}
	if err := r.lookup(&l, key, nil); err != nil {
		return nil, false, err
	}
	if len(l.operands) > 0 {
		return l.resolve(r.store.opt.Mergers, dst)
	}
	if !l.present {
		return nil, false, nil
	}
	return append(dst[:0], l.value...), true, nil
}

// Has implements kv.Reader.
func (r *reader) Has(key []byte) (bool, error) {
	var l lookup
	err := r.lookup(&l, key, nil)
	return err == nil && (l.present || len(l.operands) > 0), err
}

// MultiGet implements kv.Reader.
func (r *reader) MultiGet(keys [][]byte, f func(i int, val []byte, ok bool) error) error {
	if _, _, err := r.begin(); err != nil {
		return err
	}
	st := r.store.pin()
	defer r.store.unpin(st)
	_, seq, err := r.begin()
	var buf []byte
	for i, key := range keys {
		if err != nil {
			return err
		}
		l := lookup{seq: seq}
		if err := r.lookup(&l, key, st); err != nil {
			return err
		}
		val, ok := l.value, l.present
		if len(l.operands) > 0 {
			if val, ok, err = l.resolve(r.store.opt.Mergers, buf); err != nil {
				return err
			}
			buf = val
		}
		err = f(i, val, ok)
	}
	return err
}

// lookup finds what a key holds; in st, if it is not nil, as of l.seq. Otherwise
// it begins anew if a table is compacted away and closed meanwhile.
func (r *reader) lookup(l *lookup, key []byte, st *state) error {
	for st != nil {
		if err := r.store.search(st, l, key); !errors.Is(err, errGone) {
			return err
		}
		*l = lookup{seq: l.seq} // closed for want of room
	}
	for {
		now, seq, err := r.begin()
		if err != nil {
			return err
		}
		*l = lookup{seq: seq, sampled: l.sampled}
		if err = r.store.search(now, l, key); err == nil {
			return nil
		}
		if !errors.Is(err, errGone) && r.store.current.Load().tables == now.tables {
			return err
		}
	}
}

// lookup is the search for one key, from the newest source to the oldest.
type lookup struct {
	seq      kv.Seq
	deleted  kv.Seq // newest tombstone over the key
	hash     uint64
	hashed   bool
	operands [][]byte // values of merge entries, newest first
	value    []byte   // below the operands
	present  bool

	sampled bool // what is read in vain counts
	vain    vain // the first table with a block that was read in vain
}

// search asks one source after the other until it knows.
func (s *Store) search(st *state, l *lookup, key []byte) error {
	if l.searchMem(st.active, key) {
		return nil
	}
	for _, m := range st.frozen {
		if l.searchMem(m, key) {
			return nil
		}
	}
	for _, f := range st.tables.Levels[0] {
		if !f.Bounds().Contains(key) || f.MinSeq > l.seq {
			continue
		}
		if done, err := l.searchTable(s, 0, f, key); done || err != nil {
			return err
		}
	}
	for level := 1; level < version.NumLevels; level++ {
		if len(st.tables.Levels[level]) == 0 {
			continue
		}
		f := st.tables.FileFor(level, key)
		if f == nil {
			continue
		}
		if done, err := l.searchTable(s, level, f, key); done || err != nil {
			return err
		}
	}
	return nil
}

func (l *lookup) searchMem(m *mem, key []byte) (done bool) {
	if !m.ranges.Empty() {
		l.deleted = max(l.deleted, m.ranges.Covering(key, l.seq))
	}
	tr, val, ok := m.points.Get(key, entry.VisibleAt(l.seq))
	for ok && !l.add(tr, val) {
		tr, val, ok = m.points.Get(key, tr-1)
	}
	return ok || l.deleted > 0
}

func (l *lookup) searchTable(s *Store, level int, f *version.File, key []byte) (done bool, err error) {
	if l.vain.table != nil {
		s.charge(l.vain, kv.TimedEvery)
		l.vain, l.sampled = vain{}, false
	}
	t, err := s.readers.find(f)
	if err != nil {
		return false, err
	}
	if f.Tombstones > 0 {
		l.deleted = max(l.deleted, rangedel.List(t.Tombstones()).Covering(key, l.seq))
	}
	if !l.hashed {
		l.hash, l.hashed = sst.Hash(key), true
	}
	tr, val, ok, read, err := t.GetHashed(key, l.hash, entry.VisibleAt(l.seq))
	if l.sampled && read && !ok {
		l.vain = vain{t, level, f}
	}
	for err == nil && ok && !l.add(tr, val) {
		tr, val, ok, _, err = t.GetHashed(key, l.hash, tr-1)
	}
	return ok || l.deleted > 0, err
}

// add takes the next older entry of the key. It reports whether older ones do
// not matter.
func (l *lookup) add(tr entry.Trailer, val []byte) (done bool) {
	switch {
	case tr.Seq() < l.deleted:
		return true
	case tr.Kind() == entry.Merge:
		l.operands = append(l.operands, val)
		return false
	case tr.Kind() == entry.Put:
		l.value, l.present = val, true
	}
	return true
}

// resolve combines operands and value.
func (l *lookup) resolve(m kv.Mergers, dst []byte) ([]byte, bool, error) {
	slices.Reverse(l.operands)
	val, err := combine(m, l.value, l.present, l.operands)
	if err != nil {
		return nil, false, err
	}
	return append(dst[:0], val...), true, nil
}

// combine applies operands, oldest first, to a value. The result may be one of
// the arguments.
func combine(m kv.Mergers, val []byte, present bool, operands [][]byte) (_ []byte, err error) {
	for _, op := range operands {
		id, operand, ok := entry.Operand(op)
		if !ok {
			return nil, errors.New("malformed merge operand")
		}
		if val, err = m.Merge(id, nil, val, present, operand); err != nil {
			return nil, err
		}
		present = true
	}
	return val, nil
}

// snapshot is a fixed state, which compaction keeps.
type snapshot struct {
	reader
	handle *leak.Handle
}

// Seq implements kv.Snapshot.
func (s *snapshot) Seq() kv.Seq { return s.fixed }

// Close implements kv.Snapshot.
func (s *snapshot) Close() error {
	s.ended.Store(true)
	s.handle.Close()
	return nil
}
