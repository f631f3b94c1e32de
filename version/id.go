package version

import (
	"encoding/binary"
	"fmt"
)

// CommitID is the number of a commit in its map. It is above those of the
// commit's ancestors, and never given again. Zero is no commit.
type CommitID uint64

// BranchID is the number of a branch in its map. It stays the same when the
// branch is renamed, and is never given again. Zero is no branch.
type BranchID uint64

// NodeID names a stored node: the commit that wrote it, and its number among
// the nodes of that commit, from 1. The zero NodeID is no node.
type NodeID struct {
	Birth CommitID
	Seq   uint32
}

// String writes the id as 17.3: the third node of commit 17.
func (id NodeID) String() string { return fmt.Sprintf("%d.%d", uint64(id.Birth), id.Seq) }

// appendID appends an id as it stands inside nodes and dead lists.
func appendID(dst []byte, id NodeID) []byte {
	dst = binary.AppendUvarint(dst, uint64(id.Birth))
	return binary.AppendUvarint(dst, uint64(id.Seq))
}

// takeID reads an id off the front of data.
func takeID(data []byte) (id NodeID, rest []byte, ok bool) {
	birth, rest, ok := takeUvarint(data)
	if !ok {
		return id, nil, false
	}
	seq, rest, ok := takeUvarint(rest)
	return NodeID{CommitID(birth), uint32(seq)}, rest, ok && seq > 0 && seq <= 1<<32-1
}

// takeUvarint reads a uvarint off the front of data.
func takeUvarint(data []byte) (x uint64, rest []byte, ok bool) {
	if len(data) > 0 && data[0] < 0x80 {
		return uint64(data[0]), data[1:], true // as most are
	}
	x, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, false
	}
	return x, data[n:], true
}

// takeBytes reads bytes behind their uvarint length off the front of data.
func takeBytes(data []byte) (b, rest []byte, ok bool) {
	n, rest, ok := takeUvarint(data)
	if !ok || n > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

// appendUvarint appends a number that is not negative.
func appendUvarint(dst []byte, n int) []byte { return binary.AppendUvarint(dst, uint64(n)) }

func appendBytes[T string | []byte](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}
