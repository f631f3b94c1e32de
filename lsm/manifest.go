package lsm

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
)

// manifest is the journal that says which tables and segments of the log belong
// to the store. Each record is an edit; the first of each segment is a full one,
// so that those before it can go. Nobody may use it concurrently.
type manifest struct {
	state version.State // as the records written so far say
	log   *journal.Writer
	full  int // bytes of the last full record
	grown int // and of those after it
}

const manifestPrefix = "manifest-"

// manifestSlack is how many bytes of edits there may be besides a full record of
// the same length.
const manifestSlack = 64 << 10

func manifestOptions(opt *Options) journal.Options {
	return journal.Options{FS: opt.FS, Executor: opt.Executor, Dir: opt.Dir, Prefix: manifestPrefix,
		SegmentSize: 1 << 30, Recycle: -1, NoPreallocate: true}
}

// readManifest reads the records of a manifest. Found is false if there are none.
func readManifest(opt *Options) (st version.State, tail journal.Tail, found bool, err error) {
	tail, err = journal.Read(manifestOptions(opt), 0, nil, func(rec journal.Record) error {
		e, err := version.DecodeEdit(rec.Data)
		if err == nil && !found && !e.Full {
			err = errors.New("the manifest does not begin with a full record")
		}
		if err == nil {
			err = st.Apply(e)
		}
		found = true
		if err == nil || errors.Is(err, kv.ErrNewerFormat) {
			return err
		}
		return &kv.CorruptionError{File: segmentName(opt.Dir, manifestPrefix, rec.Segment), Offset: rec.Offset, What: err.Error()}
	})
	if st.Version == nil {
		st.Version = &version.Version{}
	}
	return st, tail, found, commit.MapError(err)
}

// createManifest goes on behind tail, with a full record of st, which is durable
// when it returns.
func createManifest(opt *Options, st version.State, tail journal.Tail) (*manifest, error) {
	m := &manifest{state: st}
	log, err := journal.Create(manifestOptions(opt), tail)
	if err != nil {
		return nil, commit.MapError(err)
	}
	m.log = log
	if err := m.write(st.Snapshot(), true); err != nil {
		_, closed := log.Close()
		return nil, errors.Join(err, closed)
	}
	return m, nil
}

// trim gives up the segments before the current one.
func (m *manifest) trim() error {
	return commit.MapError(m.log.Release(m.log.Stats().Segment))
}

// add makes an edit durable. If the error is kv.ErrNoSpace nothing was changed;
// any other leaves open whether the edit will be read.
func (m *manifest) add(e *version.Edit) error {
	next := m.state
	if err := next.Apply(e); err != nil {
		return fmt.Errorf("an edit of the manifest does not fit: %w", err)
	}
	if err := m.write(e, false); err != nil {
		return err
	}
	m.state = next
	if m.grown < m.full+manifestSlack {
		return nil
	}
	return m.renew()
}

// renew begins a new segment with a full record.
func (m *manifest) renew() error {
	segment, err := m.log.Rotate()
	if err == nil {
		err = m.write(m.state.Snapshot(), true)
	}
	if err == nil {
		err = m.log.Release(segment)
	}
	if errors.Is(err, kv.ErrNoSpace) {
		return nil // the old segment is as good; the next edit tries again
	}
	return commit.MapError(err)
}

func (m *manifest) write(e *version.Edit, full bool) error {
	data := e.Encode(nil)
	ticket, err := m.log.Append(data)
	if err == nil {
		err = m.log.Wait(ticket, journal.Synced)
	}
	if errors.Is(err, kv.ErrNoSpace) {
		err = errors.Join(err, m.log.Resume())
	}
	if err != nil {
		return fmt.Errorf("write the manifest: %w", commit.MapError(err))
	}
	if full {
		m.full, m.grown = len(data), 0
	} else {
		m.grown += len(data)
	}
	return nil
}

func (m *manifest) close() error {
	_, err := m.log.Close()
	return commit.MapError(err)
}
