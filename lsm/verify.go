package lsm

import (
	"context"
	"fmt"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
)

// Verify implements kv.Verifier. It reads all tables, the manifest and the log,
// as they are on disk, and checks sums, order and structure.
func (s *Store) Verify(ctx context.Context, progress func(kv.Progress)) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	st := s.pin()
	defer s.unpin(st)
	if err := st.tables.Check(); err != nil {
		return &kv.CorruptionError{File: s.opt.Dir, Offset: -1, What: err.Error()}
	}
	v := verification{ctx: ctx, progress: progress}
	v.report = kv.Progress{Stage: "tables", Total: max(s.diskBytes(), st.tables.TotalSize())}
	for _, files := range st.tables.Levels {
		for _, f := range files {
			if err := v.table(s.readers, f); err != nil {
				return err
			}
		}
	}
	if s.opt.Dir == "" {
		return nil
	}
	v.report.Stage = "logs"
	if err := s.verifyLogsPatiently(); err != nil {
		return err
	}
	v.report.Done = v.report.Total
	v.tell()
	return nil
}

// verification is one call of Verify.
type verification struct {
	ctx      context.Context
	report   kv.Progress
	progress func(kv.Progress)
}

func (v *verification) tell() {
	if v.progress != nil {
		v.progress(v.report)
	}
}

func (v *verification) table(r *readers, f *version.File) error {
	t, err := r.held(f)
	if err != nil {
		return err
	}
	defer t.release()
	before := v.report.Done
	err = t.Verify(v.ctx, func(bytes int64) {
		v.report.Done = before + bytes
		v.tell()
	})
	if err != nil {
		return err
	}
	v.report.Done = before + f.Size
	return checkTable(r, f, t)
}

// checkTable compares a table with what the manifest says of it.
func checkTable(r *readers, f *version.File, t *table) error {
	p := t.Properties()
	if f.Imported && p.MinSeq == 0 && p.MaxSeq == 0 {
		p.MinSeq, p.MaxSeq = uint64(f.MaxSeq), uint64(f.MaxSeq)
	}
	if int64(p.Entries) == f.Entries && int64(p.Deletes) == f.Deletes && int64(p.Tombstones) == f.Tombstones &&
		kv.Seq(p.MinSeq) == f.MinSeq && kv.Seq(p.MaxSeq) == f.MaxSeq {
		return nil
	}
	return &kv.CorruptionError{File: tableName(r.opt.Dir, f.Number), Offset: -1, What: "its properties are not those that the manifest says"}
}

// verifyLogsPatiently tries again beside a live writer, who may have moved a file
// away meanwhile.
func (s *Store) verifyLogsPatiently() (err error) {
	for range place.Attempts(s.lock) {
		if err = s.verifyLogs(); err == nil {
			return nil
		}
	}
	return err
}

// verifyLogs reads manifest and log as opening does.
func (s *Store) verifyLogs() error {
	s.install.Lock() // no segment may go away meanwhile
	defer s.install.Unlock()
	if s.log != nil {
		if err := s.commits.SyncLog(); err != nil {
			return err
		}
	}
	seq := s.commits.LastLogged()
	state, _, _, err := readManifest(&s.opt)
	if err != nil {
		return err
	}
	if s.manifest != nil && state.Version.String() != s.manifest.state.Version.String() {
		return &kv.CorruptionError{File: s.opt.Dir, Offset: -1, What: "the manifest does not name the tables that it named before"}
	}
	if err := s.commits.VerifyRetained(state.FirstLog); err != nil {
		return err
	}
	found, err := s.scanLog(state)
	if err != nil {
		return err
	}
	if found < seq {
		return &kv.CorruptionError{File: s.opt.Dir, Offset: -1,
			What: fmt.Sprintf("the files end at state %d, state %d was written", found, seq)}
	}
	return nil
}
