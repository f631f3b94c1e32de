package version

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// session is one state of a map that is being read, or changed by a
// transaction. It belongs to one goroutine and ends with the call that began
// it.
type session struct {
	*Tree
	t      *kv.Txn // nil: the session only reads
	now    func() time.Time
	reflog uint64 // how many entries are kept
}

// meta is what the row rowMeta holds: format (1), secret (32), uvarint number
// of reflog entries that are kept.
type meta struct {
	secret Secret
	reflog uint64
}

// DefaultReflog is how many lost heads a new map remembers, and keeps.
const DefaultReflog = 32

// mainName is the name of the branch that a new map has.
const mainName = "main"

func (m *meta) append(dst []byte) []byte {
	dst = append(append(dst, rowFormat), m.secret[:]...)
	return binary.AppendUvarint(dst, m.reflog)
}

func decodeMeta(data []byte) (m meta, err error) {
	r := newRecord(data)
	r.fixed(m.secret[:])
	m.reflog = r.uvarint()
	return m, r.end()
}

// reading returns a session that reads.
func reading(r kv.Reader, space uint64, c *Cache) *session {
	return &session{Tree: NewTree(r, space, c, Secret{})}
}

// writing returns a session of a transaction. It makes the map if there is
// none.
func writing(t *kv.Txn, space uint64, c *Cache, now func() time.Time) (*session, error) {
	s := reading(t, space, c)
	s.t, s.now = t, now
	data, ok, err := t.Get(rowKey(space, rowMeta), nil)
	if err != nil {
		return nil, err
	}
	m := meta{reflog: DefaultReflog}
	if ok {
		if m, err = decodeMeta(data); err != nil {
			return nil, t.Fail(damagedRow(space, "the record of the map", err))
		}
	} else if err := s.found(&m); err != nil {
		return nil, t.Fail(err)
	}
	s.sums.secret, s.reflog = m.secret, m.reflog
	return s, nil
}

// found makes the map: its record, and the main branch.
func (s *session) found(m *meta) error {
	if _, err := rand.Read(m.secret[:]); err != nil {
		return err
	}
	s.t.Put(rowKey(s.space, rowMeta), m.append(nil))
	b := &branchRow{id: 1, name: mainName}
	s.putBranch(b)
	s.t.Put(nameKey(s.space, rowName, b.name), binary.AppendUvarint(nil, uint64(b.id)))
	s.t.Put(rowKey(s.space, rowMain), binary.AppendUvarint(nil, uint64(b.id)))
	s.t.Put(s.lastKey('b'), be(uint64(b.id)))
	return nil
}

// lastKey is the key of the last number given to commits (c), branches (b) or
// reflog entries (l).
func (s *session) lastKey(what byte) []byte { return append(rowKey(s.space, rowLast), what) }

func be(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// last reads the last number that was given.
func (s *session) last(what byte) (uint64, error) {
	data, ok, err := s.r.Get(s.lastKey(what), nil)
	if err != nil || !ok {
		return 0, err
	}
	if len(data) != 8 {
		return 0, damagedRow(s.space, "a counter", errCutOff)
	}
	return binary.BigEndian.Uint64(data), nil
}

// newCommitID gives a number. The row is written by a merge, which reads
// nothing.
func (s *session) newCommitID() (CommitID, error) {
	id, err := s.cache.number(s.space, func() (CommitID, error) {
		n, err := s.last('c')
		return CommitID(n), err
	})
	if err == nil {
		s.t.Merge(kv.MergeMax, s.lastKey('c'), be(uint64(id)))
	}
	return id, err
}

// next gives a number for a branch or a reflog entry.
func (s *session) next(what byte) (uint64, error) {
	n, err := s.last(what)
	if err == nil {
		n++
		s.t.Put(s.lastKey(what), be(n))
	}
	return n, err
}

// fail makes the transaction, if there is one, fail with err.
func (s *session) fail(err error) error {
	if s.t != nil {
		return s.t.Fail(err)
	}
	return err
}

// commit reads a commit that is not hidden.
func (s *session) commit(id CommitID) (*commitRow, error) {
	c, err := s.anyCommit(id)
	if err == nil && c.ghost {
		return nil, fmt.Errorf("commit %d: %w", id, ErrNoCommit)
	}
	return c, err
}

// anyCommit reads a commit, ghosts included.
func (s *session) anyCommit(id CommitID) (*commitRow, error) {
	data, ok, err := s.r.Get(rowKey(s.space, rowCommit, uint64(id)), nil)
	if err == nil && !ok {
		err = fmt.Errorf("commit %d: %w", id, ErrNoCommit)
	}
	if err != nil {
		return nil, err
	}
	c, err := decodeCommit(id, data)
	if err != nil {
		return nil, damagedRow(s.space, fmt.Sprintf("commit %d", id), err)
	}
	return c, nil
}

// known returns the number of a commit that is here, hidden or not; 0 if it is
// not.
func (s *session) known(id GlobalID) (CommitID, error) {
	data, ok, err := s.r.Get(globalKey(s.space, id), nil)
	if err != nil || !ok {
		return 0, err
	}
	n, k := binary.Uvarint(data)
	if k <= 0 || k != len(data) || n == 0 {
		return 0, damagedRow(s.space, fmt.Sprintf("the number of commit %s", id), codec.ErrMalformed)
	}
	return CommitID(n), nil
}

func (s *session) putCommit(c *commitRow) {
	s.t.Put(rowKey(s.space, rowCommit, uint64(c.ID)), c.append(nil))
}

// branch reads a branch.
func (s *session) branch(id BranchID) (*branchRow, error) {
	data, ok, err := s.r.Get(rowKey(s.space, rowBranch, uint64(id)), nil)
	if err != nil {
		return nil, err
	}
	if !ok {
		if there, err := s.touched(); id == 1 && !there || err != nil {
			return &branchRow{id: 1, name: mainName}, err
		}
		return nil, fmt.Errorf("branch %d: %w", id, ErrNoBranch)
	}
	b, err := decodeBranch(id, data)
	if err != nil {
		return nil, damagedRow(s.space, fmt.Sprintf("branch %d", id), err)
	}
	return b, nil
}

// touched reports whether somebody has written to the map. One that is new, or
// was cleared, has an empty main branch all the same.
func (s *session) touched() (bool, error) { return s.r.Has(rowKey(s.space, rowMeta)) }

// branchNamed reads the branch of a name.
func (s *session) branchNamed(name string) (*branchRow, error) {
	data, ok, err := s.r.Get(nameKey(s.space, rowName, name), nil)
	if err != nil {
		return nil, err
	}
	if !ok {
		if there, err := s.touched(); name == mainName && !there || err != nil {
			return &branchRow{id: 1, name: mainName}, err
		}
		return nil, fmt.Errorf("branch %q: %w", name, ErrNoBranch)
	}
	id, n := binary.Uvarint(data)
	if n <= 0 {
		return nil, damagedRow(s.space, fmt.Sprintf("the name %q", name), codec.ErrMalformed)
	}
	return s.branch(BranchID(id))
}

// mainBranch returns the number of the main branch.
func (s *session) mainBranch() (BranchID, error) {
	data, ok, err := s.r.Get(rowKey(s.space, rowMain), nil)
	if err != nil || !ok {
		return 1, err
	}
	id, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, damagedRow(s.space, "the number of the main branch", codec.ErrMalformed)
	}
	return BranchID(id), nil
}

func (s *session) putBranch(b *branchRow) {
	s.t.Put(rowKey(s.space, rowBranch, uint64(b.id)), b.append(nil))
}

// scan visits the rows whose keys begin with prefix, in order, until visit
// returns false.
func (s *session) scan(prefix []byte, visit func(key, value []byte) (bool, error)) error {
	it := s.r.Iter(kv.IterOptions{Prefix: prefix})
	var err error
	for more, ok := true, it.First(); ok && more && err == nil; {
		if more, err = visit(it.Key(), it.Value()); more && err == nil {
			ok = it.Next()
		}
	}
	return errors.Join(err, it.Close())
}
