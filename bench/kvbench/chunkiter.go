//go:build cgo_peers

package kvbench

import (
	"encoding/binary"
	"sync"
)

// chunkIter amortises the cgo crossing: a run of steps in one direction makes
// the C side copy 1, 2, 4 … 128 entries at a time, so that a peer written in C
// is measured near its native scan speed.
type chunkCursor interface {
	// fill positions by mode (see rk_iter) and packs entries as
	// klen(4) vlen(4) key val. The cursor rests on the last entry packed, or if
	// need > 0 on one that did not fit in buf.
	fill(mode int, key []byte, dir, max int, buf []byte) (n, need int, err error)
	close() error
}

const (
	moveFirst, moveLast, moveGE, moveLT, moveNext, movePrev, moveNone = 0, 1, 2, 3, 4, 5, -1
)

type chunkIter struct {
	c     chunkCursor
	buf   []byte
	n, at int // entries in buf, present entry
	dir   int
	grow  int
	max   int  // what the last fill was allowed
	pend  bool // the cursor stands on the next entry already
	offs  []int
	k, v  []byte
	ok    bool
	err   error
	save  []byte

	pooled *[]byte
}

var chunkBufs = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

func newChunkIter(c chunkCursor) *chunkIter {
	b := chunkBufs.Get().(*[]byte)
	return &chunkIter{c: c, buf: *b, pooled: b}
}

func (i *chunkIter) load(mode int, key []byte, dir, max int) bool {
	n, need, err := i.c.fill(mode, key, dir, max, i.buf)
	if n == 0 && need > 0 && err == nil {
		i.buf = make([]byte, need*2)
		max = 1
		n, need, err = i.c.fill(moveNone, nil, dir, max, i.buf)
	}
	i.pend, i.max = need > 0, max
	i.n, i.at, i.dir, i.err = n, 0, dir, err
	i.offs = i.offs[:0]
	for p, j := 0, 0; j < n; j++ {
		i.offs = append(i.offs, p)
		p += 8 + int(binary.LittleEndian.Uint32(i.buf[p:])) + int(binary.LittleEndian.Uint32(i.buf[p+4:]))
	}
	return i.set()
}

func (i *chunkIter) set() bool {
	i.ok = i.err == nil && i.at < i.n
	if i.ok {
		p := i.offs[i.at]
		kl := int(binary.LittleEndian.Uint32(i.buf[p:]))
		vl := int(binary.LittleEndian.Uint32(i.buf[p+4:]))
		i.k, i.v = i.buf[p+8:p+8+kl], i.buf[p+8+kl:p+8+kl+vl]
	}
	return i.ok
}

func (i *chunkIter) First() bool            { i.grow = 1; return i.load(moveFirst, nil, 1, 1) }
func (i *chunkIter) Last() bool             { i.grow = 1; return i.load(moveLast, nil, -1, 1) }
func (i *chunkIter) SeekGE(key []byte) bool { i.grow = 1; return i.load(moveGE, key, 1, 1) }
func (i *chunkIter) SeekLT(key []byte) bool { i.grow = 1; return i.load(moveLT, key, -1, 1) }

func (i *chunkIter) step(dir int) bool {
	if !i.ok {
		return false
	}
	if i.dir == dir || i.n == 1 && i.max == 1 {
		if i.at+1 < i.n {
			i.at++
			return i.set()
		}
		mode := moveNext
		if dir < 0 {
			mode = movePrev
		}
		if i.dir != dir {
			i.grow = 1
		} else if i.pend {
			mode = moveNone
		}
		if i.grow < 128 {
			i.grow *= 2
		}
		return i.load(mode, nil, dir, i.grow)
	}
	// Against the direction of the packed run.
	if i.at > 0 {
		i.at--
		return i.set()
	}
	i.save = append(i.save[:0], i.k...)
	i.grow = 1
	if dir < 0 {
		return i.load(moveLT, i.save, -1, 1)
	}
	if !i.load(moveGE, i.save, 1, 1) {
		return false
	}
	return i.load(moveNext, nil, 1, 1)
}

func (i *chunkIter) Next() bool    { return i.step(1) }
func (i *chunkIter) Prev() bool    { return i.step(-1) }
func (i *chunkIter) Key() []byte   { return i.k }
func (i *chunkIter) Value() []byte { return i.v }
func (i *chunkIter) Err() error    { return i.err }
func (i *chunkIter) Close() error {
	chunkBufs.Put(i.pooled)
	i.buf = nil
	return i.c.close()
}
