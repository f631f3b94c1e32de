package version

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/varvedb/varve/kv"
)

// quick is the memory of one look-up. It is pooled, so that look-ups of what is
// cached allocate nothing.
type quick struct {
	tree Tree
	key  []byte
	row  []byte // key of a row
	val  []byte
	head [2][]byte // the branch before and after
}

// done lets go of what the look-up read from.
func (q *quick) done() { q.tree.r = nil }

// errAgain says that a look-up must be done on a snapshot.
var errAgain = errors.New("the branch has moved")

// working reads the key in the working state of a branch. A staged edit that is
// found counts: its row names the head and goes with it. If there is none, the
// branch is read again: has it not moved, then the tree is what counts.
func (q *quick) working(id BranchID) (value []byte, ok bool, err error) {
	head, root, err := q.branch(0, id)
	if err != nil {
		return nil, false, err
	}
	q.row = append(kv.AppendKeyspace(q.row[:0], q.tree.space), rowStaged)
	q.row = binary.BigEndian.AppendUint64(q.row, uint64(id))
	q.row = binary.BigEndian.AppendUint64(q.row, uint64(head))
	q.row = append(q.row, q.key...)
	data, ok, err := q.tree.r.Get(q.row, q.val)
	if err != nil {
		return nil, false, err
	}
	if ok {
		if q.val = data; len(data) == 0 {
			return nil, false, errAgain // damage: the long way says what it is
		}
		return data[1:], data[0]&stagedDelete == 0, nil
	}
	if value, ok, err = q.tree.Get(root, q.key); err != nil {
		return nil, false, err
	}
	if _, _, err = q.branch(1, id); err == nil && !bytes.Equal(q.head[0], q.head[1]) {
		err = errAgain
	}
	return value, ok && err == nil, err
}

// branch reads head and root of a branch into one of the two buffers.
func (q *quick) branch(i int, id BranchID) (head CommitID, root Root, err error) {
	q.row = append(kv.AppendKeyspace(q.row[:0], q.tree.space), rowBranch)
	q.row = binary.BigEndian.AppendUint64(q.row, uint64(id))
	data, ok, err := q.tree.r.Get(q.row, q.head[i])
	if err != nil {
		return 0, root, err
	}
	if !ok {
		return 0, root, errAgain
	}
	q.head[i] = data
	if len(data) == 0 {
		return 0, root, errAgain
	}
	_, rest, ok := takeBytes(data[1:])
	if !ok {
		return 0, root, errAgain
	}
	n, rest, ok := takeUvarint(rest)
	if ok {
		root, _, ok = takeRoot(rest)
	}
	if !ok {
		return 0, root, errAgain
	}
	return CommitID(n), root, nil
}
