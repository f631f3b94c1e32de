package ref

import (
	"bytes"
	"sync/atomic"

	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/internal/ordmap"
	"github.com/varvedb/varve/kv"
)

// reader reads states of a store: the newest, or a fixed one.
type reader struct {
	store *Store
	fixed *state       // nil for the newest
	ended *atomic.Bool // of the snapshot, if it is one
}

// state returns the state to read now.
func (r *reader) state() (*state, error) {
	if r.store.closed.Load() || r.ended != nil && r.ended.Load() {
		return nil, kv.ErrClosed
	}
	if r.fixed != nil {
		return r.fixed, nil
	}
	return r.store.visible.Load(), nil
}

// Get implements kv.Reader.
func (r *reader) Get(key, dst []byte) ([]byte, bool, error) {
	st, err := r.state()
	if err != nil {
		return nil, false, err
	}
	r.store.gets.Add(1)
	e, ok := st.data.Get(key)
	if !ok {
		return nil, false, nil
	}
	val, err := e.resolve(r.store.opt.Mergers)
	if err != nil {
		return nil, false, err
	}
	return append(dst[:0], val...), true, nil
}

// Has implements kv.Reader.
func (r *reader) Has(key []byte) (bool, error) {
	st, err := r.state()
	if err != nil {
		return false, err
	}
	_, ok := st.data.Get(key)
	return ok, nil
}

// MultiGet implements kv.Reader.
func (r *reader) MultiGet(keys [][]byte, f func(i int, val []byte, ok bool) error) error {
	st, err := r.state()
	if err != nil {
		return err
	}
	for i, key := range keys {
		e, ok := st.data.Get(key)
		val, err := e.resolve(r.store.opt.Mergers)
		if err != nil {
			return err
		}
		if err := f(i, val, ok); err != nil {
			return err
		}
	}
	return nil
}

// Iter implements kv.Reader.
func (r *reader) Iter(opt kv.IterOptions) kv.Iterator {
	if _, err := r.state(); err != nil {
		return kv.FailedIterator(err)
	}
	it := &iterator{from: reader{store: r.store, fixed: r.fixed}, opt: opt}
	it.lower, it.upper = opt.Bounds()
	it.lower, it.upper = bytes.Clone(it.lower), bytes.Clone(it.upper)
	r.store.iterators.Add(1)
	it.handle = leak.Open(r.store.handles, it, "iterator", func() {})
	return it
}

// iterator walks one state.
type iterator struct {
	from         reader
	opt          kv.IterOptions
	lower, upper []byte
	handle       *leak.Handle

	at     *ordmap.Iter[entry] // nil before the first move
	key    []byte              // nil if unpositioned
	val    []byte
	err    error
	closed bool
}

// ready fixes the state at the first move, and reports whether moves are allowed.
func (it *iterator) ready() bool {
	it.key, it.val = nil, nil
	switch {
	case it.closed || it.from.store.closed.Load():
		it.err = kv.ErrClosed
	case it.at == nil:
		st, err := it.from.state()
		if err != nil {
			it.err = err
			break
		}
		it.at = st.data.Iter()
	}
	return it.err == nil
}

func (it *iterator) First() bool { return it.SeekGE(it.lower) }

func (it *iterator) SeekGE(key []byte) bool {
	if !it.ready() {
		return false
	}
	if bytes.Compare(key, it.lower) < 0 {
		key = it.lower
	}
	return it.forward(it.at.SeekGE(key))
}

func (it *iterator) Last() bool {
	if !it.ready() {
		return false
	}
	if it.upper == nil {
		return it.backward(it.at.Last())
	}
	return it.backward(it.at.SeekLT(it.upper))
}

func (it *iterator) SeekLE(key []byte) bool { return it.SeekLT(kv.After(key)) }

func (it *iterator) SeekLT(key []byte) bool {
	if !it.ready() {
		return false
	}
	if it.upper != nil && bytes.Compare(key, it.upper) > 0 {
		key = it.upper
	}
	return it.backward(it.at.SeekLT(key))
}

func (it *iterator) Next() bool {
	return it.key != nil && it.ready() && it.forward(it.at.Next())
}

func (it *iterator) Prev() bool {
	return it.key != nil && it.ready() && it.backward(it.at.Prev())
}

// forward makes the first entry from here on that is wanted the current one.
func (it *iterator) forward(ok bool) bool {
	for ; ok && (it.upper == nil || bytes.Compare(it.at.Key(), it.upper) < 0); ok = it.at.Next() {
		if !it.skipped() {
			return it.arrive()
		}
	}
	return false
}

func (it *iterator) backward(ok bool) bool {
	for ; ok && bytes.Compare(it.at.Key(), it.lower) >= 0; ok = it.at.Prev() {
		if !it.skipped() {
			return it.arrive()
		}
	}
	return false
}

func (it *iterator) skipped() bool { return it.opt.Skip != nil && it.opt.Skip(it.at.Key()) }

func (it *iterator) arrive() bool {
	if !it.opt.KeysOnly {
		it.val, it.err = it.at.Value().resolve(it.from.store.opt.Mergers)
	}
	if it.err != nil {
		return false
	}
	it.key = it.at.Key()
	return true
}

func (it *iterator) Valid() bool   { return it.key != nil }
func (it *iterator) Key() []byte   { return it.key }
func (it *iterator) Value() []byte { return it.val }
func (it *iterator) Err() error    { return it.err }

func (it *iterator) Close() error {
	it.key, it.val, it.at, it.closed = nil, nil, nil, true
	it.handle.Close()
	return it.err
}

// snapshot is a fixed state whose writes since the resolver remembers.
type snapshot struct {
	reader
	handle *leak.Handle
}

// Seq implements kv.Snapshot.
func (s *snapshot) Seq() kv.Seq { return s.fixed.seq }

// Close implements kv.Snapshot.
func (s *snapshot) Close() error {
	s.ended.Store(true)
	s.handle.Close()
	return nil
}
