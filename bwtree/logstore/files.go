package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// files are the segments that are open, for reading. A reader counts itself in
// the file, so that a segment that is released meanwhile closes after it.
type files struct {
	opt  *Options
	open sync.Map // uint32 -> *openFile
}

// openFile is an open segment. Its count begins with one, for being in the map.
type openFile struct {
	vfs.File
	users atomic.Int64
}

func (f *files) init(opt *Options) { f.opt = opt }

// add puts a file that the flusher has made into the map.
func (f *files) add(number uint32, file vfs.File) {
	o := &openFile{File: file}
	o.users.Store(1)
	f.open.Store(number, o)
}

// use returns the file of a segment; the caller releases it.
func (f *files) use(number uint32) (*openFile, error) {
	for {
		if known, ok := f.open.Load(number); ok {
			if o := known.(*openFile); o.retain() {
				return o, nil
			}
			continue // it was just dropped
		}
		file, err := f.opt.FS.Open(f.opt.file(number))
		if err != nil {
			return nil, fmt.Errorf("open a segment: %w", err)
		}
		o := &openFile{File: file}
		o.users.Store(1)
		if _, known := f.open.LoadOrStore(number, o); known {
			if err := o.release(); err != nil {
				return nil, err
			}
		}
	}
}

// retain counts a user, unless the file is closed.
func (o *openFile) retain() bool {
	for {
		n := o.users.Load()
		if n == 0 {
			return false
		}
		step.At("use a file")
		if o.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (o *openFile) release() error {
	if o.users.Add(-1) > 0 {
		return nil
	}
	return o.Close()
}

// drop takes a segment out of the map.
func (f *files) drop(number uint32) error {
	known, ok := f.open.LoadAndDelete(number)
	if !ok {
		return nil
	}
	return known.(*openFile).release()
}

func (f *files) close() {
	f.open.Range(func(number, _ any) bool {
		// What was to be durable is synced; reading needs no more.
		_ = f.drop(number.(uint32))
		return true
	})
}

// openAll opens all segments that are on disk.
func (s *Store) openAll() error {
	list, err := s.opt.segments()
	for _, n := range list {
		file, openErr := s.files.use(n)
		if openErr == nil {
			openErr = file.release()
		}
		err = errors.Join(err, openErr)
	}
	if err != nil {
		s.files.close()
	}
	return err
}

// Segments returns the numbers of the segments that are on disk, rising.
func (s *Store) Segments() ([]uint32, error) { return s.opt.segments() }

func (o *Options) segments() ([]uint32, error) {
	names, err := o.FS.List(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the segments: %w", err)
	}
	var list []uint32
	for _, n := range segfile.Numbers(names, o.Prefix, suffix) {
		if n>>32 == 0 {
			list = append(list, uint32(n))
		}
	}
	return list, nil
}

// Release removes the segments below before, from the lowest up and each durably
// before the next, so that a crash at any point leaves a chain. The last
// segment stays.
func (s *Store) Release(before uint32) error {
	if err := s.refuse(); err != nil {
		return err
	}
	list, err := s.opt.segments()
	if err != nil {
		return err
	}
	before = min(before, s.head.Load())
	for _, n := range list {
		if n >= before {
			break
		}
		if err := errors.Join(s.files.drop(n), s.opt.FS.Remove(s.opt.file(n))); err != nil {
			return fmt.Errorf("release segment %d: %w", n, err)
		}
		if err := s.opt.FS.SyncDir(s.opt.Dir); err != nil {
			return fmt.Errorf("release segment %d: %w", n, err)
		}
	}
	return nil
}

// File returns the name of the file that has a record.
func (s *Store) File(ref Ref) string { return s.opt.file(ref.Addr.Segment()) }
