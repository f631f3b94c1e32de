package vfs

import "sync"

// inode is a file or a directory of a simulated disk, apart from its names. A
// file has its content twice: as programs see it, and as it is on stable
// storage; pending leads from the second to the first.
type inode struct {
	id      uint64
	tracked bool

	// Guarded by Mem.mu.
	dir   *directory // nil for files
	links int        // names that lead here
	opens int        // handles

	mu      sync.RWMutex
	now     content
	stable  content  // if tracked
	pending []dataOp // since the last sync, if tracked
	log     []byte   // what the pending writes wrote
}

// dataOp is an operation on the content of a file.
type dataOp struct {
	kind        dataKind
	off, length int64
	data        int   // where the bytes of a write start in inode.log
	size        int64 // of the file afterwards
}

type dataKind uint8

const (
	dataWrite dataKind = iota
	dataTruncate
	dataPunch
	dataReserve
)

// maxIdleLog is how large a log of writes is kept for reuse, in bytes.
const maxIdleLog = 1 << 20

func (n *inode) write(p []byte, off int64) {
	n.now.writeAt(p, off)
	if n.tracked {
		n.remember(dataOp{kind: dataWrite, off: off, length: int64(len(p)), data: len(n.log)})
		n.log = append(n.log, p...)
	}
}

// change does an operation other than a write.
func (n *inode) change(op dataOp) {
	n.now.apply(op, nil)
	if n.tracked {
		n.remember(op)
	}
}

func (n *inode) remember(op dataOp) {
	op.size = n.now.size
	n.pending = append(n.pending, op)
}

// sync makes what was written durable. Its cost depends on the writes since the
// last one and not on the length of the file.
func (n *inode) sync() {
	for _, op := range n.pending {
		n.stable.apply(op, n.log)
	}
	n.forget()
}

// drop throws away what was not synced.
func (n *inode) drop() {
	n.now = n.stable.share()
	n.forget()
}

// replace gives the file a content that is durable at once.
func (n *inode) replace(c content) {
	n.now = c
	if n.tracked {
		n.stable = n.now.share()
	}
	n.forget()
}

func (n *inode) forget() {
	clear(n.pending)
	n.pending, n.log = n.pending[:0], n.log[:0]
	if cap(n.log) > maxIdleLog {
		n.log, n.pending = nil, nil
	}
}

// apply does an operation whose bytes, if it is a write, are in log.
func (c *content) apply(op dataOp, log []byte) {
	switch op.kind {
	case dataWrite:
		c.writeAt(op.bytes(log), op.off)
	case dataTruncate:
		c.resize(op.off)
	case dataPunch:
		c.zero(op.off, op.length)
	case dataReserve:
		c.reserve(op.off, op.length)
	}
}

func (op dataOp) bytes(log []byte) []byte { return log[op.data : int64(op.data)+op.length] }
