package sst

import (
	"fmt"

	"github.com/varvedb/varve/kv"
)

// WriterOptions say how a table is written. The zero value of each field but
// FileNumber is a good default.
type WriterOptions struct {
	// FileNumber names the table; its blocks cannot be taken for those of
	// another one.
	FileNumber uint64
	// BlockSize is the length of the content of data blocks, in bytes; a block
	// is longer only if it has a single entry. 0 is 4096; from 64 to 16 MiB.
	BlockSize int
	// IndexBlockSize is the length at which an index partition ends. 0 is 4096;
	// from 64 to 16 MiB.
	IndexBlockSize int
	// RestartInterval is how many entries share prefixes. 0 is 16; at most 255.
	RestartInterval int
	// Compression of the blocks; a block that does not become smaller by an
	// eighth is stored as it is.
	Compression Compression
	// BloomBits is the size of the filters in bits per key. 0 is 10; less is no
	// filter; at most 64.
	BloomBits int
	// PrefixLength adds the prefixes of that length of all keys that are so long
	// to the filters. 0 adds none.
	PrefixLength int
	// HashIndex adds a hash index to data blocks: a byte or so per key, for
	// lookups without a binary search. It pays where a block has many restarts.
	HashIndex bool
	// Attributes are kept in the properties of the table.
	Attributes map[string]string
	// Collectors describe blocks; they are used for one table.
	Collectors []NamedCollector
}

const (
	defaultBlockSize = 4096
	minBlockSize     = 64
	maxBlockSize     = 16 << 20
	defaultInterval  = 16
	defaultBloomBits = 10
	maxBloomBits     = 64
	maxAttributes    = 64 << 10 // bytes in all
)

// Validate says what is wrong with the options.
func (o *WriterOptions) Validate() error {
	sizeOK := func(n int) bool { return n == 0 || n >= minBlockSize && n <= maxBlockSize }
	attributes := 0
	for name, value := range o.Attributes {
		attributes += len(name) + len(value)
	}
	switch {
	case !sizeOK(o.BlockSize):
		return fmt.Errorf("sst: BlockSize is %d, not from %d to %d", o.BlockSize, minBlockSize, maxBlockSize)
	case !sizeOK(o.IndexBlockSize):
		return fmt.Errorf("sst: IndexBlockSize is %d, not from %d to %d", o.IndexBlockSize, minBlockSize, maxBlockSize)
	case o.RestartInterval < 0 || o.RestartInterval > maxInterval:
		return fmt.Errorf("sst: RestartInterval is %d, not from 0 to %d", o.RestartInterval, maxInterval)
	case o.Compression > Zstd:
		return fmt.Errorf("sst: no such compression: %d", o.Compression)
	case o.BloomBits > maxBloomBits:
		return fmt.Errorf("sst: BloomBits is %d, at most %d", o.BloomBits, maxBloomBits)
	case o.PrefixLength < 0 || o.PrefixLength > MaxKey:
		return fmt.Errorf("sst: PrefixLength is %d, not from 0 to %d", o.PrefixLength, MaxKey)
	case attributes > maxAttributes:
		return fmt.Errorf("sst: %d bytes of attributes, at most %d", attributes, maxAttributes)
	}
	return nil
}

// withDefaults returns the options with defaults filled in, if they are valid.
func (o WriterOptions) withDefaults() (WriterOptions, error) {
	if err := o.Validate(); err != nil {
		return o, err
	}
	if o.BlockSize == 0 {
		o.BlockSize = defaultBlockSize
	}
	if o.IndexBlockSize == 0 {
		o.IndexBlockSize = defaultBlockSize
	}
	if o.RestartInterval == 0 {
		o.RestartInterval = defaultInterval
	}
	if o.BloomBits == 0 {
		o.BloomBits = defaultBloomBits
	}
	o.BloomBits = max(o.BloomBits, 0)
	if o.BloomBits == 0 {
		o.PrefixLength = 0
	}
	return o, nil
}

// Source is the file of a table; a vfs.File is one.
type Source interface {
	// ReadAt is that of io.ReaderAt. It may be called concurrently.
	ReadAt(p []byte, off int64) (int, error)
}

// Cache keeps the content of blocks, decompressed and checked. Values are
// immutable and left to the garbage collector. Its methods may be called
// concurrently; Get should neither lock nor allocate.
type Cache interface {
	// Get returns what was added for the block at an offset of a file.
	Get(file, offset uint64) (value []byte, ok bool)
	// Add keeps a value; if pin is set, until the file is dropped.
	Add(file, offset uint64, value []byte, pin bool)
}

// ReaderOptions say what is known of a table that is opened.
type ReaderOptions struct {
	Name       string // of the file, for errors
	FileNumber uint64 // that it was written with
	Size       int64  // of the file, in bytes
	// Checksum is that of the whole file, as in Info, and is checked by Verify;
	// 0 is unknown.
	Checksum uint32

	// Cache keeps blocks; nil reads them anew each time. CacheID is the file
	// under which they are kept: the file number, unless several databases
	// share a cache. 0 is FileNumber.
	Cache   Cache
	CacheID uint64
	// Pin loads the index, the filters and the first data block into the cache
	// when the table is opened, and keeps them there.
	Pin bool
	// Seq, if set, is the number of all entries, which are stored with 0, and of
	// which each key has one.
	Seq kv.Seq
	// Decompressor is shared by the readers of an engine; nil makes one.
	Decompressor *Decompressor
	// Windows, shared likewise, bounds what iterators read ahead; nil does not.
	Windows *Windows
}

// IterOptions say how an iterator reads.
type IterOptions struct {
	// NoFill reads blocks that are not cached without putting them there.
	NoFill bool
	// Sequential reads ahead from the first block on, for walks over much of a
	// table. Others begin to when they have read some blocks in a row.
	Sequential bool
	// Lower and Upper are hints: blocks without a key at or after Lower and
	// before Upper need not be read, and a walk may end there. Keys outside may
	// be met all the same. nil is no bound. The slices are kept.
	Lower, Upper []byte
	// Lazy leaves a block unread as long as the iterator stands at its first
	// entry, whose key and trailer the index has, until Value or a move asks for
	// more. Value of an unreadable block is nil and ends the walk: look at Err
	// before using it.
	Lazy bool
	// Pass, if set, says whether a block may be passed over, by what collectors
	// say of it and by its first and last key. It may be asked about any block,
	// again and again.
	Pass func(properties, first, last []byte) bool
}
