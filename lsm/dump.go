package lsm

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

// DumpOptions say what Dump prints besides the structure of a file.
type DumpOptions struct {
	Entries bool // entries of tables and operations in the log, with the lengths of their values
	Values  bool // and the values themselves
}

// Dump prints a file of a store as text; its name tells what it is: a table, a
// segment of the manifest, or one of the log, which other engines share. Keys
// are quoted, and the number of their keyspace stands before them.
//
// It takes no lock and changes nothing, and holds no more in memory than the
// largest group of a log, or the index of a table and a block. What is readable
// of a damaged file is printed before the *kv.CorruptionError is returned. The end
// of a segment that is written to meanwhile may look damaged.
func Dump(w io.Writer, fsys vfs.FS, file string, opt DumpOptions) error {
	d := &dumper{Writer: bufio.NewWriter(w), fs: fsys, opt: opt}
	err := d.file(file)
	if flushed := d.Flush(); err == nil {
		err = flushed
	}
	return err
}

// dumper is one call of Dump. What it cannot write it forgets: the writer keeps
// the error.
type dumper struct {
	*bufio.Writer
	fs     vfs.FS
	opt    DumpOptions
	damage error // the first that was met in a record
}

func (d *dumper) printf(format string, args ...any) { fmt.Fprintf(d.Writer, format, args...) }

func (d *dumper) file(file string) error {
	info, err := d.fs.Stat(file)
	switch {
	case err != nil:
		return err
	case info.IsDir:
		return fmt.Errorf("%s is a directory: name a file in it", file)
	}
	name := path.Base(file)
	if number, ok := tableNumber(name); ok {
		return d.table(file, number, info.Size)
	}
	if number, ok := segmentNumber(name, manifestPrefix); ok {
		d.printf("segment %d of the manifest, %d bytes\n", number, info.Size)
		return d.segment(file, manifestPrefix, d.edit)
	}
	if number, ok := segmentNumber(name, ""); ok {
		d.printf("segment %d of the log, %d bytes\n", number, info.Size)
		return d.segment(file, "", d.record)
	}
	return fmt.Errorf("%s cannot be printed: only tables (000001.sst) and segments of the log (000001.log) and of the manifest (%s000001.log) can",
		file, manifestPrefix)
}

// segmentNumber returns the number in the name of a segment.
func segmentNumber(name, prefix string) (uint64, bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, prefix), logSuffix)
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n > 0 && segmentName("", prefix, n) == name
}

func (d *dumper) table(name string, number uint64, size int64) error {
	f, err := d.fs.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := sst.Open(f, sst.ReaderOptions{Name: name, FileNumber: number, Size: size})
	if err != nil {
		return err
	}
	return sst.Dump(d.Writer, r, sst.DumpOptions{Entries: d.opt.Entries, Values: d.opt.Values, Key: keyText})
}

// value prints what stands behind a key.
func (d *dumper) value(value []byte) {
	if d.opt.Values {
		d.printf(" = %q", value)
		return
	}
	d.printf(", %d bytes", len(value))
}

// segment prints the records of a segment, past any damage. Read, which knows a
// write that was torn from damage, then has the last word.
func (d *dumper) segment(file, prefix string, print func(rec []byte) error) error {
	dir, name := path.Split(file)
	opt := journal.Options{FS: lone{d.fs, name}, Dir: path.Clean(dir), Prefix: prefix}
	at := int64(-1)
	lost, err := journal.Salvage(opt, 0, func(rec journal.Record) error {
		if rec.Offset != at {
			at = rec.Offset
			d.printf("group at %d\n", at)
		}
		if err := print(rec.Data); errors.Is(err, kv.ErrNewerFormat) {
			return fmt.Errorf("%s at %d: %w", file, at, err)
		} else if err != nil {
			d.malformed(file, at, err)
		}
		return d.writable()
	})
	for _, l := range lost {
		d.printf("unreadable from %d to %d: %s\n", l.From, l.To, l.Reason)
	}
	if err != nil {
		return commit.MapError(err)
	}
	return d.end(file, opt, at >= 0)
}

// end prints where a segment ends, and returns what is damaged. Groups says
// whether there are any.
func (d *dumper) end(file string, opt journal.Options, groups bool) error {
	tail, err := journal.Read(opt, 0, nil, nil)
	switch torn := tail.Torn; {
	case err != nil:
		return commit.MapError(err)
	case tail.First == 0 && torn != nil && torn.Bytes > 0 && !groups:
		return &kv.CorruptionError{File: file, Offset: 0, What: torn.Reason}
	case tail.First == 0:
		d.printf("the segment was not begun\n")
	case tail.Clean:
		d.printf("ends at %d, closed\n", tail.Length)
	case torn != nil:
		d.printf("ends at %d, the last write was not finished\n", tail.Length)
	default:
		d.printf("ends at %d\n", tail.Length)
	}
	return d.damage
}

// malformed prints what is wrong with a record, and keeps it.
func (d *dumper) malformed(file string, at int64, err error) {
	d.printf("  malformed: %v\n", err)
	if d.damage == nil {
		d.damage = &kv.CorruptionError{File: file, Offset: at, What: err.Error()}
	}
}

// writable returns the error of the writer, if it has one.
func (d *dumper) writable() error {
	_, err := d.Write(nil)
	return err
}

// lone shows one file of a directory, so that a segment is read without those
// beside it.
type lone struct {
	vfs.FS
	name string
}

func (l lone) List(string) ([]string, error) { return []string{l.name}, nil }

// edit prints a record of the manifest.
func (d *dumper) edit(rec []byte) error {
	e, err := version.DecodeEdit(rec)
	if err != nil {
		return err
	}
	for line := range strings.Lines(e.String()) {
		d.printf("  %s", line)
	}
	return nil
}

// record prints a record of the log. Package commit writes them.
func (d *dumper) record(rec []byte) error {
	const batch, piece, pieces, cut = 1, 2, 3, 4
	if len(rec) == 0 {
		return errors.New("empty record")
	}
	number, k := binary.Uvarint(rec[1:])
	if k <= 0 {
		return errors.New("malformed record")
	}
	rest := rec[1+k:]
	switch rec[0] {
	case batch:
		return d.batch(number, rest)
	case piece:
		d.printf("  piece of %d, %d bytes\n", number, len(rest))
	case pieces:
		return d.pieces(number, rest)
	case cut:
		d.printf("  after state %d\n", number)
	default:
		return fmt.Errorf("record of unknown kind %d", rec[0])
	}
	return nil
}

// pieces prints the record that makes the pieces before it a batch.
func (d *dumper) pieces(seq uint64, rest []byte) error {
	id, k := binary.Uvarint(rest)
	if k <= 0 {
		return errors.New("malformed commit record")
	}
	length, n := binary.Uvarint(rest[k:])
	if n <= 0 || len(rest) != k+n+4 {
		return errors.New("malformed commit record")
	}
	d.printf("  batch to %d from the pieces of %d, %d bytes, checksum %08x\n", seq, id, length, binary.LittleEndian.Uint32(rest[k+n:]))
	return nil
}

// batch prints a batch whose last operation has the number last.
func (d *dumper) batch(last uint64, encoding []byte) error {
	b, err := kv.DecodeBatch(encoding)
	if err != nil {
		return err
	}
	first := last - min(last, uint64(max(b.Len(), 1))) + 1
	d.printf("  batch %d..%d, %d operations, %d bytes\n", first, last, b.Len(), b.Size())
	if !d.opt.Entries && !d.opt.Values {
		return nil
	}
	for op := range b.Ops() {
		d.operation(op)
	}
	return nil
}

func (d *dumper) operation(op kv.Op) {
	switch key := keyText(op.Key); op.Kind {
	case kv.OpPut:
		d.printf("    put %s", key)
		d.value(op.Value)
	case kv.OpDelete:
		d.printf("    delete %s", key)
	case kv.OpDeleteRange:
		d.printf("    delete from %s", key)
		if len(op.Value) > 0 {
			d.printf(" to %s", keyText(op.Value))
		}
	case kv.OpMerge:
		d.printf("    merge %s, operator %d", key, op.Merger)
		d.value(op.Value)
	}
	d.printf("\n")
}

// keyText quotes a key, with the number of its keyspace apart.
func keyText(key []byte) string {
	if len(key) < 8 {
		return strconv.Quote(string(key))
	}
	return fmt.Sprintf("%d/%q", binary.BigEndian.Uint64(key), key[8:])
}
