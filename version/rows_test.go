package version

import (
	"testing"
	"time"
)

// FuzzRows decodes the values of rows.
// No bytes make them panic, or take more memory than they are worth.
func FuzzRows(f *testing.F) {
	root := Root{Node: NodeID{7, 2}, Height: 3, Count: 1000, Sum: Sum{1, 2}}
	at := time.UnixMicro(1e15).UTC()
	c := commitRow{Commit: Commit{ID: 1 << 20, Parents: []CommitID{3, 2}, Root: root, Message: "m", Author: "a",
		Time: at, Meta: map[string]string{"k": "v"}}, group: 5, ghost: true}
	b := branchRow{id: 1, name: "main", head: 9, root: root}
	tag := Tag{Commit: 9, Message: "m", Time: at}
	lost := Lost{Time: at, What: "reset", Branch: 1, Name: "main", Old: 3, New: 2}
	m := meta{reflog: 32}
	for _, row := range [][]byte{c.append(nil), b.append(nil), tag.append(nil), lost.append(nil), m.append(nil),
		appendDead(nil, []NodeID{{1, 2}, {3, 4}}), appendKeys(nil, [][]byte{[]byte("a"), {}})} {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := decodeCommit(1<<20, data); err == nil {
			if d, err := decodeCommit(1<<20, c.append(nil)); err != nil || d.Root != c.Root || d.Message != c.Message {
				t.Fatal("a commit changes on its way", err)
			}
		}
		decodeBranch(1, data)
		decodeTag("t", data)
		decodeLost(1, data)
		decodeMeta(data)
		if ids, err := decodeDead(data); err == nil && len(ids) > len(data) {
		}
		keys, err := decodeKeys(data)
		if err == nil && len(keys) > len(data) {
		}
	})
}
