package sst

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Decompressor has what readers need to decompress blocks and is shared by those
// of an engine. The zero value is ready; it must not be copied. It may be used
// concurrently.
type Decompressor struct {
	once    sync.Once
	zstd    *zstd.Decoder
	zstdErr error
	buffers sync.Pool // of *[]byte, for stored blocks
}

// decompress fills dst, which has exactly the length of the content.
func (d *Decompressor) decompress(with Compression, dst, payload []byte) error {
	switch with {
	case None:
		if copy(dst, payload) != len(dst) || len(payload) != len(dst) {
			return damage("the block has not the length it says")
		}
		return nil
	case LZ4:
		n, err := lz4.UncompressBlock(payload, dst)
		return decompressed(n, dst, err)
	case S2:
		if n, err := s2.DecodedLen(payload); err != nil || n != len(dst) {
			return decompressed(n, dst, err)
		}
		got, err := s2.Decode(dst, payload)
		return decompressed(len(got), dst, err)
	case Zstd:
		return d.decodeZstd(dst, payload)
	}
	return damage(fmt.Sprintf("the block has unknown compression %d", with))
}

func decompressed(n int, dst []byte, err error) error {
	switch {
	case err != nil:
		return damage("the block does not decompress: " + err.Error())
	case n != len(dst):
		return damage("the block does not decompress to the length it says")
	}
	return nil
}

// decodeZstd decodes into dst. A frame that claims another length is refused
// before it is looked at, and the decoder stops at the end of dst.
func (d *Decompressor) decodeZstd(dst, payload []byte) error {
	var frame zstd.Header
	if err := frame.Decode(payload); err != nil {
		return decompressed(0, dst, err)
	}
	if !frame.HasFCS || frame.FrameContentSize != uint64(len(dst)) {
		return decompressed(-1, dst, nil)
	}
	d.once.Do(func() {
		d.zstd, d.zstdErr = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
			zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(MaxBlock))
	})
	if d.zstdErr != nil {
		return fmt.Errorf("decompress: %w", d.zstdErr)
	}
	got, err := d.zstd.DecodeAll(payload, dst[:0:len(dst)])
	return decompressed(len(got), dst, err)
}

// buffer returns room for n bytes, to be given back with release.
func (d *Decompressor) buffer(n int) *[]byte {
	b, _ := d.buffers.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	*b = (*b)[:n]
	return b
}

func (d *Decompressor) release(b *[]byte) {
	if cap(*b) <= freeContent {
		d.buffers.Put(b)
	}
}
