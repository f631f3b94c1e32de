package version

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// branchRow is a branch as it is stored: format (1), name behind its uvarint
// length, uvarint head, root of the head.
type branchRow struct {
	id   BranchID
	name string
	head CommitID // 0: no commit yet
	root Root
}

func (b *branchRow) append(dst []byte) []byte {
	dst = appendBytes(append(dst, rowFormat), b.name)
	return appendRoot(binary.AppendUvarint(dst, uint64(b.head)), b.root)
}

func decodeBranch(id BranchID, data []byte) (*branchRow, error) {
	r := newRecord(data)
	b := &branchRow{id: id, name: r.string(), head: CommitID(r.uvarint()), root: r.root()}
	return b, r.end()
}

// Tag is a name for a commit that does not move.
type Tag struct {
	Name    string
	Commit  CommitID
	Message string
	Time    time.Time
}

// A tag row is: format (1), uvarint commit, time in microseconds since 1970 (8,
// big-endian), message behind its uvarint length.
func (t *Tag) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, rowFormat), uint64(t.Commit))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Time.UnixMicro()))
	return appendBytes(dst, t.Message)
}

func decodeTag(name string, data []byte) (Tag, error) {
	r := newRecord(data)
	t := Tag{Name: name, Commit: CommitID(r.uvarint())}
	var at [8]byte
	r.fixed(at[:])
	t.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(at[:]))).UTC()
	t.Message = r.string()
	return t, r.end()
}

const maxName = 1024

// checkName says what is wrong with the name of a branch or tag.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case len(name) > maxName:
		return fmt.Errorf("%w: it has %d bytes, at most %d", ErrName, len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%w %q: it is not UTF-8, or holds a control character", ErrName, name)
	}
	return nil
}
