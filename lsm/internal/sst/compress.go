package sst

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compression is how the blocks of a table are compressed. The numbers are part
// of the format.
type Compression uint8

// The kinds of compression.
const (
	None Compression = 0
	LZ4  Compression = 1 // fastest to read
	S2   Compression = 2 // as small as LZ4 and faster to write
	Zstd Compression = 3 // smallest
)

// String returns the name of the compression.
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case LZ4:
		return "lz4"
	case S2:
		return "s2"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("compression(%d)", uint8(c))
}

const (
	minCompressed = 64 // content that is not worth the attempt, in bytes
	zstdWindow    = 512 << 10

	// Of blocks after some that did not become smaller, a few are tried.
	patience   = 4
	tryOneOf   = 8
	savingPart = 8 // compression is kept if it saves 1/8
)

// compressor compresses blocks, each on its own. Its state is made at the first
// use and kept. It is not for concurrent use.
type compressor struct {
	lz4    *lz4.Compressor
	zstd   *zstd.Encoder
	out    []byte
	misses int // blocks in a row for which it did not pay
}

// compress returns the payload for content and the compression it really has.
// The payload is valid until the next call; content may be returned as it is.
func (c *compressor) compress(with Compression, content []byte) (payload []byte, used Compression, err error) {
	if with == None || len(content) < minCompressed || c.hopeless() {
		return content, None, nil
	}
	payload, err = c.encode(with, content)
	if err != nil {
		return nil, None, err
	}
	if len(payload) > len(content)-len(content)/savingPart ||
		!contentAllowed(int64(len(content)), len(payload)) {
		c.misses++
		return content, None, nil
	}
	c.misses = 0
	return payload, with, nil
}

// hopeless reports whether the block is passed over because those before it did
// not become smaller.
func (c *compressor) hopeless() bool {
	if c.misses < patience || c.misses%tryOneOf == 0 {
		return false
	}
	c.misses++
	return true
}

func (c *compressor) encode(with Compression, content []byte) ([]byte, error) {
	switch with {
	case LZ4:
		return c.encodeLZ4(content)
	case S2:
		c.grow(s2.MaxEncodedLen(len(content)))
		return s2.Encode(c.out[:cap(c.out)], content), nil
	case Zstd:
		return c.encodeZstd(content)
	}
	return nil, fmt.Errorf("sst: no such compression: %d", with)
}

func (c *compressor) encodeLZ4(content []byte) ([]byte, error) {
	if c.lz4 == nil {
		c.lz4 = new(lz4.Compressor)
	}
	c.grow(lz4.CompressBlockBound(len(content)))
	n, err := c.lz4.CompressBlock(content, c.out[:cap(c.out)])
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if n == 0 { // it does not become smaller
		return content, nil
	}
	return c.out[:n], nil
}

// encodeZstd uses the fastest level: on blocks of this size it is as small as
// the default level.
func (c *compressor) encodeZstd(content []byte) ([]byte, error) {
	if c.zstd == nil {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithWindowSize(zstdWindow),
			zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		c.zstd = e
	}
	c.out = c.zstd.EncodeAll(content, c.out[:0])
	return c.out, nil
}

func (c *compressor) grow(n int) {
	if cap(c.out) < n {
		c.out = make([]byte, n)
	}
}

// trim lets go of a buffer that a giant block made.
func (c *compressor) trim() {
	if cap(c.out) > freeContent {
		c.out = nil
	}
}
