package version

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// GlobalID names a commit in all databases: clones of a map know their common
// commits by it.
type GlobalID [16]byte

// String writes the id in hexadecimal.
func (g GlobalID) String() string { return hex.EncodeToString(g[:]) }

// Commit describes a state of the map that was kept. Its fields are the
// caller's.
type Commit struct {
	ID      CommitID
	Global  GlobalID
	Parents []CommitID // of a merge the target's head, then the source's; retention may have hidden some
	Root    Root       // the content
	Message string
	Author  string
	Time    time.Time         // UTC, in microseconds
	Meta    map[string]string // what the program adds
}

// Len is the number of entries of the state.
func (c *Commit) Len() int64 { return int64(c.Root.Count) }

// commitRow is a commit as it is stored.
type commitRow struct {
	Commit
	// group names the births whose nodes the commit owns: itself and the rows
	// rowOwned of the group. 0 is the commit's own number.
	group CommitID
	// ghost says that retention has removed the commit, but several others
	// still descend from it.
	ghost bool
}

func (c *commitRow) groupID() CommitID {
	if c.group == 0 {
		return c.ID
	}
	return c.group
}

const flagGhost = 1

// A commit row is: format (1), flags (1: bit 0, ghost), global id (16), root,
// uvarint count of parents and each as uvarint, time in microseconds since 1970
// (8, big-endian), message, author (each behind its uvarint length), uvarint
// count of metadata and their names and values in order, uvarint group.
func (c *commitRow) append(dst []byte) []byte {
	flags := byte(0)
	if c.ghost {
		flags = flagGhost
	}
	dst = append(dst, rowFormat, flags)
	dst = appendRoot(append(dst, c.Global[:]...), c.Root)
	dst = appendUvarint(dst, len(c.Parents))
	for _, p := range c.Parents {
		dst = binary.AppendUvarint(dst, uint64(p))
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.Time.UnixMicro()))
	dst = appendBytes(appendBytes(dst, c.Message), c.Author)
	dst = appendUvarint(dst, len(c.Meta))
	for _, name := range slices.Sorted(maps.Keys(c.Meta)) {
		dst = appendBytes(appendBytes(dst, name), c.Meta[name])
	}
	return binary.AppendUvarint(dst, uint64(c.group))
}

func decodeCommit(id CommitID, data []byte) (*commitRow, error) {
	r := newRecord(data)
	c := &commitRow{Commit: Commit{ID: id}}
	c.ghost = r.byte()&flagGhost != 0
	r.fixed(c.Global[:])
	c.Root = r.root()
	for range r.length() {
		p := CommitID(r.uvarint())
		if p == 0 || p >= id {
			return nil, fmt.Errorf("commit %d is named as a parent", p)
		}
		c.Parents = append(c.Parents, p)
	}
	var at [8]byte
	r.fixed(at[:])
	c.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(at[:]))).UTC()
	c.Message, c.Author = r.string(), r.string()
	if n := r.length(); n > 0 {
		c.Meta = make(map[string]string)
		for range n {
			name := r.string()
			c.Meta[name] = r.string()
		}
	}
	c.group = CommitID(r.uvarint())
	return c, r.end()
}

// appendDead encodes a dead list: uvarint count, then the ids in order.
func appendDead(dst []byte, ids []NodeID) []byte {
	dst = appendUvarint(dst, len(ids))
	for _, id := range ids {
		dst = appendID(dst, id)
	}
	return dst
}

func decodeDead(data []byte) ([]NodeID, error) {
	n, rest, ok := takeUvarint(data)
	if !ok || n > uint64(len(rest)) {
		return nil, errCutOff
	}
	ids := make([]NodeID, n)
	for i := range ids {
		if ids[i], rest, ok = takeID(rest); !ok {
			return nil, errCutOff
		}
	}
	if len(rest) > 0 {
		return nil, errCutOff
	}
	return ids, nil
}

// appendKeys encodes the keys that a commit removed: uvarint count, then each
// behind its uvarint length.
func appendKeys(dst []byte, keys [][]byte) []byte {
	dst = appendUvarint(dst, len(keys))
	for _, k := range keys {
		dst = appendBytes(dst, k)
	}
	return dst
}

func decodeKeys(data []byte) ([][]byte, error) {
	n, rest, ok := takeUvarint(data)
	if !ok || n > uint64(len(rest)) {
		return nil, errCutOff
	}
	keys := make([][]byte, n)
	for i := range keys {
		if keys[i], rest, ok = takeBytes(rest); !ok {
			return nil, errCutOff
		}
	}
	if len(rest) > 0 {
		return nil, errCutOff
	}
	return keys, nil
}
