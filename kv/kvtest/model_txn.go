package kvtest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/varvedb/varve/kv"
)

// actor is what a transaction acts on: a kv.Txn, or the model.
type actor interface {
	kv.Reader
	writer
	save()
	restore(n int) error
}

// txnActor is a transaction with its savepoints.
type txnActor struct {
	*kv.Txn
	saves []kv.Savepoint
}

func (a *txnActor) save() { a.saves = append(a.saves, a.Savepoint()) }

func (a *txnActor) restore(n int) error {
	if len(a.saves) == 0 {
		return nil
	}
	return a.Restore(a.saves[n%len(a.saves)])
}

// modelActor is a content that is written to as a transaction is.
type modelActor struct {
	*content
	saves []*content
	err   error
}

func (a *modelActor) do(w modelWrite) { a.err = errors.Join(a.err, a.content.do(w)) }

func (a *modelActor) Put(key, value []byte) {
	a.do(modelWrite{kind: kv.OpPut, key: string(key), value: string(value)})
}
func (a *modelActor) Delete(key []byte) { a.do(modelWrite{kind: kv.OpDelete, key: string(key)}) }
func (a *modelActor) DeleteRange(start, end []byte) {
	a.do(modelWrite{kind: kv.OpDeleteRange, key: string(start), end: string(end), open: end == nil})
}
func (a *modelActor) Merge(m kv.MergerID, key, operand []byte) {
	a.do(modelWrite{kind: kv.OpMerge, key: string(key), value: string(operand), merger: m})
}

func (a *modelActor) save() { a.saves = append(a.saves, a.content.clone()) }

func (a *modelActor) restore(n int) error {
	if len(a.saves) > 0 {
		a.content = a.saves[n%len(a.saves)].clone()
	}
	return nil
}

// act does the acts of a transaction and tells all that it saw.
func act(a actor, acts []txnAct) (string, error) {
	var saw strings.Builder
	for _, t := range acts {
		var part string
		var err error
		switch t.kind {
		case actGet:
			part, err = gets(a, t.keys)
		case actWalk:
			it := a.Iter(t.opt.options())
			part, err = walk(it, t.moves, t.opt.keysOnly)
			if !t.leave {
				err = errors.Join(err, it.Close())
			}
		case actWrite:
			t.write.enter(a)
		case actSave:
			a.save()
		case actRestore:
			err = a.restore(t.n)
		}
		if err != nil {
			return "", fmt.Errorf("%v: %w", t, err)
		}
		saw.WriteString(part)
	}
	return saw.String(), nil
}

// actOnModel returns what a transaction sees on c, and what it makes of it.
func actOnModel(c *content, acts []txnAct) (string, *content, error) {
	a := &modelActor{content: c.clone()}
	saw, err := act(a, acts)
	return saw, a.content, errors.Join(err, a.err)
}

// transaction runs a transaction beside a rival that gets ahead. If it commits,
// it must have seen what it would have seen after the rival.
func (m *modelRun) transaction(s step) error {
	ctx := context.Background()
	tx, err := kv.Begin(ctx, m.store)
	if err != nil {
		return err
	}
	defer tx.Abort()
	saw, err := act(&txnActor{Txn: tx}, s.acts)
	if err != nil {
		return err
	}
	want, _, err := actOnModel(m.now, s.acts)
	if err != nil {
		return err
	}
	if err := sameSight("transaction", saw, want); err != nil {
		return err
	}
	if len(s.rival) > 0 {
		if _, err := m.apply(s.rival, kv.WriteOptions{Durability: s.level}); err != nil {
			return err
		}
	}
	if !s.commit {
		return tx.Abort()
	}
	return m.commit(tx, s, saw)
}

func (m *modelRun) commit(tx *kv.Txn, s step, saw string) error {
	seq, err := tx.Commit(context.Background(), kv.WriteOptions{Durability: s.level})
	if kv.Retryable(err) {
		if s.mayConflict() || errors.Is(err, kv.ErrTooOld) && len(s.rival) > 0 {
			return nil
		}
		return fmt.Errorf("nothing that it read was written: %w", err)
	}
	if err != nil {
		return err
	}
	want, after, err := actOnModel(m.now, s.acts)
	if err != nil {
		return err
	}
	wrote := seq > m.seq // else it was as if it had run before the rival
	if wrote {
		m.now, m.seq = after, seq
		return sameSight("a transaction that committed although a rival changed what it saw", saw, want)
	}
	return nil
}

// mayConflict reports whether the rival writes something that the transaction
// reads. For walks, which may read more than they show, it answers true.
func (s step) mayConflict() bool {
	for _, a := range s.acts {
		if a.kind == actWalk && len(s.rival) > 0 {
			return true
		}
		for _, key := range a.keys {
			for _, w := range s.rival {
				if w.touches(key) {
					return true
				}
			}
		}
	}
	return false
}
