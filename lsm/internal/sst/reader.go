package sst

import (
	"fmt"
	"io"

	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// Reader reads a table. It may be used concurrently. It owns no file: Source
// must stay open as long as the reader and its iterators are used.
type Reader struct {
	src   Source
	opt   ReaderOptions
	cache Cache  // nil if there is none
	id    uint64 // of the table in the cache
	codec *Decompressor
	fixed entry.Trailer // of all entries; 0 if each has its own

	limit      int64             // where the partitions end
	meta       map[string]handle // of the blocks that the metaindex names
	footer     footer
	top        index
	parts      []partition
	props      Properties
	tombstones []rangedel.Fragment
	resident   int64
}

// tailSize is how much is read at the end of a table when it is opened: footer,
// metaindex and properties, and the top index of most tables.
const tailSize = 8 << 10

// Open reads what a reader holds in memory: footer, metaindex, properties, top
// index and range tombstones. It compares them with the size of the file and
// with each other. A table of a newer format is an error that is
// kv.ErrNewerFormat.
func Open(src Source, opt ReaderOptions) (*Reader, error) {
	r := &Reader{src: src, opt: opt, cache: opt.Cache, id: opt.CacheID, codec: opt.Decompressor}
	if r.id == 0 {
		r.id = opt.FileNumber
	}
	if r.codec == nil {
		r.codec = new(Decompressor)
	}
	if opt.Seq > 0 {
		r.fixed = entry.MakeTrailer(opt.Seq, entry.Put)
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	if opt.Pin && r.cache != nil {
		if err := r.pin(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Reader) open() error {
	if r.opt.Size < footerSize {
		return r.corrupt(-1, damage(fmt.Sprintf("it has %d bytes, which is too short for a table", r.opt.Size)))
	}
	tail, err := r.window(max(0, r.opt.Size-tailSize), r.opt.Size)
	if err != nil {
		return err
	}
	at := r.opt.Size - footerSize
	if r.footer, err = parseFooter(tail.bytes(handle{at, footerSize}), r.opt.FileNumber, r.opt.Size); err != nil {
		return r.corrupt(at, err)
	}
	if err := r.openMeta(tail); err != nil {
		return err
	}
	return r.openTop(tail)
}

// openMeta reads the metaindex and what it names.
func (r *Reader) openMeta(tail *window) error {
	h := r.footer.meta
	content, err := r.plain(h, tail)
	if err != nil {
		return err
	}
	r.meta = map[string]handle{}
	if err := readList(content, r.addMeta); err != nil {
		return r.corrupt(h.offset, err)
	}
	if _, ok := r.meta[metaProperties]; !ok {
		return r.corrupt(h.offset, damage("there are no properties"))
	}
	if err := r.openProperties(tail); err != nil {
		return err
	}
	return r.openTombstones(tail)
}

func (r *Reader) openProperties(tail *window) error {
	h := r.meta[metaProperties]
	content, err := r.plain(h, tail)
	if err != nil {
		return err
	}
	if r.props, err = parseProperties(content); err != nil {
		return r.corrupt(h.offset, err)
	}
	return nil
}

func (r *Reader) addMeta(name, value []byte) error {
	h, rest := decodeHandle(value)
	switch n := string(name); n {
	case metaProperties, metaTombstones:
		if rest == nil || len(rest) > 0 || !h.within(r.footer.meta.offset) {
			return damage("the metaindex points to nowhere")
		}
		r.meta[n] = h
	}
	return nil
}

func (r *Reader) openTombstones(tail *window) error {
	if h, ok := r.meta[metaTombstones]; ok {
		content, err := r.plain(h, tail)
		if err != nil {
			return err
		}
		if r.tombstones, err = parseTombstones(content); err != nil {
			return r.corrupt(h.offset, err)
		}
		r.resident += tombstoneBytes(r.tombstones, content)
	}
	if n := uint64(len(r.tombstones)); n != r.props.Tombstones {
		return r.corrupt(r.meta[metaProperties].offset,
			damage(fmt.Sprintf("it has %d range tombstones, its properties say %d", n, r.props.Tombstones)))
	}
	return nil
}

// tombstoneBytes is the memory that decoded fragments take.
func tombstoneBytes(fragments []rangedel.Fragment, content []byte) int64 {
	const fragment, seq = 72, 8
	n := len(content) + fragment*len(fragments)
	for _, f := range fragments {
		n += seq * len(f.Seqs)
	}
	return int64(n)
}

// openTop reads the top index. The partitions end where the first block after
// them starts.
func (r *Reader) openTop(tail *window) error {
	h := r.footer.top
	r.limit = h.offset
	if t, ok := r.meta[metaTombstones]; ok {
		r.limit = min(r.limit, t.offset)
	}
	content, err := r.content(h, tail)
	if err != nil {
		return err
	}
	if r.top, r.parts, err = parseTop(content, r.limit); err != nil {
		return r.corrupt(h.offset, err)
	}
	const perPartition = 40
	r.resident += int64(len(content) + perPartition*len(r.parts))
	end := int64(0)
	if n := len(r.parts); n > 0 {
		end = r.parts[n-1].end()
	}
	if end != r.limit {
		return r.corrupt(end, damage("the top index leaves a part of the file out"))
	}
	return nil
}

// pin puts the index, the filters and the first data block into the cache.
func (r *Reader) pin() error {
	for i := range r.parts {
		p := &r.parts[i]
		if p.filter.length > 0 {
			if err := r.pinBlock(p.filter); err != nil {
				return err
			}
		}
		if err := r.pinBlock(p.index); err != nil {
			return err
		}
	}
	if len(r.parts) == 0 {
		return nil
	}
	x, err := r.index(0, true)
	if err != nil {
		return err
	}
	h, err := r.dataHandle(0, x, 0)
	if err != nil {
		return err
	}
	return r.pinBlock(h)
}

func (r *Reader) pinBlock(h handle) error {
	content, err := r.content(h, nil)
	if err == nil {
		r.cache.Add(r.id, uint64(h.offset), content, true)
	}
	return err
}

// Properties returns what the table says of itself.
func (r *Reader) Properties() Properties { return r.props.clone() }

// Tombstones returns the range tombstones. They must not be changed.
func (r *Reader) Tombstones() []rangedel.Fragment { return r.tombstones }

// ResidentBytes is the memory that the reader holds besides the cache.
func (r *Reader) ResidentBytes() int64 { return r.resident }

// stored returns the trailer to search for where entries are stored with number 0:
// one that is before or after them, as t is before or after the number they have.
func (r *Reader) stored(t entry.Trailer) entry.Trailer {
	switch {
	case r.fixed == 0:
		return t
	case t < r.fixed:
		return entry.Oldest
	}
	return entry.Newest
}

// actual returns the trailer of an entry that is stored with t.
func (r *Reader) actual(t entry.Trailer) entry.Trailer {
	if r.fixed != 0 {
		return r.fixed
	}
	return t
}

// corrupt makes an error of what was found at offset.
func (r *Reader) corrupt(offset int64, err error) error { return corrupt(r.opt.Name, offset, err) }

// window is a part of the file in memory.
type window struct {
	offset int64
	data   []byte
}

// bytes returns a stored block, or nil if it is not all in the window.
func (w *window) bytes(h handle) []byte {
	if w == nil || h.offset < w.offset || h.end() > w.offset+int64(len(w.data)) {
		return nil
	}
	return w.data[h.offset-w.offset:][:h.length:h.length]
}

// window reads a part of the file.
func (r *Reader) window(from, to int64) (*window, error) {
	w := &window{offset: from, data: make([]byte, to-from)}
	return w, r.readAt(w.data, from)
}

// readAt fills p. A file that ends before is damaged: its size was known.
func (r *Reader) readAt(p []byte, off int64) error {
	n, err := r.src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF || err == io.ErrUnexpectedEOF:
		return r.corrupt(off+int64(n), damage("the file ends too early"))
	}
	return r.corrupt(off, err)
}
