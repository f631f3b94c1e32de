package logstore

import (
	"fmt"
	"path"

	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// Options say where a log is and how it is written. The zero value of each field
// but FS is a good default.
type Options struct {
	FS       vfs.FS       // the disk; required
	Executor vfs.Executor // runs the flusher; nil is vfs.Go()

	Dir    string // directory of the segments; it must exist
	Prefix string // of the names of the segments, for several logs in a directory

	// SegmentSize is how long a segment grows, in bytes, before the next one is
	// started. A larger record makes a longer segment. 0 is 16 MiB; at least
	// 4 KiB, at most 1 GiB.
	SegmentSize int64
	// BufferSize is how many bytes are gathered before they are written, unless
	// somebody wants them to be stable. 0 is 256 KiB; at least 64 bytes.
	BufferSize int
	// ReadOnly takes no reservations and changes nothing. All segments are opened
	// at once, so that they stay readable when somebody else releases them.
	ReadOnly bool
}

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	switch {
	case o.FS == nil:
		return fmt.Errorf("logstore: no FS is given")
	case o.SegmentSize != 0 && (o.SegmentSize < 4<<10 || o.SegmentSize > 1<<30):
		return fmt.Errorf("logstore: SegmentSize is %d, not from 4 KiB to 1 GiB", o.SegmentSize)
	case o.BufferSize != 0 && (o.BufferSize < 64 || o.BufferSize > 1<<30):
		return fmt.Errorf("logstore: BufferSize is %d, not from 64 bytes to 1 GiB", o.BufferSize)
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
		o.SegmentSize = 16 << 20
	}
	if o.BufferSize == 0 {
		o.BufferSize = 256 << 10
	}
	return o, nil
}

func (o *Options) file(number uint32) string {
	return path.Join(o.Dir, segfile.Name(o.Prefix, uint64(number), suffix))
}
