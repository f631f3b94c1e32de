package sst

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// Verify reads the whole file, past the cache, and returns the first thing that
// is wrong: a checksum, of a block or of the file; an entry out of order; an
// index, a filter, a hash index or a property that does not say what the entries
// say; a byte that belongs to nothing. progress, if not nil, is told how many
// bytes were read so far.
func (r *Reader) Verify(ctx context.Context, progress func(bytes int64)) error {
	if progress == nil {
		progress = func(int64) {}
	}
	v := &verifier{r: r, ctx: ctx, progress: progress}
	v.found = Properties{MinSeq: math.MaxUint64}
	for i := range r.parts {
		if err := v.partition(i); err != nil {
			return err
		}
	}
	if err := v.rest(); err != nil {
		return err
	}
	if r.opt.Checksum != 0 && v.sum != r.opt.Checksum {
		return r.corrupt(-1, damage("the checksum of the whole file is wrong"))
	}
	return v.properties()
}

// verifier goes through a table from its first byte to its last.
type verifier struct {
	r        *Reader
	ctx      context.Context
	progress func(int64)

	at  int64  // so far
	sum uint32 // of the file before at
	win window

	any   bool // there was an entry
	last  Bound
	found Properties
}

// stored returns the bytes of the next block in the file, which h must be.
func (v *verifier) stored(h handle) ([]byte, error) {
	if h.offset != v.at {
		return nil, v.r.corrupt(v.at, damage("bytes belong to nothing"))
	}
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	b := v.win.bytes(h)
	if b == nil {
		w, err := v.r.window(h.offset, min(h.offset+max(aheadMax, h.length), v.r.opt.Size))
		if err != nil {
			return nil, err
		}
		v.win = *w
		b = w.bytes(h)
	}
	v.sum = crc32.Update(v.sum, castagnoli(), b)
	v.at = h.end()
	v.progress(v.at)
	return b, nil
}

// content returns the content of the next block.
func (v *verifier) content(h handle) ([]byte, error) {
	stored, err := v.stored(h)
	if err != nil {
		return nil, err
	}
	return v.r.unpack(h, stored)
}

// partition verifies data blocks, filter and index of a partition.
func (v *verifier) partition(i int) error {
	r, p := v.r, &v.r.parts[i]
	filter, err := v.ahead(p.filter)
	if err != nil {
		return err
	}
	content, err := v.ahead(p.index)
	if err != nil {
		return err
	}
	x, ok := parseIndex(content)
	if !ok || x.count == 0 {
		return r.corrupt(p.index.offset, errBlock)
	}
	for j := range x.count {
		e, err := x.at(j, p.dataLimit())
		if err == nil && r.footer.version == 1 && len(e.properties) > 0 {
			err = errIndex
		}
		if err != nil {
			return r.corrupt(p.index.offset, err)
		}
		if err := v.dataBlock(&e, filter); err != nil {
			return err
		}
	}
	if key, t, _, err := r.top.valueAt(i); err != nil || !v.lastIs(key, t) {
		return r.corrupt(r.footer.top.offset, errMisled)
	}
	v.found.Partitions++
	v.found.FilterBytes += uint64(p.filter.length)
	v.found.IndexBytes += uint64(p.index.length)
	if p.filter.length > 0 {
		if _, err := v.content(p.filter); err != nil {
			return err
		}
	}
	_, err = v.content(p.index)
	return err
}

// ahead reads a block out of turn.
func (v *verifier) ahead(h handle) ([]byte, error) {
	if h.length == 0 {
		return nil, nil
	}
	return v.r.content(h, nil)
}

// dataBlock verifies the data block of an index entry.
func (v *verifier) dataBlock(e *indexEntry, filter []byte) error {
	content, err := v.content(e.handle)
	if err != nil {
		return err
	}
	b, ok := parseBlock(content)
	if !ok || b.count == 0 {
		return v.r.corrupt(e.handle.offset, errBlock)
	}
	if err := v.entries(&b, e, filter); err != nil {
		return v.r.corrupt(e.handle.offset, err)
	}
	v.found.DataBlocks++
	v.found.DataBytes += uint64(e.handle.length)
	return nil
}

// entries verifies the entries of a data block.
func (v *verifier) entries(b *block, e *indexEntry, filter []byte) error {
	var c cursor
	c.open(*b)
	n, interval := 0, -1
	for ok := c.first(); ok; ok = c.forward() {
		if interval+1 < b.intervals() && b.restart(interval+1) == c.off {
			interval++
		}
		if n == 0 && (!bytes.Equal(c.key, e.first(nil)) || c.trailer != e.firstTrailer) {
			return errMisled
		}
		if err := v.entry(&c, interval, filter); err != nil {
			return err
		}
		n++
	}
	switch {
	case c.err != nil:
		return c.err
	case interval+1 != b.intervals():
		return errRestart
	case !v.lastIs(e.last, e.lastTrailer):
		return errMisled
	}
	return v.backward(&c, n)
}

// backward goes through a block from its end, which looks at each restart.
func (v *verifier) backward(c *cursor, n int) error {
	for ok := c.last(); ok; ok = c.back() {
		n--
	}
	if c.err == nil && n != 0 {
		return errRestart
	}
	return c.err
}

// entry verifies one entry, which lies in an interval of its block.
func (v *verifier) entry(c *cursor, interval int, filter []byte) error {
	if v.any && entry.Compare(v.last.Key, v.last.Trailer, c.key, c.trailer) >= 0 {
		return damage("an entry is not after the one before")
	}
	if c.trailer.Kind() > entry.Merge {
		return damage(fmt.Sprintf("an entry is of unknown kind %d", c.trailer.Kind()))
	}
	hash := Hash(c.key)
	if n := len(c.buckets); n > 0 {
		if b := c.buckets[bucketOf(hash, n)]; b != bucketShared && int(b) != interval {
			return damage("the hash index does not have a key")
		}
	}
	v.any = true
	v.last.Key, v.last.Trailer = append(v.last.Key[:0], c.key...), c.trailer
	v.found.count(c.trailer, len(c.key), len(c.value))
	return v.filtered(filter, hash)
}

// filtered verifies that the filter has the last key and its prefix.
func (v *verifier) filtered(filter []byte, hash uint64) error {
	if len(filter) == 0 {
		return nil
	}
	if may, ok := mayContain(filter, hash); !ok || !may {
		return damage("the filter does not have a key")
	}
	n := int(v.r.props.PrefixLength)
	if n == 0 || len(v.last.Key) < n {
		return nil
	}
	if may, ok := mayContain(filter, prefixHash(v.last.Key[:n])); !ok || !may {
		return damage("the filter does not have a prefix")
	}
	return nil
}

// lastIs reports whether the last entry was that.
func (v *verifier) lastIs(key []byte, t entry.Trailer) bool {
	return v.any && bytes.Equal(v.last.Key, key) && v.last.Trailer == t
}

// rest verifies what comes after the partitions.
func (v *verifier) rest() error {
	r := v.r
	blocks := []handle{r.footer.top, r.meta[metaProperties], r.footer.meta}
	if h, ok := r.meta[metaTombstones]; ok {
		blocks = append([]handle{h}, blocks...)
		v.found.TombstoneBytes = uint64(h.length)
	}
	for _, h := range blocks {
		if _, err := v.content(h); err != nil {
			return err
		}
	}
	v.found.IndexBytes += uint64(r.footer.top.length)
	b, err := v.stored(handle{r.opt.Size - footerSize, footerSize})
	if err != nil {
		return err
	}
	if _, err := parseFooter(b, r.opt.FileNumber, r.opt.Size); err != nil {
		return r.corrupt(v.at-footerSize, err)
	}
	return nil
}

// properties compares what was found with what the properties say.
func (v *verifier) properties() error {
	for _, f := range v.r.tombstones {
		v.found.countFragment(f)
	}
	said := v.r.Properties()
	v.found.BloomBits, v.found.PrefixLength = said.BloomBits, said.PrefixLength
	found := v.found.fields()
	for i, f := range said.fields() {
		if *f.value != *found[i].value {
			return v.r.corrupt(v.r.meta[metaProperties].offset,
				damage(fmt.Sprintf("the property %s is %d, found is %d", f.name, *f.value, *found[i].value)))
		}
	}
	return nil
}
