package lsm

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

// table is an open table. It is the source that its reader reads from, so that
// its file can be closed while somebody is about to read: such a read fails with
// errGone.
type table struct {
	*sst.Reader
	file vfs.File
	refs atomic.Int32 // readers and holders of the file; it is closed at 0
	used atomic.Bool  // since the clock last passed
	vain atomic.Int64 // reads in vain; see vain
}

// errGone says that a table was closed under a reader that does not hold it, or
// with the store.
var errGone = fmt.Errorf("the table was closed: %w", kv.ErrClosed)

// ReadAt reads the file, unless it is closed.
func (t *table) ReadAt(p []byte, off int64) (int, error) {
	if !t.hold() {
		return 0, errGone
	}
	defer t.release()
	return t.file.ReadAt(p, off)
}

// hold keeps the file open until release. It reports false if it is closed.
func (t *table) hold() bool {
	for {
		n := t.refs.Load()
		if n == 0 {
			return false
		}
		if t.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (t *table) release() {
	if t.refs.Add(-1) == 0 {
		// Nothing was written to it.
		_ = t.file.Close()
	}
}

// readers keeps tables open, up to a limit. Finding one that is open takes no
// lock.
type readers struct {
	opt   *Options
	cache share
	zip   sst.Decompressor
	ahead sst.Windows
	open  sync.Map // *version.File to *table

	mu    vfs.Mutex // guards what follows
	clock []*version.File
	hand  int
}

func newReaders(opt *Options) *readers {
	return &readers{opt: opt, cache: opt.share(), mu: opt.Executor.NewMutex()}
}

// find returns an open table. Its file may be closed at any time; see hold.
func (r *readers) find(f *version.File) (*table, error) {
	if v, ok := r.open.Load(f); ok {
		t := v.(*table)
		if !t.used.Load() {
			t.used.Store(true)
		}
		return t, nil
	}
	t, err := r.openTable(f)
	if err != nil {
		return nil, err
	}
	if v, loaded := r.open.LoadOrStore(f, t); loaded {
		t.release()
		return v.(*table), nil
	}
	r.opened(f)
	return t, nil
}

// held returns an open table whose file stays open until release.
func (r *readers) held(f *version.File) (*table, error) {
	for {
		t, err := r.find(f)
		if err != nil || t.hold() {
			return t, err
		}
	}
}

func (r *readers) openTable(f *version.File) (*table, error) {
	name := tableName(r.opt.Dir, f.Number)
	file, err := r.opt.FS.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &kv.CorruptionError{File: name, Offset: -1, What: "the table is missing"}
	}
	if err != nil {
		return nil, fmt.Errorf("open a table: %w", err)
	}
	t := &table{file: file}
	t.refs.Store(1)
	if err := r.checkSize(f, file); err != nil {
		t.release()
		return nil, err
	}
	t.Reader, err = sst.Open(t, sst.ReaderOptions{Name: name, FileNumber: f.Number, Size: f.Size, Checksum: f.Checksum,
		Seq: importedAt(f), Cache: r.cache.Cache, CacheID: r.cache.id(f.Number), Decompressor: &r.zip,
		Windows: &r.ahead})
	if err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

// importedAt returns the number of all entries of an imported table, 0 for others.
func importedAt(f *version.File) kv.Seq {
	if f.Imported {
		return f.MaxSeq
	}
	return 0
}

func (r *readers) checkSize(f *version.File, file vfs.File) error {
	size, err := file.Size()
	if err != nil {
		return err
	}
	if size != f.Size {
		return &kv.CorruptionError{File: file.Name(), Offset: -1, What: fmt.Sprintf("it has %d bytes, the manifest says %d", size, f.Size)}
	}
	return nil
}

// opened enters a table into the clock and closes others that were not used for
// long, if there are too many.
func (r *readers) opened(f *version.File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = append(r.clock, f)
	for tries := 2 * len(r.clock); len(r.clock) > r.opt.MaxOpenFiles && tries > 0; tries-- {
		r.hand %= len(r.clock)
		v, ok := r.open.Load(r.clock[r.hand])
		if ok && (v.(*table).used.Swap(false) || r.clock[r.hand] == f) {
			r.hand++
			continue
		}
		r.closeAt(r.hand)
	}
}

// closeAt closes the table at a place of the clock.
func (r *readers) closeAt(i int) {
	f := r.clock[i]
	r.clock[i] = r.clock[len(r.clock)-1]
	r.clock = r.clock[:len(r.clock)-1]
	if v, ok := r.open.LoadAndDelete(f); ok {
		v.(*table).release()
	}
}

// drop closes a table that is in no version any more and forgets its blocks.
func (r *readers) drop(f *version.File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.clock {
		if r.clock[i] == f {
			r.closeAt(i)
			break
		}
	}
	r.cache.EvictFile(r.cache.id(f.Number))
}

// close closes all tables.
func (r *readers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.clock) > 0 {
		r.closeAt(len(r.clock) - 1)
	}
	r.cache.leave()
}

// count returns how many tables are open.
func (r *readers) count() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.clock))
}
