package journal

import (
	"fmt"
	"path"

	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// Options say where a log is and how it is written. The zero value of each
// field but FS, Dir and Prefix is a good default.
type Options struct {
	FS       vfs.FS       // the disk; required
	Executor vfs.Executor // nil is vfs.Go()

	Dir    string // directory of the segments
	Prefix string // of the names of the segments, for several logs in a directory

	// SegmentSize is how long a segment grows, in bytes, before the next one is
	// started. A larger group makes a longer segment. 0 is 16 MiB; at least 4 KiB.
	SegmentSize int64
	// MaxGroup is how many bytes of records are written as one atomic group. A
	// longer record is a group of its own. 0 is 1 MiB.
	MaxGroup int
	// Recycle is how many released segments are kept to be overwritten, which
	// makes a synced append cheaper. 0 is 1; less is none.
	Recycle int
	// Retain is how many bytes of released segments, the newest ones and at most
	// 64, stay readable by followers. 0 is none.
	Retain int64
	// NoPreallocate writes without reserving room ahead. A full disk is then
	// noticed later and syncs cost more.
	NoPreallocate bool
	// Sector is for disks on which an interrupted write may destroy bytes beside
	// it: each write is padded to a multiple of so many bytes, a power of two
	// from 512 to 32768, and never touches a sector with durable bytes. 0 does
	// not pad.
	Sector int
	// Sealer encrypts groups; nil leaves them plain.
	Sealer Sealer
}

// Sealer encrypts and authenticates groups. Its methods may be called
// concurrently.
type Sealer interface {
	// KeyID names the key that Seal uses. It is stored with each group.
	KeyID() uint32
	// Overhead is how many bytes longer than plain Seal makes it.
	Overhead() int
	// Seal appends the sealed form of plain, nonce and tag included, to dst.
	// Both it and the additional data aad must be authenticated.
	Seal(dst, plain, aad []byte) ([]byte, error)
	// Open appends to dst what was sealed with the key of that id, or fails if
	// sealed or aad are not what they were.
	Open(keyID uint32, dst, sealed, aad []byte) ([]byte, error)
}

const (
	defaultSegmentSize = 16 << 20
	minSegmentSize     = 4 << 10
	defaultMaxGroup    = 1 << 20
)

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	switch {
	case o.FS == nil:
		return fmt.Errorf("journal: no FS is given")
	case o.SegmentSize != 0 && o.SegmentSize < minSegmentSize:
		return fmt.Errorf("journal: SegmentSize is %d, at least %d is needed", o.SegmentSize, minSegmentSize)
	case o.Retain < 0:
		return fmt.Errorf("journal: Retain is %d", o.Retain)
	case o.MaxGroup < 0 || o.MaxGroup > MaxRecord:
		return fmt.Errorf("journal: MaxGroup is %d, not from 0 to %d", o.MaxGroup, MaxRecord)
	case o.Sector != 0 && (o.Sector < 512 || o.Sector > blockSize || o.Sector&(o.Sector-1) != 0):
		return fmt.Errorf("journal: Sector is %d, not a power of two from 512 to %d", o.Sector, blockSize)
	}
	return nil
}

// withDefaults returns the options with defaults filled in, if they are valid.
func (o Options) withDefaults() (Options, error) {
	if err := o.Validate(); err != nil {
		return o, err
	}
	if o.Executor == nil {
		o.Executor = vfs.Go()
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = defaultSegmentSize
	}
	if o.MaxGroup == 0 {
		o.MaxGroup = defaultMaxGroup
	}
	if o.Recycle == 0 {
		o.Recycle = 1
	}
	o.Recycle = max(o.Recycle, 0)
	return o, nil
}

// sealedSize is the length of the payload of a group with n bytes of records.
func (o *Options) sealedSize(n int) int {
	if o.Sealer == nil {
		return n
	}
	return n + keyIDSize + o.Sealer.Overhead()
}

// firstOffset is where the first unit of a new segment starts.
func (o *Options) firstOffset() int64 { return padEnd(headerSize, o.Sector) }

func (o *Options) segmentFile(number uint64) string {
	return path.Join(o.Dir, segfile.Name(o.Prefix, number, segmentSuffix))
}

func (o *Options) spareFile(number uint64) string {
	return path.Join(o.Dir, segfile.Name(o.Prefix, number, spareSuffix))
}
