package sst

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
)

// DumpOptions say what Dump prints besides the structure of a table.
type DumpOptions struct {
	Entries bool // each entry, with the length of its value
	Values  bool // and the value itself
}

// Dump prints a table as text. It reads past the cache, and stops at the first
// error.
func Dump(to io.Writer, r *Reader, opt DumpOptions) error {
	d := &dumper{Writer: bufio.NewWriter(to), r: r, opt: opt}
	d.summary()
	for i := range r.parts {
		if err := d.partition(i); err != nil {
			d.Flush() // what was read is shown; the error of the table matters more
			return err
		}
	}
	return d.Flush()
}

type dumper struct {
	*bufio.Writer
	r   *Reader
	opt DumpOptions
}

func (d *dumper) printf(format string, args ...any) { fmt.Fprintf(d.Writer, format, args...) }

// summary prints what a reader has in memory.
func (d *dumper) summary() {
	r := d.r
	d.printf("table %d, format %d, %d bytes\n", r.opt.FileNumber, formatVersion, r.opt.Size)
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
			end = fmt.Sprintf("%q", f.End)
		}
		d.printf("tombstone %q to %s at %d\n", f.Start, end, f.Seqs)
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
		if err := d.block(&e); err != nil {
			return err
		}
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
	d.printf("  block at %d, %d bytes, %d decompressed, %d entries, %d restarts, %d buckets: %q %v to %q %v\n",
		e.handle.offset, e.handle.length, len(content), b.count, b.intervals(), len(b.buckets),
		e.first(nil), e.firstTrailer, e.last, e.lastTrailer)
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
		d.printf("    %q %v = %q\n", c.key, c.trailer, c.value)
		return
	}
	d.printf("    %q %v, %d bytes\n", c.key, c.trailer, len(c.value))
}
