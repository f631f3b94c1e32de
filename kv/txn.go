package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/vfs"
)

// Txn is a transaction: it reads one snapshot and its own writes, and commits
// only if nothing that it read, ranges included, was written meanwhile. So all
// committed transactions are as if run one after the other. It holds no locks
// and makes nobody wait.
//
// A Txn belongs to one goroutine. It must end with Commit or Abort; after that
// its methods return ErrClosed. Most programs use Update.
type Txn struct {
	store Store
	snap  Snapshot
	batch *IndexedBatch

	keys   [][]byte // read by Get
	spans  []Span   // read by iterators that are closed
	iters  []*txnIter
	failed error // why the transaction cannot commit

	readOnly bool
	done     bool
}

// MergerSource is implemented by stores whose programs gave them operators.
type MergerSource interface{ Mergers() Mergers }

// ExecutorSource is implemented by stores that tell what runs their tasks.
type ExecutorSource interface{ Executor() vfs.Executor }

// Begin starts a transaction on the newest state of store.
func Begin(ctx context.Context, store Store) (*Txn, error) {
	snap, err := store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var m Mergers
	if s, ok := store.(MergerSource); ok {
		m = s.Mergers()
	}
	return &Txn{store: store, snap: snap, batch: NewIndexedBatch(snap, m)}, nil
}

// BeginRead starts a transaction that only reads. It remembers nothing of what
// it reads but errors; a write makes it fail with ErrReadOnly.
func BeginRead(ctx context.Context, store Store) (*Txn, error) {
	t, err := Begin(ctx, store)
	if err == nil {
		t.readOnly = true
	}
	return t, err
}

// Seq returns the state that the transaction reads.
func (t *Txn) Seq() Seq { return t.snap.Seq() }

// Under returns the state that the transaction reads, without its writes. What is
// read from it is not remembered. It may be used concurrently, until the
// transaction ends.
func (t *Txn) Under() Reader { return t.snap }

// Executor returns what runs the tasks of the store; nil if it does not tell.
func (t *Txn) Executor() vfs.Executor {
	if s, ok := t.store.(ExecutorSource); ok {
		return s.Executor()
	}
	return nil
}

// Get returns the value of key and remembers that it was read.
func (t *Txn) Get(key, dst []byte) ([]byte, bool, error) {
	if t.done {
		return nil, false, ErrClosed
	}
	t.Read(key)
	val, ok, err := t.batch.Get(key, dst)
	return val, ok, t.Fail(err)
}

// Has reports whether key is present and remembers that it was read.
func (t *Txn) Has(key []byte) (bool, error) {
	if t.done {
		return false, ErrClosed
	}
	t.Read(key)
	ok, err := t.batch.Has(key)
	return ok, t.Fail(err)
}

// MultiGet calls f for each key and remembers that they were read. An error of f
// ends the reading and is returned; the transaction can still commit.
func (t *Txn) MultiGet(keys [][]byte, f func(i int, val []byte, ok bool) error) error {
	if t.done {
		return ErrClosed
	}
	for _, key := range keys {
		t.Read(key)
	}
	var stopped error
	err := t.batch.MultiGet(keys, func(i int, val []byte, ok bool) error {
		stopped = f(i, val, ok)
		return stopped
	})
	if stopped != nil {
		return err
	}
	return t.Fail(err)
}

// Iter returns an iterator over the snapshot and the writes so far. The ranges
// that it moves through count as read. It is closed with the transaction at the
// latest.
func (t *Txn) Iter(opt IterOptions) Iterator {
	if t.done {
		return &failedIter{err: ErrClosed}
	}
	it := &txnIter{Iterator: t.batch.Iter(opt), txn: t, index: len(t.iters)}
	lower, upper := opt.Bounds()
	it.lower, it.upper = bytes.Clone(lower), bytes.Clone(upper) // the caller may change its own
	t.iters = append(t.iters, it)
	return it
}

// Put sets key to value when the transaction commits.
func (t *Txn) Put(key, value []byte) {
	if t.writable() {
		t.batch.Put(key, value)
	}
}

// Delete removes key when the transaction commits.
func (t *Txn) Delete(key []byte) {
	if t.writable() {
		t.batch.Delete(key)
	}
}

// DeleteRange removes the keys from start to before end when the transaction
// commits; a nil end is no bound.
func (t *Txn) DeleteRange(start, end []byte) {
	if t.writable() {
		t.batch.DeleteRange(start, end)
	}
}

// Merge combines operand with the value of key when the transaction commits.
func (t *Txn) Merge(m MergerID, key, operand []byte) {
	if t.writable() {
		t.batch.Merge(m, key, operand)
	}
}

func (t *Txn) writable() bool {
	if t.readOnly {
		t.Fail(fmt.Errorf("write in a read-only transaction: %w", ErrReadOnly))
	}
	return !t.readOnly && !t.done
}

// Err returns why the transaction cannot commit: ErrClosed after its end, the
// first error of a read, a write beyond the limits. It is nil while all is well.
func (t *Txn) Err() error {
	switch {
	case t.failed != nil:
		return t.failed
	case t.done:
		return ErrClosed
	}
	return t.batch.Err()
}

// Read remembers key as read, so that the commit fails if it was written
// meanwhile.
func (t *Txn) Read(key []byte) {
	if !t.readOnly {
		t.keys = append(t.keys, bytes.Clone(key))
	}
}

// Fail makes the transaction one that cannot commit: Commit will return the
// first error given. It returns err. Failed reads call it themselves;
// collections call it when a decoding fails.
func (t *Txn) Fail(err error) error {
	if err != nil && t.failed == nil {
		t.failed = err
	}
	return err
}

// Savepoint is a state of a transaction's writes.
type Savepoint struct {
	txn *Txn
	at  savepoint
}

// Savepoint returns the present state of the writes.
func (t *Txn) Savepoint() Savepoint { return Savepoint{t, t.batch.save()} }

// Restore takes the writes after s back. What was read since stays read. A
// savepoint can be restored any number of times.
func (t *Txn) Restore(s Savepoint) error {
	if t.done {
		return ErrClosed
	}
	if s.txn != t {
		return errors.New("savepoint of another transaction")
	}
	t.batch.restore(s.at)
	return nil
}

// Commit applies the writes and ends the transaction. It returns ErrConflict or
// ErrTooOld if another one got ahead (see Retryable), the error of a read that
// failed, or an error of Store.Apply. Conditions in opt.If hold beside its own;
// Keys and Spans refer to its snapshot, At does not matter. A transaction
// without writes and conditions always commits; its sequence number is that of
// its snapshot.
func (t *Txn) Commit(ctx context.Context, opt WriteOptions) (Seq, error) {
	if t.done {
		return 0, ErrClosed
	}
	t.end()
	if t.failed != nil {
		return 0, errors.Join(t.failed, t.snap.Close())
	}
	seq := t.snap.Seq()
	if t.batch.Len() == 0 && t.batch.Err() == nil && opt.If == nil {
		return seq, t.snap.Close()
	}
	cond := Conditions{At: seq, Keys: t.keys, Spans: t.spans}
	if opt.If != nil {
		cond.Keys = append(cond.Keys, opt.If.Keys...)
		cond.Spans = append(cond.Spans, opt.If.Spans...)
		cond.Equal = opt.If.Equal
	}
	opt.If = &cond
	// The snapshot stays open until after the commit, so that the store
	// remembers what was written since.
	seq, err := t.store.Apply(ctx, &t.batch.Batch, opt)
	return seq, errors.Join(err, t.snap.Close())
}

// Abort ends the transaction without its writes and returns the error of the
// first read that failed, if any. After Commit or Abort it does nothing.
func (t *Txn) Abort() error {
	if t.done {
		return nil
	}
	t.end()
	return errors.Join(t.failed, t.snap.Close())
}

// end closes the iterators and collects what they read.
func (t *Txn) end() {
	for len(t.iters) > 0 {
		t.iters[len(t.iters)-1].Close()
	}
	t.done = true
}

// Update runs f in a transaction on store and commits it, again from the start
// as long as other transactions get ahead. Whatever f did besides must be fit to
// be done again. If f returns an error the transaction is aborted and the error
// returned.
func Update(ctx context.Context, store Store, opt WriteOptions, f func(*Txn) error) error {
	for {
		err := attempt(ctx, store, opt, f)
		if err == nil || !Retryable(err) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w, and the last attempt met a %w", context.Cause(ctx), err)
		}
	}
}

func attempt(ctx context.Context, store Store, opt WriteOptions, f func(*Txn) error) error {
	t, err := Begin(ctx, store)
	if err != nil {
		return err
	}
	defer t.Abort()
	if err := f(t); err != nil {
		return err
	}
	_, err = t.Commit(ctx, opt)
	return err
}

// View runs f on one state of store. It returns the error of f, or of a read
// that failed in it.
func View(ctx context.Context, store Store, f func(Reader) error) error {
	t, err := BeginRead(ctx, store)
	if err != nil {
		return err
	}
	err = f(t)
	if aborted := t.Abort(); err == nil {
		err = aborted
	}
	return err
}
