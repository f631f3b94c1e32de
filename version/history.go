package version

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"

	"github.com/varvedb/varve/kv"
)

// origin is the commit that made a key what it is at some commit: that wrote
// its entry, or removed it.
type origin struct {
	commit  CommitID
	value   []byte
	removed bool
}

// originOf returns what made a key what it is at a commit; ok is false if it was
// never there, as far as the history goes back. An entry knows its writer; for a
// key that is not there the commits that removed it are looked up, and the
// newest that the commit descends from is it.
func (s *session) originOf(id CommitID, key []byte) (o origin, ok bool, err error) {
	c, err := s.anyCommit(id)
	if err != nil {
		return o, false, err
	}
	e, ok, err := s.find(c.Root, key)
	if err != nil {
		return o, false, err
	}
	if ok {
		v, err := s.value(&e)
		return origin{commit: e.stamp, value: v}, err == nil, err
	}
	return s.remover(id, key)
}

func (s *session) remover(id CommitID, key []byte) (o origin, ok bool, err error) {
	prefix := removerPrefix(s.space, key)
	it := s.r.Iter(kv.IterOptions{Prefix: prefix, KeysOnly: true})
	for more := it.SeekLE(removerKey(s.space, key, id)); more && err == nil && !ok; more = it.Prev() {
		row := it.Key()
		if len(row) != len(prefix)+8 {
			continue
		}
		by := CommitID(binary.BigEndian.Uint64(row[len(prefix):]))
		if ok, err = s.descends(id, by); ok {
			o = origin{commit: by, removed: true}
		}
	}
	return o, ok, errors.Join(err, it.Close())
}

// origins holds what is known and was not visited, the newest first.
type origins []origin

func (q origins) Len() int           { return len(q) }
func (q origins) Less(i, j int) bool { return q[i].commit > q[j].commit }
func (q origins) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *origins) Push(x any)        { *q = append(*q, x.(origin)) }
func (q *origins) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

// history visits the changes of a key in all histories of a commit, the newest
// first. It hops from change to change: what lies between is not read.
func (s *session) history(head CommitID, key []byte, visit func(origin) (bool, error)) error {
	var q origins
	last := CommitID(0)
	look := func(id CommitID) error {
		o, ok, err := s.originOf(id, key)
		if ok && err == nil {
			heap.Push(&q, o)
		}
		return err
	}
	if head == 0 {
		return nil
	}
	if err := look(head); err != nil {
		return err
	}
	for q.Len() > 0 {
		o := heap.Pop(&q).(origin)
		if o.commit == last {
			continue // both sides of a merge come to it
		}
		last = o.commit
		o.value = bytes.Clone(o.value)
		if more, err := visit(o); err != nil || !more {
			return err
		}
		c, err := s.anyCommit(o.commit)
		if errors.Is(err, ErrNoCommit) {
			continue // retention has removed it: nothing is known before it
		}
		if err != nil {
			return err
		}
		for _, p := range c.Parents {
			if err := look(p); err != nil {
				return err
			}
		}
	}
	return nil
}
