package version

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Lost is an entry of the reflog: a head that a branch had and that its history
// may not have any more. As long as the entry is there so is the commit; make a
// branch at Old to have it back.
type Lost struct {
	Number uint64 // rises
	Time   time.Time
	What   string // what was done: rollback, reset, rebase, squash, fetch, delete
	Branch BranchID
	Name   string // of the branch
	Old    CommitID
	New    CommitID // zero if the branch was deleted
}

// A reflog row is: format (1), time in microseconds since 1970 (8, big-endian),
// what was done and the name of the branch, each behind its uvarint length,
// uvarint branch, old and new head.
func (l *Lost) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, rowFormat), uint64(l.Time.UnixMicro()))
	dst = appendBytes(appendBytes(dst, l.What), l.Name)
	dst = binary.AppendUvarint(dst, uint64(l.Branch))
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(l.Old)), uint64(l.New))
}

func decodeLost(number uint64, data []byte) (Lost, error) {
	r := newRecord(data)
	l := Lost{Number: number}
	var at [8]byte
	r.fixed(at[:])
	l.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(at[:]))).UTC()
	l.What, l.Name = r.string(), r.string()
	l.Branch, l.Old, l.New = BranchID(r.uvarint()), CommitID(r.uvarint()), CommitID(r.uvarint())
	return l, r.end()
}

// moveHead points a branch to a commit that need not descend from its head,
// whose loss is noted in the reflog.
func (s *session) moveHead(b *branchRow, to CommitID, root Root, what string) error {
	if err := s.retain(to); err != nil {
		return err
	}
	old := b.head
	b.head, b.root = to, root
	s.putBranch(b)
	return s.lose(b, old, to, what)
}

// lose enters a head that a branch no longer has into the reflog, and lets go
// of it otherwise.
func (s *session) lose(b *branchRow, old, to CommitID, what string) error {
	if old == 0 || s.reflog == 0 {
		return s.release(old)
	}
	n, err := s.next('l')
	if err != nil {
		return err
	}
	l := Lost{n, s.now(), what, b.id, b.name, old, to}
	s.t.Put(rowKey(s.space, rowReflog, n), l.append(nil))
	// The entry takes the reference over from the branch.
	if n <= s.reflog {
		return nil
	}
	return s.expire(n - s.reflog)
}

// expire removes the reflog entries up to a number, and what only they kept.
func (s *session) expire(upTo uint64) error {
	list, err := s.lost()
	for _, l := range list {
		if err != nil || l.Number > upTo {
			break
		}
		s.t.Delete(rowKey(s.space, rowReflog, l.Number))
		err = s.release(l.Old)
	}
	return err
}

// lost returns the entries of the reflog, the oldest first.
func (s *session) lost() (list []Lost, err error) {
	err = s.scan(rowKey(s.space, rowReflog), func(key, value []byte) (bool, error) {
		n := keyNumber(key, 0)
		l, err := decodeLost(n, value)
		if err != nil {
			err = damagedRow(s.space, fmt.Sprintf("entry %d of the reflog", n), err)
		}
		list = append(list, l)
		return true, err
	})
	return list, err
}

// keepLost sets how many entries the reflog keeps from now on.
func (s *session) keepLost(n uint64) error {
	s.reflog = n
	m := meta{s.sums.secret, n}
	s.t.Put(rowKey(s.space, rowMeta), m.append(nil))
	last, err := s.last('l')
	if err == nil && last > n {
		err = s.expire(last - n)
	}
	return err
}
