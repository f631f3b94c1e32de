package varve

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// space is a collection as a handle sees it: on the database, where each call
// commits by itself, inside a transaction, or at a snapshot.
type space struct {
	db    *DB
	entry *entry
	tx    *Tx       // not nil inside a transaction
	snap  *Snapshot // not nil at a snapshot
	dur   Durability
	err   error // why the handle cannot be used
}

// writer is what takes the writes of a collection: a batch or a transaction.
type writer interface {
	Put(key, value []byte)
	Delete(key []byte)
	DeleteRange(start, end []byte)
	Merge(m kv.MergerID, key, operand []byte)
}

// scratch is the memory of one call. It is pooled, so that calls allocate
// nothing.
type scratch struct {
	key, val []byte
	batch    kv.Batch
	cond     kv.Conditions
	condKey  []byte
	condKeys [1][]byte
}

func (s *space) in(tx *Tx) space {
	c := *s
	c.tx, c.snap = tx, nil
	if s.err == nil && tx.db != s.db {
		c.err = errTwoDatabases
	}
	return c
}

func (s *space) at(snap *Snapshot) space {
	c := *s
	c.tx, c.snap = nil, snap
	if s.err == nil && snap.db != s.db {
		c.err = errTwoDatabases
	}
	return c
}

func (s *space) durable(d Durability) space {
	c := *s
	c.dur = d
	return c
}

// ID returns the number of the collection.
func (s *space) ID() ID {
	if s.entry == nil {
		return 0
	}
	return s.entry.id
}

// newest returns the reader for a single read and the place of the collection.
func (s *space) newest() (kv.Reader, place, error) {
	switch {
	case s.usable() != nil:
		return nil, place{}, s.usable()
	case s.tx != nil:
		p, err := s.tx.place(s.entry)
		return s.tx.txn, p, err
	case s.snap != nil:
		p, err := s.db.at(s.entry, s.snap.snap)
		return s.snap.snap, p, err
	}
	p := s.entry.now.Load()
	return s.db.store, *p, p.err(s.entry)
}

// steady returns a reader whose state does not change while several reads are
// made, and what releases it.
func (s *space) steady() (r kv.Reader, p place, release func() error, err error) {
	if s.usable() != nil || s.tx != nil || s.snap != nil {
		r, p, err = s.newest()
		return r, p, func() error { return nil }, err
	}
	snap, err := s.db.store.Snapshot(context.Background())
	if err != nil {
		return nil, p, nil, err
	}
	if p, err = s.db.at(s.entry, snap); err != nil {
		return nil, p, nil, errors.Join(err, snap.Close())
	}
	return snap, p, snap.Close, nil
}

var errUnbound = errors.New("the handle is not attached to a database: use Attach, or one of the Open functions")

// usable says why the handle cannot be used.
func (s *space) usable() error {
	if s.db == nil && s.err == nil {
		return errUnbound
	}
	return s.err
}

// fail makes the transaction, if there is one, fail with err.
func (s *space) fail(err error) error {
	if s.tx != nil {
		return s.tx.txn.Fail(err)
	}
	return err
}

// writable says why the handle cannot write.
func (s *space) writable() error {
	if s.snap != nil {
		return fmt.Errorf("write at a snapshot: %w", ErrReadOnly)
	}
	return s.usable()
}

// write runs fill on a batch that is committed at once, or on the transaction.
// It is for writes that need not read; on the database fill may run again, on an
// empty batch, if the collection was cleared meanwhile.
func (s *space) write(fill func(w writer, p place) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	if s.tx != nil {
		p, err := s.tx.place(s.entry)
		if err == nil {
			err = fill(s.tx.txn, p)
		}
		return err
	}
	sc := s.db.scratch.Get().(*scratch)
	defer s.db.scratch.Put(sc)
	for {
		p := s.entry.now.Load()
		if err := p.err(s.entry); err != nil {
			return err
		}
		sc.batch.Reset()
		if err := fill(&sc.batch, *p); err != nil {
			return err
		}
		if err := s.commit(sc, p); err == nil || !kv.Retryable(err) {
			return err
		}
		if _, err := s.db.refresh(s.entry); err != nil {
			return err
		}
	}
}

// commit applies the batch of sc if the collection is still where p says.
func (s *space) commit(sc *scratch, p *place) error {
	sc.condKey = append(kv.AppendKeyspace(sc.condKey[:0], catalogSpace), rowCollection)
	sc.condKey = kv.AppendKeyspace(sc.condKey, uint64(s.entry.id))
	sc.condKeys[0] = sc.condKey
	sc.cond = kv.Conditions{At: p.seq, Keys: sc.condKeys[:]}
	_, err := s.db.store.Apply(context.Background(), &sc.batch, kv.WriteOptions{Durability: s.dur, If: &sc.cond})
	return err
}

// update runs f in the transaction, or in one of its own, again if others get
// ahead. Errors of f abort it.
func (s *space) update(f func(t *kv.Txn, p place) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	run := func(tx *Tx) error {
		p, err := tx.place(s.entry)
		if err == nil {
			err = f(tx.txn, p)
		}
		return err
	}
	if s.tx != nil {
		return run(s.tx)
	}
	return s.db.update(context.Background(), s.dur, run)
}

// clear gives the collection a new, empty keyspace, in O(1).
func (s *space) clear() error {
	if err := s.writable(); err != nil {
		return err
	}
	run := func(tx *Tx) error { return tx.changeRecord(s.entry, clearRecord) }
	if s.tx != nil {
		return run(s.tx)
	}
	return s.db.update(context.Background(), s.dur, run)
}

// length counts the entries: at once if the collection is Counted, else by
// walking over all keys.
func (s *space) length() (n int64, err error) {
	r, p, release, err := s.steady()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if p.counted {
		n, err = readCount(r, p.space)
		return n, s.fail(err)
	}
	it := r.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(p.space), KeysOnly: true})
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	return n, it.Close()
}

// isEmpty looks for one key.
func (s *space) isEmpty() (empty bool, err error) {
	r, p, release, err := s.steady()
	if err != nil {
		return false, err
	}
	it := r.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(p.space), KeysOnly: true})
	empty = !it.First()
	return empty, errors.Join(it.Close(), release())
}

// count notes in the same batch that n entries came or went.
func (p place) count(w writer, n int64) {
	if p.counted && n != 0 {
		w.Merge(kv.MergeAdd, countKey(p.space), kv.AppendAdd(nil, n))
	}
}
