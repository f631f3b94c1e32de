package cache

// ghost remembers blocks that were evicted from the small queue, by their hash,
// so that one that comes back soon is seen to be in demand. It has rows of four,
// from the latest to the oldest; what leaves a row is forgotten. Two blocks may
// be taken for each other, which costs nothing but an undeserved place.
type ghost struct {
	rows [][4]uint32 // a power of two, or none
}

// resize makes room for about as many blocks as given, a power of two from
// minSlots/2 up, and forgets all if that is a change.
func (g *ghost) resize(blocks int) {
	if n := blocks / 4; n != len(g.rows) {
		g.rows = make([][4]uint32, n)
	}
}

// add remembers a block.
func (g *ghost) add(hash uint64) {
	row, mark := g.place(hash)
	copy(row[1:], row[:3])
	row[0] = mark
}

// take forgets a block and reports whether it was remembered.
func (g *ghost) take(hash uint64) bool {
	row, mark := g.place(hash)
	for i := range row {
		if row[i] == mark {
			copy(row[i:], row[i+1:])
			row[3] = 0
			return true
		}
	}
	return false
}

// place returns the row of a hash and what stands for it there, never 0. The
// lowest bits are the same within a shard.
func (g *ghost) place(hash uint64) (row *[4]uint32, mark uint32) {
	return &g.rows[hash>>40&uint64(len(g.rows)-1)], uint32(hash>>8) | 1
}
