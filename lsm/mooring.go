package lsm

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/varvedb/varve/kv"
)

// mooring is what an open iterator holds of the store. It does not refer to the
// iterator, so that one that is forgotten can be collected.
//
// An iterator that is left open must not keep the memtables of its moment, or a
// hundred of them would take a hundred times the memory of the store. So
// whenever a memtable was written to a table, all iterators are unmoored: what
// they move with is taken from them, and their next move opens the newest state
// and seeks to where they were. They see the same entries there, since flushes
// and compactions keep what a reader of their number sees. A move that is under
// way goes on with what it has; nobody waits for anybody.
//
// What an iterator moves with keeps a block of each table it reads, too. So the
// gears of all of them are bounded; see countGear. Whoever needs one takes away
// those of others.
type mooring struct {
	hold
	store *Store
	seq   kv.Seq // what the iterator sees
	place int    // in Store.moorings, -1 once released; guarded by Store.mu

	// What gear holds is counted in Store.geared if weight is not 0; then the
	// mooring is at rank in that list. Guarded by Store.mu.
	weight int64
	rank   int

	// The version whose files stay. It changes in moves, and under Store.mu.
	tables *tables

	// Both may be taken away at any time. State is what is to be opened at the
	// first move, gear what was opened. Loose is set before they are taken.
	state atomic.Pointer[state]
	gear  atomic.Pointer[gear]
	loose atomic.Bool
}

// moor returns a mooring in the newest state, for an iterator that sees what a
// reader sees.
func (s *Store) moor(r *reader) *mooring {
	m := &mooring{store: s, seq: r.fixed}
	m.hold.init(s.readers)
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.current.Load()
	if m.seq == 0 {
		m.seq = kv.Seq(s.visible.Load()) // after the state
	}
	st.tables.pins++
	m.tables, m.place = st.tables, len(s.moorings)
	m.state.Store(st)
	s.moorings = append(s.moorings, m)
	return m
}

// open returns the state to open sources in, and puts the gear that make returns
// into its place.
func (m *mooring) open(make func(*state) (*gear, error)) (*gear, error) {
	st := m.state.Load()
	if st == nil {
		if st = m.moveOn(); st == nil {
			return nil, kv.ErrClosed
		}
	}
	g, err := make(st)
	if err != nil {
		return nil, err
	}
	m.gear.Store(g)
	m.state.Store(nil)
	m.store.countGear(m, g)
	return g, nil
}

// moveOn pins the newest state instead of the one before. It returns nil if the
// mooring was released.
func (m *mooring) moveOn() *state {
	m.hold.release()
	s := m.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.place < 0 {
		return nil
	}
	st := s.current.Load()
	st.tables.pins++
	s.unpinTables(m.tables)
	m.tables = st.tables
	m.loose.Store(false)
	return st
}

// release ends the mooring. It may be called by others than the iterator's
// goroutine once nobody is to use that any more.
func (m *mooring) release() {
	m.hold.end()
	s := m.store
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.moorings) - 1
	s.moorings[m.place] = s.moorings[last]
	s.moorings[m.place].place = m.place
	s.moorings[last] = nil
	s.moorings = s.moorings[:last]
	m.place = -1
	s.uncountGear(m)
	s.unpinTables(m.tables)
}

// unmoor takes from all iterators what they move with. Store.mu must be held.
func (s *Store) unmoor() {
	for _, m := range s.moorings {
		m.strip()
	}
	for _, m := range s.geared {
		m.weight = 0
	}
	clear(s.geared)
	s.geared, s.gearHeld = s.geared[:0], 0
}

// strip has the next move open sources again. Store.mu must be held.
func (m *mooring) strip() {
	m.loose.Store(true)
	m.state.Store(nil)
	m.gear.Store(nil)
}

// countGear counts the gear of m, and takes those of others as long as all together
// weigh too much.
func (s *Store) countGear(m *mooring, g *gear) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.loose.Load() || m.place < 0 {
		m.gear.Store(nil) // this move is the only one that uses it
		return
	}
	m.weight, m.rank = s.gearBytes(g), len(s.geared)
	s.geared = append(s.geared, m)
	for s.gearHeld += m.weight; s.gearHeld > s.opt.Memory/gearShare && len(s.geared) > 1; {
		s.gearHand = (s.gearHand + 1) % len(s.geared)
		if old := s.geared[s.gearHand]; old != m {
			old.strip()
			s.uncountGear(old)
		}
	}
}

// gearShare is the share of Memory that gears may hold: one in so many.
const gearShare = 16

// gearBytes is about what a gear holds: an index and a data block of each source.
func (s *Store) gearBytes(g *gear) int64 {
	return int64(len(g.merged.sources)+1) * int64(2*cmp.Or(s.opt.BlockSize, 4<<10))
}

// uncountGear stops counting the gear of m. Store.mu must be held.
func (s *Store) uncountGear(m *mooring) {
	if m.weight == 0 {
		return
	}
	s.gearHeld -= m.weight
	m.weight = 0
	last := len(s.geared) - 1
	s.geared[m.rank] = s.geared[last]
	s.geared[m.rank].rank = m.rank
	s.geared[last] = nil
	s.geared = s.geared[:last]
}

// states returns the numbers of what readers see, rising: of snapshots, of
// iterators and of the newest visible batch. What none of them sees, no reader
// will: an iterator that is opened after the newest batch was asked for sees at
// least that, and one that was opened before is among those asked for then.
func (s *Store) states() []kv.Seq {
	states := s.commits.States()
	s.mu.Lock()
	for _, m := range s.moorings {
		states = append(states, m.seq)
	}
	s.mu.Unlock()
	slices.Sort(states)
	return slices.Compact(states)
}
