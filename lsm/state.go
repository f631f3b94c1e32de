package lsm

import (
	"slices"

	"github.com/varvedb/varve/lsm/internal/version"
)

// state is what readers read: memtables and tables. It never changes, but for
// what is added to the active memtable.
type state struct {
	active *mem
	frozen []*mem // full ones that are not in a table yet, newest first
	tables *tables
}

// mems returns the memtables, newest first.
func (st *state) mems(dst []*mem) []*mem { return append(append(dst, st.active), st.frozen...) }

// tables is a version of the set of tables that may be pinned. Guarded by
// Store.mu but for the version.
type tables struct {
	*version.Version
	number uint64 // rises with each version
	pins   int    // by iterators, and by being the newest
}

// zombie is a file that is in no version after the one with the number last.
type zombie struct {
	file *version.File
	last uint64
}

// change replaces the state by a copy that f has changed.
func (s *Store) change(f func(*state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.current.Load()
	f(&next)
	s.current.Store(&next)
	s.moved.Broadcast()
}

// pin returns the state, whose files stay until unpin.
func (s *Store) pin() *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.current.Load()
	st.tables.pins++
	return st
}

func (s *Store) unpin(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpinTables(st.tables)
}

// setTables makes v the newest version in st. Removed are the files that only
// older versions have. Store.mu must be held.
func (s *Store) setTables(st *state, v *version.Version, removed []*version.File) {
	old := st.tables
	for _, f := range removed {
		s.zombies = append(s.zombies, zombie{f, old.number})
	}
	st.tables = &tables{Version: v, number: old.number + 1, pins: 1}
	s.versions = append(s.versions, st.tables)
	s.unpinTables(old)
}

// unpinTables has the files removed that nobody can read any more. Store.mu must
// be held.
func (s *Store) unpinTables(t *tables) {
	t.pins--
	if t.pins > 0 {
		return
	}
	s.versions = slices.DeleteFunc(s.versions, func(o *tables) bool { return o == t })
	s.startSweep()
}

// startSweep starts to remove files if there are some to remove.
func (s *Store) startSweep() {
	if s.sweeping || s.opt.ReadOnly || len(s.zombies) == 0 || s.zombies[0].last >= s.versions[0].number {
		return
	}
	s.sweeping = true
	s.tasks.Go("remove files", s.sweep)
}

// sweep removes the files that no version has.
func (s *Store) sweep() {
	for {
		s.mu.Lock()
		n := 0
		for n < len(s.zombies) && s.zombies[n].last < s.versions[0].number {
			n++
		}
		dead := slices.Clone(s.zombies[:n])
		s.zombies = slices.Delete(s.zombies, 0, n)
		s.sweeping = n > 0
		s.mu.Unlock()
		if n == 0 {
			return
		}
		for _, z := range dead {
			s.readers.drop(z.file)
			// If it fails the next opening removes the file.
			if err := s.opt.FS.Remove(s.tableName(z.file.Number)); err != nil {
				s.opt.Logger.Warn("varve: a table that is not needed could not be removed", "err", err)
			}
		}
		if s.opt.Dir == "" {
			// A disk in memory holds what a power cut could bring back.
			_ = s.opt.FS.SyncDir(s.opt.Dir)
		}
	}
}
