package pco

import "fmt"

// ChunkDecoder decodes the pages of a chunk of the wrapped form. It is immutable
// and may be used concurrently, through a PageDecoder for each goroutine.
type ChunkDecoder[T Number] struct {
	meta *chunkMeta
	core any // *chunk of the width of T
}

// NewChunkDecoder reads the metadata of a chunk of numbers of type T, and returns
// how many bytes they have. It is a *FormatError if they make no sense.
func NewChunkDecoder[T Number](h Header, src []byte) (*ChunkDecoder[T], int, error) {
	r := bitReader{data: src}
	m, err := readMeta(&r, h, TypeOf[T]())
	if err != nil {
		return nil, 0, at(min(r.byte(), len(src)), err)
	}
	return newChunkDecoder[T](m), r.byte(), nil
}

func newChunkDecoder[T Number](m *chunkMeta) *ChunkDecoder[T] {
	c := &ChunkDecoder[T]{meta: m}
	switch m.typ.Bits() {
	case 8:
		c.core = newChunk[uint8](m)
	case 16:
		c.core = newChunk[uint16](m)
	case 32:
		c.core = newChunk[uint32](m)
	default:
		c.core = newChunk[uint64](m)
	}
	return c
}

// PageDecoder decodes one page after the other of a chunk, and allocates only for
// the first. It is not for concurrent use.
type PageDecoder[T Number] struct {
	core any // *page of the width of T
}

// NewPage returns a decoder of pages, without one: Reset gives it one.
func (c *ChunkDecoder[T]) NewPage() *PageDecoder[T] {
	switch c := c.core.(type) {
	case *chunk[uint8]:
		return &PageDecoder[T]{c.newPage()}
	case *chunk[uint16]:
		return &PageDecoder[T]{c.newPage()}
	case *chunk[uint32]:
		return &PageDecoder[T]{c.newPage()}
	default:
		return &PageDecoder[T]{c.(*chunk[uint64]).newPage()}
	}
}

// Reset begins a page of n numbers, which is at the beginning of src; what follows
// it does not matter. The decoder keeps src until the next Reset.
func (p *PageDecoder[T]) Reset(src []byte, n int) error {
	if n < 0 {
		return fmt.Errorf("pco: a page of %d numbers", n)
	}
	switch p := p.core.(type) {
	case *page[uint8]:
		return p.reset(src, n)
	case *page[uint16]:
		return p.reset(src, n)
	case *page[uint32]:
		return p.reset(src, n)
	default:
		return p.(*page[uint64]).reset(src, n)
	}
}

// Read decodes the next numbers of the page into dst and returns how many: fewer
// than len(dst) only at the end of the page. A page need not be read to its end.
func (p *PageDecoder[T]) Read(dst []T) (int, error) {
	switch p := p.core.(type) {
	case *page[uint8]:
		return p.read(latentsOf[uint8](dst))
	case *page[uint16]:
		return p.read(latentsOf[uint16](dst))
	case *page[uint32]:
		return p.read(latentsOf[uint32](dst))
	default:
		return p.(*page[uint64]).read(latentsOf[uint64](dst))
	}
}

// Size returns how many bytes the page has, once it was read to its end.
func (p *PageDecoder[T]) Size() int {
	switch p := p.core.(type) {
	case *page[uint8]:
		return p.r.byte()
	case *page[uint16]:
		return p.r.byte()
	case *page[uint32]:
		return p.r.byte()
	default:
		return p.(*page[uint64]).r.byte()
	}
}
