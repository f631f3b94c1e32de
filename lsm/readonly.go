package lsm

import (
	"context"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
)

// openReadOnly reads the store without changing a byte. Beside a live writer it
// goes without the lock and reads what is there, again if the writer moved a
// file away meanwhile. All tables are opened, so that they stay readable when the
// writer removes them.
func (s *Store) openReadOnly(ctx context.Context) error {
	var err error
	if s.lock, err = s.opt.place().EnterReadOnly(ctx, s.opt.layout()); err != nil {
		return err
	}
	s.opt.MaxOpenFiles = 1 << 30
	r, err := s.loadPatiently()
	if err != nil {
		return err
	}
	s.start(r)
	return nil
}

func (s *Store) loadPatiently() (r *recovered, err error) {
	for range place.Attempts(s.lock) {
		if r, err = s.load(); err == nil {
			return r, nil
		}
	}
	return nil, err
}

// load reads manifest and log and opens all tables.
func (s *Store) load() (*recovered, error) {
	state, _, found, err := readManifest(&s.opt)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, kv.ErrNotExist
	}
	for _, files := range state.Version.Levels {
		for _, f := range files {
			if _, err := s.readers.find(f); err != nil {
				return nil, err
			}
		}
	}
	return s.replay(state)
}

// Refresh makes a read-only store show what is on disk now. Snapshots and
// iterators that are open keep their state.
func (s *Store) Refresh(ctx context.Context) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	if !s.opt.ReadOnly {
		return nil
	}
	r, err := s.loadPatiently()
	if err != nil {
		return err
	}
	s.commits.Restart(r.seq, func() {
		s.change(func(st *state) {
			st.active, st.frozen = r.active, nil
			s.setTables(st, r.state.Version, goneFrom(st.tables.Version, r.state.Version))
		})
		s.visible.Store(uint64(r.seq))
	})
	return nil
}

// goneFrom returns the tables of v that are not in next.
func goneFrom(v, next *version.Version) (gone []*version.File) {
	there := make(map[*version.File]bool)
	for _, files := range next.Levels {
		for _, f := range files {
			there[f] = true
		}
	}
	for _, files := range v.Levels {
		for _, f := range files {
			if !there[f] {
				gone = append(gone, f)
			}
		}
	}
	return gone
}
