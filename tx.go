package varve

import (
	"context"
	"errors"
	"slices"

	"github.com/varvedb/varve/kv"
)

// Tx is a transaction over all collections of a database. It is used by one
// goroutine and ends with the function that it was given to; handles bound to it
// with In then return ErrClosed.
type Tx struct {
	db     *DB
	txn    *kv.Txn
	places map[*entry]place
	moved  []*entry // whose place the transaction has changed
}

// Update runs f in a transaction and commits what it wrote, all or nothing. If
// another transaction got ahead, f runs again from the start, until it commits
// or ctx ends; so what f does besides must be fit to be done again. If f returns
// an error nothing is written and the error returned; so is the error of a read
// that failed in f, even if f ignored it.
func (db *DB) Update(ctx context.Context, f func(*Tx) error) error {
	return db.update(ctx, db.opt.Durability, f)
}

// UpdateWith is Update with another durability than the database's.
func (db *DB) UpdateWith(ctx context.Context, d Durability, f func(*Tx) error) error {
	return db.update(ctx, d, f)
}

func (db *DB) update(ctx context.Context, d Durability, f func(*Tx) error) error {
	var tx *Tx
	err := kv.Update(ctx, db.store, kv.WriteOptions{Durability: d}, func(t *kv.Txn) error {
		tx = &Tx{db: db, txn: t, places: make(map[*entry]place)}
		return f(tx)
	})
	if err == nil {
		tx.settle()
		db.nodes.Announce()
	}
	return err
}

// settle tells the shared entries where their collections are now.
func (tx *Tx) settle() {
	for _, e := range tx.moved {
		tx.db.refresh(e)
	}
	if len(tx.moved) > 0 {
		tx.db.reclaim()
	}
}

// View runs f in a transaction that only reads. It returns the error of f, or of
// a read that failed in it.
func (db *DB) View(ctx context.Context, f func(*Tx) error) error {
	t, err := kv.BeginRead(ctx, db.store)
	if err != nil {
		return err
	}
	err = f(&Tx{db: db, txn: t, places: make(map[*entry]place)})
	if failed := t.Abort(); err == nil {
		err = failed
	}
	return err
}

// Savepoint is a state of the writes of a transaction.
type Savepoint struct{ at kv.Savepoint }

// Savepoint returns the present state of the writes.
func (tx *Tx) Savepoint() Savepoint { return Savepoint{tx.txn.Savepoint()} }

// Restore takes back what was written after the savepoint.
func (tx *Tx) Restore(s Savepoint) error {
	clear(tx.places) // a Clear may have been taken back
	return tx.txn.Restore(s.at)
}

// DB returns the database of the transaction.
func (tx *Tx) DB() *DB { return tx.db }

// place returns where the collection is, as the transaction sees it. It counts
// as read: a Clear or Drop by another transaction is a conflict.
func (tx *Tx) place(e *entry) (place, error) {
	if p, ok := tx.places[e]; ok {
		return p, tx.txn.Err()
	}
	if p := tx.db.known(e, tx.txn.Seq()); p != nil && !slices.Contains(tx.moved, e) {
		tx.txn.Read(e.id.key())
		tx.places[e] = *p
		return *p, errors.Join(p.err(e), tx.txn.Err())
	}
	p, err := e.lookUp(tx.txn)
	if err != nil {
		return p, tx.txn.Fail(err)
	}
	tx.places[e] = p
	return p, nil
}

// Snapshot is a state of all collections that does not change. It must be
// closed. Its methods may be called concurrently.
type Snapshot struct {
	db   *DB
	snap kv.Snapshot
}

// Snapshot returns the newest state. Handles read it through At.
func (db *DB) Snapshot(ctx context.Context) (*Snapshot, error) {
	snap, err := db.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &Snapshot{db: db, snap: snap}, nil
}

// Seq returns the sequence number of the state.
func (s *Snapshot) Seq() kv.Seq { return s.snap.Seq() }

// Close releases the state. It is idempotent.
func (s *Snapshot) Close() error { return s.snap.Close() }

var errTwoDatabases = errors.New("the transaction or snapshot is of another database")
