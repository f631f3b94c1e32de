package version

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// Rows of a map within its keyspace, beside those of nodes. docs/format.md
// describes them. Numbers in keys have 8 bytes, big-endian.
const (
	rowMeta    = 'm' // the format and the secret
	rowLast    = 'a' // + 'c', 'b' or 'l': the last commit, branch, reflog entry
	rowMain    = 'M' // the number of the main branch
	rowBranch  = 'b' // + branch: its name, head and root
	rowName    = 'B' // + name: the number of the branch
	rowRemote  = 'r' // + branch: it follows a branch of another map
	rowTag     = 't' // + name: the tag
	rowCommit  = 'c' // + commit: the commit
	rowGlobal  = 'g' // + global id: the number of the commit
	rowRefs    = 'u' // + commit: how many branches, tags, reflog entries and transfers name it
	rowArrived = 'i' // + commit: a transfer that is not complete needs it
	rowEdge    = 'e' // + parent + child: the dead list
	rowOwned   = 'o' // + group + birth: nodes of the birth belong to the group
	rowStaged  = 's' // + branch + head + key: an edit that is not committed
	rowRemoved = 'x' // + commit: the keys that it removed
	rowRemover = 'y' // + length of the key (4) + key + commit: it removed the key
	rowReflog  = 'l' // + number: a head that was lost
)

func rowKey(space uint64, row byte, numbers ...uint64) []byte {
	key := append(kv.AppendKeyspace(make([]byte, 0, 9+8*len(numbers)), space), row)
	for _, n := range numbers {
		key = binary.BigEndian.AppendUint64(key, n)
	}
	return key
}

// keyNumber reads the i-th number behind the letter of a row's key.
func keyNumber(key []byte, i int) uint64 {
	at := 9 + 8*i
	if len(key) < at+8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[at:])
}

func globalKey(space uint64, id GlobalID) []byte { return append(rowKey(space, rowGlobal), id[:]...) }

func nameKey(space uint64, row byte, name string) []byte {
	return append(rowKey(space, row), name...)
}

func removerPrefix(space uint64, key []byte) []byte {
	p := binary.BigEndian.AppendUint32(rowKey(space, rowRemover), uint32(len(key)))
	return append(p, key...)
}

func removerKey(space uint64, key []byte, by CommitID) []byte {
	return binary.BigEndian.AppendUint64(removerPrefix(space, key), uint64(by))
}

// rowFormat begins the values of rows that are records.
const rowFormat = 1

var errCutOff = errors.New("it is cut off, or goes on behind its end")

// record decodes the value of a row field by field. After the first failure all
// fields are zero.
type record struct {
	data []byte
	bad  bool
}

func newRecord(data []byte) *record {
	r := &record{data: data}
	if r.byte() != rowFormat {
		r.bad = true
	}
	return r
}

func (r *record) byte() (b byte) {
	if r.bad = r.bad || len(r.data) == 0; !r.bad {
		b, r.data = r.data[0], r.data[1:]
	}
	return b
}

func (r *record) uvarint() (x uint64) {
	if !r.bad {
		rest, ok := r.data, false
		x, rest, ok = takeUvarint(rest)
		r.set(rest, ok)
	}
	return x
}

func (r *record) string() string {
	if r.bad {
		return ""
	}
	b, rest, ok := takeBytes(r.data)
	r.set(rest, ok)
	return string(b)
}

func (r *record) fixed(dst []byte) {
	if r.bad = r.bad || len(r.data) < len(dst); !r.bad {
		r.data = r.data[copy(dst, r.data):]
	}
}

func (r *record) root() (root Root) {
	if !r.bad {
		rest, ok := r.data, false
		root, rest, ok = takeRoot(rest)
		r.set(rest, ok)
	}
	return root
}

// length reads a number of things that take at least a byte each.
func (r *record) length() int {
	n := r.uvarint()
	if r.bad = r.bad || n > uint64(len(r.data)); r.bad {
		return 0
	}
	return int(n)
}

func (r *record) set(rest []byte, ok bool) {
	if r.data, r.bad = rest, !ok; r.bad {
		r.data = nil
	}
}

// end returns an error unless all was well and nothing is left.
func (r *record) end() error {
	if r.bad || len(r.data) > 0 {
		return errCutOff
	}
	return nil
}

// damagedRow is the error for a row that is not what was written.
func damagedRow(space uint64, what string, cause error) error {
	return &kv.CorruptionError{
		File: fmt.Sprintf("%s, in keyspace %d", what, space), Offset: -1, What: cause.Error(),
	}
}
