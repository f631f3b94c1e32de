package varve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// ErrCompacted says that changes that were asked for are no longer kept: read a
// snapshot and watch from there. See Options of the engine for how many are.
var ErrCompacted = kv.ErrCompacted

// Changes tells what is done to a collection: each commit that changes it, once
// that is on stable storage, in order. It holds up no writer. It is for one
// goroutine, and must be closed.
type Changes[K, V any] struct {
	db    *DB
	entry *entry
	key   func([]byte) (K, error)
	value func([]byte) (V, error)
	order func(K) ([]byte, error) // encodes a key

	feed    kv.Feed
	space   uint64 // keyspace that the collection has at the state told
	cleared bool   // the next commit told begins with this
	err     error
}

// ChangeKind says what a Change is.
type ChangeKind uint8

// The kinds of changes.
const (
	ChangePut         ChangeKind = iota // Key has Value
	ChangeDelete                        // Key has no value
	ChangeDeleteRange                   // the keys that Covers reports have no value
	ChangeClear                         // the collection is empty
)

// Change is one change of a collection.
type Change[K, V any] struct {
	Kind  ChangeKind
	Key   K // of ChangePut and ChangeDelete
	Value V // of ChangePut

	lower, upper []byte // encoded range; a nil upper is no bound
	order        func(K) ([]byte, error)
}

// Covers reports whether the change sets or removes k.
func (c *Change[K, V]) Covers(k K) (bool, error) {
	key, err := c.order(k)
	if err != nil || c.Kind == ChangeClear {
		return err == nil, err
	}
	return kv.Span{Start: c.lower, End: c.upper}.Contains(key), nil
}

// Watch tells the changes of the map from now on, or, on a handle At a snapshot,
// after that state, so that nothing is missed between reading and watching. A
// token that Changes.Token returned goes on from there instead, also after the
// database was opened again.
func (m *Map[K, V]) Watch(token []byte) (*Changes[K, V], error) { return m.watch(token) }

// Watch tells the changes of the set, as Map.Watch; the values are nil.
func (s *Set[K]) Watch(token []byte) (*Changes[K, []byte], error) { return s.t.watch(token) }

// Watch tells the changes of the value, as Map.Watch.
func (v *Value[T]) Watch(token []byte) (*Changes[struct{}, T], error) {
	c := &Changes[struct{}, T]{value: v.vc.Decode}
	c.key = func([]byte) (k struct{}, err error) { return k, nil }
	c.order = func(struct{}) ([]byte, error) { return nil, nil }
	if err := v.space.watch(token, c.begin); err != nil {
		return nil, err
	}
	return c, nil
}

func (t *table[K, V]) watch(token []byte) (*Changes[K, V], error) {
	c := &Changes[K, V]{key: t.kc.Decode, value: t.vc.Decode}
	c.order = func(k K) ([]byte, error) { return t.kc.Append(nil, k) }
	if err := t.space.watch(token, c.begin); err != nil {
		return nil, err
	}
	return c, nil
}

// watch calls begin with what the handle sees, and where the token is.
func (s *space) watch(token []byte, begin func(db *DB, e *entry, space uint64, after kv.Seq) error) error {
	if s.tx != nil {
		return errors.New("watch inside a transaction: use a handle of the database or of a snapshot")
	}
	if len(token) > 0 {
		after, n := binary.Uvarint(token)
		space, m := binary.Uvarint(token[max(n, 0):])
		if n <= 0 || m <= 0 || n+m != len(token) {
			return fmt.Errorf("token %x: %w", token, codec.ErrMalformed)
		}
		if err := s.usable(); err != nil {
			return err
		}
		return begin(s.db, s.entry, space, kv.Seq(after))
	}
	r, p, release, err := s.steady()
	if err != nil {
		return err
	}
	snap, ok := r.(kv.Snapshot)
	if !ok {
		return errors.Join(fmt.Errorf("watch: %w", errors.ErrUnsupported), release())
	}
	return errors.Join(begin(s.db, s.entry, p.space, snap.Seq()), release())
}

func (c *Changes[K, V]) begin(db *DB, e *entry, space uint64, after kv.Seq) error {
	w, ok := db.store.(kv.Watcher)
	if !ok || !db.store.Features().Watcher {
		return fmt.Errorf("watch: engine %s cannot: %w", db.Engine(), errors.ErrUnsupported)
	}
	row := e.id.key()
	feed, err := w.Watch(after, kv.Span{Start: row, End: kv.After(row)}, kv.KeyspaceSpan(space))
	if err == nil {
		c.db, c.entry, c.space, c.feed = db, e, space, feed
	}
	return err
}

// Token names the state up to which all has been told, for Watch.
func (c *Changes[K, V]) Token() []byte {
	token := binary.AppendUvarint(nil, uint64(c.feed.Seq()))
	return binary.AppendUvarint(token, c.space)
}

// All walks over the commits, each a list of its changes to the collection in
// order, and waits for more until ctx ends or the loop is left; it can be walked
// on later. After it, Err tells why it ended.
func (c *Changes[K, V]) All(ctx context.Context) iter.Seq[[]Change[K, V]] {
	return func(yield func([]Change[K, V]) bool) {
		if c.err != nil && !errors.Is(c.err, context.Canceled) && !errors.Is(c.err, context.DeadlineExceeded) {
			return
		}
		for {
			list, err := c.next(ctx)
			if c.err = err; err != nil || !yield(list) {
				return
			}
		}
	}
}

// Err returns why the last walk ended: nil if the loop was left, the error of its
// context, ErrCompacted, ErrDropped, ErrClosed, or an error of log, disk or
// codecs.
func (c *Changes[K, V]) Err() error { return c.err }

// Close ends it. It is idempotent.
func (c *Changes[K, V]) Close() error { return c.feed.Close() }

// next returns the next commit that changes the collection.
func (c *Changes[K, V]) next(ctx context.Context) ([]Change[K, V], error) {
	for {
		commit, err := c.feed.Next(ctx)
		if err != nil {
			return nil, err
		}
		moved, err := c.follow(&commit)
		if err != nil {
			return nil, err
		}
		if moved {
			continue
		}
		if list, err := c.decode(&commit); err != nil || len(list) > 0 {
			return list, err
		}
	}
}

// follow looks for the record of the collection in a commit, and goes to the
// keyspace that it names if that is another one: the commit is then told again,
// as it concerns that one.
func (c *Changes[K, V]) follow(commit *kv.Change) (moved bool, err error) {
	space := c.space
	for _, op := range commit.Ops {
		if !isCatalog(op) {
			continue
		}
		if op.Kind != kv.OpPut {
			return false, fmt.Errorf("collection %d: %w", c.entry.id, ErrDropped)
		}
		rec, err := decodeRecord(op.Value)
		if err != nil {
			return false, err
		}
		space = rec.Space
	}
	if space == c.space {
		return false, nil
	}
	err = c.feed.Close()
	if err == nil {
		err = c.begin(c.db, c.entry, space, commit.Seq-1)
	}
	c.cleared = true
	return true, err
}

func isCatalog(op kv.Op) bool {
	return len(op.Key) >= 8 && binary.BigEndian.Uint64(op.Key) == catalogSpace
}

// decode returns what a commit does to the entries.
func (c *Changes[K, V]) decode(commit *kv.Change) (list []Change[K, V], err error) {
	if c.cleared {
		list, c.cleared = append(list, Change[K, V]{Kind: ChangeClear, order: c.order}), false
	}
	for _, op := range commit.Ops {
		if isCatalog(op) {
			continue
		}
		change, err := c.change(op)
		if err != nil {
			return nil, err
		}
		list = append(list, change)
	}
	return list, nil
}

func (c *Changes[K, V]) change(op kv.Op) (change Change[K, V], err error) {
	change = Change[K, V]{lower: op.Key[8:], upper: kv.After(op.Key)[8:], order: c.order}
	switch op.Kind {
	case kv.OpPut:
		if change.Key, err = c.key(op.Key[8:]); err == nil {
			change.Value, err = c.value(op.Value)
		}
	case kv.OpDelete:
		change.Kind = ChangeDelete
		change.Key, err = c.key(op.Key[8:])
	case kv.OpDeleteRange:
		change.Kind, change.upper = ChangeDeleteRange, nil
		if string(op.Value) != string(kv.KeyspaceSpan(c.space).End) {
			change.upper = op.Value[8:]
		}
	default:
		err = fmt.Errorf("watch: operation %d of the log is none of a collection", op.Kind)
	}
	return change, err
}
