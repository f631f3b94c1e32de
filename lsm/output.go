package lsm

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

// output is a table that is being written.
type output struct {
	*sst.Writer
	store  *Store
	number uint64
	level  int
	sink   sink
}

// sink writes a file front to back.
type sink struct {
	file vfs.File
	off  int64
	buf  []byte
	pace *pace // nil for as fast as it goes
}

// sinkBytes is how much is written at once.
const sinkBytes = 128 << 10

func (s *sink) Write(p []byte) (int, error) {
	s.buf = append(s.buf, p...)
	if len(s.buf) < sinkBytes {
		return len(p), nil
	}
	return len(p), s.flush()
}

func (s *sink) flush() error {
	if s.pace != nil {
		s.pace.wait(len(s.buf))
	}
	n, err := s.file.WriteAt(s.buf, s.off)
	s.off += int64(n)
	s.buf = s.buf[:0]
	return err
}

// create begins a table for a level; last says that none is below. A file that an
// attempt that failed has left is replaced.
func (s *Store) create(number uint64, level int, last bool) (*output, error) {
	name := s.tableName(number)
	if err := place.Remove(s.opt.FS, name); err != nil {
		return nil, err
	}
	file, err := s.opt.FS.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create a table: %w", err)
	}
	o := &output{store: s, number: number, level: level, sink: sink{file: file}}
	o.Writer = sst.NewWriter(&o.sink, s.opt.table(number, level, last))
	return o, nil
}

// finish makes the table durable, but for its name.
func (o *output) finish() (*version.File, error) {
	info, err := o.Finish()
	if err == nil {
		err = o.sink.flush()
	}
	if err == nil {
		err = o.sink.file.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("write a table: %w", err)
	}
	if err := o.sink.file.Close(); err != nil {
		return nil, fmt.Errorf("close a table: %w", err)
	}
	return o.describe(info), nil
}

// abandon removes the table.
func (o *output) abandon() error {
	_ = o.sink.file.Close() // it is not needed
	return errors.Join(place.Remove(o.store.opt.FS, o.store.tableName(o.number)))
}

// describe returns what the manifest says of the table.
func (o *output) describe(info sst.Info) *version.File {
	f := &version.File{Number: o.number, Size: info.Size, Checksum: info.Checksum,
		MinSeq: kv.Seq(info.MinSeq), MaxSeq: kv.Seq(info.MaxSeq),
		Entries: int64(info.Entries), Deletes: int64(info.Deletes), Tombstones: int64(info.Tombstones)}
	if f.Entries > 0 {
		f.Smallest, f.Largest = bytes.Clone(info.Smallest.Key), bytes.Clone(info.Largest.Key)
	}
	if f.Tombstones > 0 {
		widen(f, info)
	}
	return f
}

// widen extends the bounds of a table to its tombstones.
func widen(f *version.File, info sst.Info) {
	if f.Entries == 0 || bytes.Compare(info.RangeStart, f.Smallest) < 0 {
		f.Smallest = bytes.Clone(info.RangeStart)
	}
	switch {
	case info.RangeEnd == nil:
		f.Largest, f.Unbounded = nil, true
	case f.Entries == 0 || bytes.Compare(info.RangeEnd, f.Largest) > 0:
		f.Largest, f.LargestExclusive = bytes.Clone(info.RangeEnd), true
	}
}
