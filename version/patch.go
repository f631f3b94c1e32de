package version

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/varvedb/varve/codec"
)

// A patch is the differences of two versions as a stream of frames: a header,
// edits in ascending order of their keys, an end with their number. It has the
// old values too, so that whoever applies it can see whether it fits, and can
// apply it backwards. It has no secret and no fingerprints: it fits any map of
// the same types.
const (
	patchMagic = "VarvePatch"

	patchOld = 1 // flag of an edit: the key was there
	patchNew = 2 // flag of an edit: the key is there after
)

// WritePatch writes the differences from one commit to another to w as a patch,
// which ReadPatch reads; 0 is the empty map. It returns how many keys differ.
// The cost is as of Diff; memory holds a frame, about the two values of a key or
// 256 KiB. Errors: ErrNoCommit, and those of w.
func (m *Map[K, V]) WritePatch(w io.Writer, from, to CommitID) (n int, err error) {
	err = m.view(func(s *session) error {
		f := newFrameWriter(w)
		if n, err = s.sendPatch(f, from, to, m.shapes()); err != nil {
			return err
		}
		return f.flush()
	})
	return n, err
}

func (s *session) sendPatch(f *frameWriter, from, to CommitID, shapes [2]string) (n int, err error) {
	a, err := s.commitOrNone(from)
	if err != nil {
		return 0, err
	}
	b, err := s.commitOrNone(to)
	if err != nil {
		return 0, err
	}
	head := append(append([]byte(patchMagic), rowFormat), a.Global[:]...)
	head = append(head, b.Global[:]...)
	f.frame(frameHeader, appendBytes(appendBytes(head, shapes[0]), shapes[1]))
	if n, err = s.sendDifferences(f, a.Root, b.Root); err != nil {
		return n, err
	}
	f.frame(frameEnd, appendUvarint(nil, n))
	return n, f.err
}

// sendDifferences writes what differs between two trees, as many edits to a
// frame as are not large.
func (s *session) sendDifferences(f *frameWriter, from, to Root) (n int, err error) {
	d, err := s.diff(from, to)
	if err != nil {
		return 0, err
	}
	var b []byte
	for {
		x, ok, err := d.next()
		if err != nil {
			return n, err
		}
		if len(b) > 0 && (!ok || len(b) >= maxFrame/4) {
			f.frame(frameEdits, b)
			b = b[:0]
		}
		if !ok || f.err != nil {
			return n, f.err
		}
		if b, err = s.appendDifference(b, &x); err != nil {
			return n, err
		}
		n++
	}
}

// appendDifference appends an edit of a patch: flags (1), key, and the values
// that the flags say, each behind its uvarint length.
func (s *session) appendDifference(dst []byte, x *delta) ([]byte, error) {
	at := len(dst)
	dst = appendBytes(append(dst, 0), x.key)
	for _, side := range []struct {
		e    *entry
		flag byte
	}{{&x.old, patchOld}, {&x.new, patchNew}} {
		if side.e.key == nil {
			continue
		}
		v, err := s.value(side.e)
		if err != nil {
			return dst, err
		}
		dst[at] |= side.flag
		dst = appendBytes(dst, v)
	}
	return dst, nil
}

// Patch is a walk over the differences in a stream that WritePatch has written.
// The stream is read as the walk goes, one frame in memory, so there is one walk:
// All, or what a branch does with the patch. It belongs to one goroutine.
type Patch[K, V any] struct {
	// From and To are the commits between which the patch leads, in whatever map
	// they are; zero is the empty map.
	From, To GlobalID

	m     *Map[K, V]
	tree  Tree // none: all values stand in the patch
	edits patchReader
	back  bool
	err   error
}

// ReadPatch begins to read a patch. Of the map it takes nothing but the types:
// if the patch has others, the error is [codec.ErrShape]. A damaged stream is a
// *kv.CorruptionError here and in the walk, one that is cut off
// io.ErrUnexpectedEOF.
func (m *Map[K, V]) ReadPatch(r io.Reader) (*Patch[K, V], error) {
	p := &Patch[K, V]{m: m, edits: patchReader{f: newFrameReader(r)}}
	rec, err := p.edits.f.header(patchMagic)
	if err != nil {
		return nil, err
	}
	rec.fixed(p.From[:])
	rec.fixed(p.To[:])
	shapes := [2]string{rec.string(), rec.string()}
	if err := rec.end(); err != nil {
		return nil, p.edits.f.damaged("the header: " + err.Error())
	}
	if own := m.shapes(); shapes != own {
		return nil, fmt.Errorf("the patch is of %s → %s, the map of %s → %s: %w", shapes[0], shapes[1], own[0], own[1], codec.ErrShape)
	}
	return p, nil
}

// Reverse makes the walk one from To to From, which change places: what was
// added is removed, and what was new is old. It must not have begun.
func (p *Patch[K, V]) Reverse() *Patch[K, V] {
	p.From, p.To, p.back = p.To, p.From, !p.back
	return p
}

// All walks over the differences in the order of their keys.
func (p *Patch[K, V]) All() iter.Seq[Difference[K, V]] {
	return func(yield func(Difference[K, V]) bool) {
		for p.err == nil {
			_, d, ok := p.next()
			if !ok || !yield(d) {
				return
			}
		}
	}
}

// Err returns the first error of the walk, nil if there was none. That the
// stream is whole is known when the walk has come to its end.
func (p *Patch[K, V]) Err() error { return p.err }

// next returns the next difference, on bytes and decoded; ok is false at the end
// and after an error.
func (p *Patch[K, V]) next() (x delta, d Difference[K, V], ok bool) {
	if x, ok, p.err = p.edits.next(); !ok {
		return x, d, false
	}
	if p.back {
		x.old, x.new = x.new, x.old
	}
	var err error
	if d, err = p.m.difference(&p.tree, &x); err != nil {
		p.err = p.edits.f.damaged(fmt.Sprintf("the edit of %q: %v", x.key, err))
	}
	return x, d, err == nil
}

// patchReader reads the edits of a patch.
type patchReader struct {
	f     *frameReader
	data  []byte // of a frame, not read yet
	last  []byte // key, if n is not 0
	n     uint64 // edits read
	ended bool
}

// next returns the next edit; ok is false at the end, and after an error.
func (p *patchReader) next() (x delta, ok bool, err error) {
	for len(p.data) == 0 {
		if p.ended {
			return x, false, nil
		}
		if err := p.frame(); err != nil {
			return x, false, err
		}
	}
	if x, p.data, ok = takeDifference(p.data); !ok {
		return x, false, p.f.damaged("an edit: " + errCutOff.Error())
	}
	if p.n > 0 && bytes.Compare(p.last, x.key) >= 0 {
		return x, false, p.f.damaged("an edit: " + errUnsorted.Error())
	}
	p.n++
	p.last = x.key
	return x, true, nil
}

// frame reads a frame of edits, or the end.
func (p *patchReader) frame() error {
	kind, data, err := p.f.next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	switch {
	case err != nil:
		return err
	case kind == frameEdits && len(data) > 0:
		p.data = data
		return nil
	case kind != frameEnd:
		return p.f.damaged(fmt.Sprintf("a frame of kind %q in a patch", kind))
	}
	p.ended = true
	if n, k := binary.Uvarint(data); k <= 0 || k != len(data) || n != p.n {
		return p.f.damaged("the number of edits is wrong")
	}
	return nil
}

// takeDifference reads an edit of a patch off the front of data; ok is false if
// it is none, or changes nothing.
func takeDifference(data []byte) (x delta, rest []byte, ok bool) {
	if len(data) == 0 || data[0] == 0 || data[0] > patchOld|patchNew {
		return x, nil, false
	}
	flags := data[0]
	if x.key, rest, ok = takeBytes(data[1:]); !ok || len(x.key) > MaxKey {
		return x, nil, false
	}
	for _, side := range []struct {
		e    *entry
		flag byte
	}{{&x.old, patchOld}, {&x.new, patchNew}} {
		if flags&side.flag == 0 {
			continue
		}
		side.e.key = x.key
		if side.e.value, rest, ok = takeBytes(rest); !ok {
			return x, nil, false
		}
		side.e.size = uint64(len(side.e.value))
	}
	return x, rest, !sameEntry(&x.old, &x.new)
}
