package pco

import "slices"

// Info describes a standalone file.
type Info struct {
	Standalone uint8 // version of the file
	Version    Header
	Type       Type   // that the header names, 0 if none
	Hint       uint64 // how many numbers the header promises; it is not checked
	Numbers    int
	Bytes      int // up to the end of the file; what follows is not part of it
	Chunks     []ChunkInfo
}

// ChunkInfo describes a chunk.
type ChunkInfo struct {
	Type    Type
	Numbers int
	Offset  int // of the chunk in the file
	Meta    int // bytes of its metadata
	Page    int // bytes of its page
	Mode    Mode
	Delta   Delta
	Base    uint64 // of IntMult; of FloatMult the bits of the float
	Quant   int    // bits of FloatQuant
	Entries int    // of Dict
	Order   int    // of Consecutive and Conv1
	Window  int    // of Lookback, in numbers
	Vars    []VarInfo
}

// VarInfo describes the bins of a latent variable.
type VarInfo struct {
	Name     string // "lookback", "primary" or "secondary"
	Bits     int    // of a latent
	TableLog int    // size of the tANS table, as a power of two
	Bins     []BinInfo
}

// BinInfo describes a bin: how often it occurs, of 2^TableLog, and which latents it
// has: those from Lower that an offset of so many bits reaches.
type BinInfo struct {
	Weight     int
	Lower      uint64
	OffsetBits int
}

// Inspect describes a standalone file, and decodes all of it to find where chunks
// end. Errors are those of Decompress; what was read up to there is returned too.
func Inspect(src []byte) (*Info, error) {
	h, n, err := readFileHeader(src)
	if err != nil {
		return nil, err
	}
	info := &Info{Standalone: h.standalone, Version: h.wrapped, Type: h.typ, Hint: h.hint}
	for {
		c, size, err := readChunkHeader(src, n)
		if err != nil || c.typ == 0 {
			info.Bytes = n + size
			return info, err
		}
		chunk, err := inspectChunk(h.wrapped, c, src[n+size:])
		if err != nil {
			return info, at(n+size, err)
		}
		chunk.Offset = n
		info.Chunks = append(info.Chunks, *chunk)
		info.Numbers += c.n
		n += size + chunk.Meta + chunk.Page
	}
}

func inspectChunk(h Header, c chunkHeader, src []byte) (*ChunkInfo, error) {
	r := bitReader{data: src}
	m, err := readMeta(&r, h, c.typ)
	if err != nil {
		return nil, at(min(r.byte(), len(src)), err)
	}
	info := m.describe()
	info.Numbers, info.Meta = c.n, r.byte()
	info.Page, err = m.pageSize(src[info.Meta:], c.n)
	return info, at(info.Meta, err)
}

func (m *chunkMeta) describe() *ChunkInfo {
	info := &ChunkInfo{Type: m.typ, Mode: m.mode.kind, Delta: m.delta.kind, Quant: m.mode.bits, Entries: len(m.mode.dict)}
	switch m.mode.kind {
	case IntMult:
		info.Base = m.mode.base
	case FloatMult:
		shift := 64 - m.typ.Bits()
		info.Base = unorderFloat(m.mode.base<<shift) >> shift
	}
	switch m.delta.kind {
	case Consecutive, Conv1:
		info.Order = m.delta.states()
	case Lookback:
		info.Window = 1 << m.delta.windowLog
	}
	names := []string{"primary", "secondary"}
	if m.delta.kind == Lookback {
		names = slices.Insert(names, 0, "lookback")
	}
	for i, v := range m.vars() {
		bins := make([]BinInfo, len(v.bins))
		for j, b := range v.bins {
			bins[j] = BinInfo{int(b.weight), b.lower, int(b.bits)}
		}
		info.Vars = append(info.Vars, VarInfo{names[i], v.width, v.log, bins})
	}
	return info
}

// pageSize decodes a page to find its end.
func (m *chunkMeta) pageSize(src []byte, n int) (int, error) {
	switch m.typ.Bits() {
	case 8:
		return skipPage(newChunk[uint8](m).newPage(), src, n)
	case 16:
		return skipPage(newChunk[uint16](m).newPage(), src, n)
	case 32:
		return skipPage(newChunk[uint32](m).newPage(), src, n)
	}
	return skipPage(newChunk[uint64](m).newPage(), src, n)
}

func skipPage[L latent](p *page[L], src []byte, n int) (int, error) {
	if err := p.reset(src, n); err != nil {
		return 0, err
	}
	var batch [batchSize]L
	for n > 0 {
		k, err := p.read(batch[:])
		if err != nil {
			return 0, err
		}
		n -= k
	}
	return p.r.byte(), nil
}
