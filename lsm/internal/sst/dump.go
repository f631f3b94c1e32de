package sst

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// DumpOptions say what Dump prints besides the structure of a table.
type DumpOptions struct {
	Entries bool // each entry, with the length of its value
	Values  bool // and the value itself
	// Key writes a key as text; nil quotes it.
	Key func([]byte) string
}

// Dump prints a table as text. It reads past the cache. What cannot be read it
// names and passes over; the first such error is returned.
func Dump(to io.Writer, r *Reader, opt DumpOptions) error {
	d := &dumper{Writer: bufio.NewWriter(to), r: r, opt: opt}
	if opt.Key == nil {
		d.opt.Key = func(key []byte) string { return strconv.Quote(string(key)) }
	}
	d.summary()
	for i := range r.parts {
		d.note("", d.partition(i))
	}
	flushed := d.Flush()
	return cmp.Or(d.err, flushed)
}

type dumper struct {
	*bufio.Writer
	r   *Reader
	opt DumpOptions
	err error // the first
}

// note prints and keeps an error.
func (d *dumper) note(indent string, err error) {
	if err != nil {
		d.printf("%sunreadable: %v\n", indent, err)
		d.err = cmp.Or(d.err, err)
	}
}

func (d *dumper) printf(format string, args ...any) { fmt.Fprintf(d.Writer, format, args...) }

// summary prints what a reader has in memory.
func (d *dumper) summary() {
	r := d.r
	d.printf("table %d, format %d, %d bytes\n", r.opt.FileNumber, r.footer.version, r.opt.Size)
	d.printf("compression %v\n", r.props.Compression)
	for _, f := range r.props.fields() {
		d.printf("%s %d\n", f.name, *f.value)
	}
	for _, name := range slices.Sorted(maps.Keys(r.props.Attributes)) {
		d.printf("%s%s %q\n", attributePrefix, name, r.props.Attributes[name])
	}
	for _, f := range r.tombstones {
		end := "…"
		if f.End != nil {
			end = d.opt.Key(f.End)
		}
		d.printf("tombstone %s to %s at %d\n", d.opt.Key(f.Start), end, f.Seqs)
	}
	d.printf("top index at %d, %d bytes\n", r.footer.top.offset, r.footer.top.length)
	d.printf("metaindex at %d, %d bytes\n", r.footer.meta.offset, r.footer.meta.length)
}

func (d *dumper) partition(i int) error {
	r, p := d.r, &d.r.parts[i]
	content, err := r.content(p.index, nil)
	if err != nil {
		return err
	}
	x, ok := parseIndex(content)
	if !ok {
		return r.corrupt(p.index.offset, errBlock)
	}
	d.printf("partition %d: index at %d, %d bytes, %d blocks; filter at %d, %d bytes\n",
		i, p.index.offset, p.index.length, x.count, p.filter.offset, p.filter.length)
	for j := range x.count {
		e, err := x.at(j, p.dataLimit())
		if err != nil {
			return r.corrupt(p.index.offset, err)
		}
		d.note("  ", d.block(&e))
	}
	return nil
}

func (d *dumper) block(e *indexEntry) error {
	content, err := d.r.content(e.handle, nil)
	if err != nil {
		return err
	}
	b, ok := parseBlock(content)
	if !ok {
		return d.r.corrupt(e.handle.offset, errBlock)
	}
	d.printf("  block at %d, %d bytes, %d decompressed, %d entries, %d restarts, %d buckets: %s %v to %s %v\n",
		e.handle.offset, e.handle.length, len(content), b.count, b.intervals(), len(b.buckets),
		d.opt.Key(e.first(nil)), e.firstTrailer, d.opt.Key(e.last), e.lastTrailer)
	if !d.opt.Entries && !d.opt.Values {
		return nil
	}
	var c cursor
	c.open(b)
	for ok := c.first(); ok; ok = c.forward() {
		d.entry(&c)
	}
	if c.err != nil {
		return d.r.corrupt(e.handle.offset, c.err)
	}
	return nil
}

func (d *dumper) entry(c *cursor) {
	if d.opt.Values {
		d.printf("    %s %v = %q\n", d.opt.Key(c.key), c.trailer, c.value)
		return
	}
	d.printf("    %s %v, %d bytes\n", d.opt.Key(c.key), c.trailer, len(c.value))
}
