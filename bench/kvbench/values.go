package kvbench

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// valGen makes values that compress to about half, from (id, version) alone: a
// slice of a fixed pool at a hashed offset, stamped with id and version. In the
// pool each piece of 100 bytes is 50 random bytes said twice.
type valGen struct {
	pool []byte
	size int
}

const (
	stampLen = 12
	poolLen  = 1 << 20
)

func newValGen(size int) *valGen {
	r := rand.New(rand.NewPCG(301, 7))
	n := poolLen + size
	p := make([]byte, 0, n+100)
	for len(p) < n {
		var piece [50]byte
		for i := range piece {
			piece[i] = byte(r.Uint32())
		}
		p = append(append(p, piece[:]...), piece[:]...)
	}
	return &valGen{pool: p[:n], size: size}
}

func (g *valGen) of(id uint64, ver uint32) []byte {
	o := int(mix64(id^uint64(ver)<<40) & (poolLen - 1))
	return g.pool[o : o+g.size]
}

func (g *valGen) fill(dst []byte, id uint64, ver uint32) []byte {
	dst = append(dst[:0], g.of(id, ver)...)
	binary.LittleEndian.PutUint64(dst, id)
	binary.LittleEndian.PutUint32(dst[8:], ver)
	return dst
}

func (g *valGen) stampOK(v []byte, id uint64) bool {
	return len(v) == g.size && binary.LittleEndian.Uint64(v) == id
}

// check compares every byte; any version of id is accepted and returned.
func (g *valGen) check(v []byte, id uint64) (ver uint32, ok bool) {
	if !g.stampOK(v, id) {
		return 0, false
	}
	ver = binary.LittleEndian.Uint32(v[8:])
	return ver, bytes.Equal(v[stampLen:], g.of(id, ver)[stampLen:])
}
