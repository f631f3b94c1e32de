package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// modelRun runs one history on one engine beside the model.
type modelRun struct {
	e      Engine
	env    Env
	store  kv.Store
	now    *content
	seq    kv.Seq // of the newest batch
	copies int

	snaps [historySlots]struct {
		kv.Snapshot
		want *content
	}
	iters [historySlots]struct {
		kv.Iterator
		twin     kv.Iterator
		keysOnly bool
	}
}

// runHistory runs h and returns the first difference to the model. What it does
// follows from e, seed and h alone.
func runHistory(e Engine, seed uint64, h history) error {
	sim := vfs.NewSim(seed)
	m := &modelRun{e: e, now: newContent(), env: Env{FS: vfs.NewMem(), Executor: sim, Dir: "db", Seed: seed, Mergers: testMergers()}}
	var err error
	ended := sim.Run(func() { err = m.run(h) })
	return errors.Join(err, ended)
}

func (m *modelRun) run(h history) (err error) {
	if m.store, err = m.open(m.env); err != nil {
		return err
	}
	for i, s := range h {
		if err := m.do(s); err != nil {
			m.closeAll() // its errors are of no interest now
			return fmt.Errorf("step %d, %v: %w", i, s, err)
		}
	}
	if err := m.verify(); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	return m.closeAll()
}

func (m *modelRun) open(env Env) (kv.Store, error) {
	store, err := m.e.Open(context.Background(), env)
	if err != nil {
		return nil, fmt.Errorf("open with options %d: %w", env.Seed, err)
	}
	return store, nil
}

// closeAll closes what is open, which must be all that is.
func (m *modelRun) closeAll() error {
	if m.store == nil {
		return nil
	}
	var errs []error
	for i := range m.snaps {
		errs = append(errs, m.closeSnap(i))
	}
	for i := range m.iters {
		errs = append(errs, m.closeIter(i))
	}
	errs = append(errs, m.store.Close())
	m.store = nil
	return errors.Join(errs...)
}

func (m *modelRun) closeSnap(i int) (err error) {
	if m.snaps[i].Snapshot != nil {
		err = m.snaps[i].Close()
	}
	m.snaps[i].Snapshot = nil
	return err
}

func (m *modelRun) closeIter(i int) (err error) {
	if m.iters[i].Iterator != nil {
		err = m.iters[i].Close()
	}
	m.iters[i].Iterator = nil
	return err
}

// do does one step. After those that write, the whole content is compared.
func (m *modelRun) do(s step) error {
	switch s.kind {
	case stepGet:
		return compareGets(m.store, m.now, s.keys)
	case stepWalk:
		return compareWalk(m.store, m.now, s.opt, s.moves)
	case stepSnapOpen, stepSnapGet, stepSnapWalk, stepSnapClose:
		return m.snapshotStep(s)
	case stepIterOpen, stepIterMove, stepIterClose:
		return m.iterStep(s)
	case stepIndexed:
		return m.indexed(s)
	case stepSync, stepFlush, stepCompact, stepVerify, stepStats, stepCheckpoint:
		return m.maintain(s)
	}
	if err := m.write(s); err != nil {
		return err
	}
	return sameContent(m.store, m.now)
}

func (m *modelRun) write(s step) error {
	switch s.kind {
	case stepApply:
		_, err := m.apply(s.writes, kv.WriteOptions{Durability: s.level})
		return err
	case stepSwap:
		return m.swap(s)
	case stepFetch:
		return m.fetch(s)
	case stepTxn:
		return m.transaction(s)
	case stepImport:
		return m.importSorted(s.writes)
	case stepReadOnly:
		return m.readOnly(s)
	}
	return m.reopen(s)
}

// apply applies writes to store and model.
func (m *modelRun) apply(writes []modelWrite, opt kv.WriteOptions) (kv.Seq, error) {
	var b kv.Batch
	for _, w := range writes {
		w.enter(&b)
	}
	seq, err := m.store.Apply(context.Background(), &b, opt)
	if err != nil {
		return 0, err
	}
	for _, w := range writes {
		if err := m.now.do(w); err != nil {
			return 0, err
		}
	}
	return seq, m.advance(seq)
}

// importSorted imports the last write of each key.
func (m *modelRun) importSorted(writes []modelWrite) error {
	in, ok := m.store.(kv.Importer)
	if !ok || !m.store.Features().Importer {
		return nil
	}
	last := map[string]string{}
	for _, w := range writes {
		last[w.key] = w.value
	}
	var keyVals []string
	for _, key := range slices.Sorted(maps.Keys(last)) {
		keyVals = append(keyVals, key, last[key])
		if err := m.now.do(modelWrite{kind: kv.OpPut, key: key, value: last[key]}); err != nil {
			return err
		}
	}
	seq, err := in.Import(context.Background(), source(io.EOF, keyVals...))
	if err != nil {
		return err
	}
	return m.advance(seq)
}

// advance checks that sequence numbers rise.
func (m *modelRun) advance(seq kv.Seq) error {
	if seq <= m.seq {
		return fmt.Errorf("batch %d after batch %d", seq, m.seq)
	}
	m.seq = seq
	return nil
}

func (m *modelRun) swap(s step) error {
	w := s.writes[0]
	old, ok := m.now.values[w.key]
	expected := kv.KV{Value: []byte(old), Absent: !ok}
	if !s.right {
		expected = kv.KV{Value: []byte(old + "x")}
	}
	swapped, actual, err := kv.CompareAndSwap(context.Background(), m.store, []byte(w.key), expected,
		kv.KV{Value: []byte(w.value), Absent: w.kind == kv.OpDelete}, kv.WriteOptions{Durability: s.level})
	switch {
	case err != nil:
		return err
	case swapped != s.right:
		return fmt.Errorf("swapped: %v", swapped)
	case swapped:
		return m.now.do(w)
	case actual.Absent != !ok || string(actual.Value) != old:
		return fmt.Errorf("the actual value is %s (absent %v), want %s (absent %v)", short(actual.Value), actual.Absent, short(old), !ok)
	}
	return nil
}

func (m *modelRun) fetch(s step) error {
	w := s.writes[0]
	was, present := m.now.values[w.key]
	old, next, err := kv.FetchAndUpdate(context.Background(), m.store, []byte(w.key), kv.WriteOptions{Durability: s.level},
		func([]byte, bool) ([]byte, bool) { return []byte(w.value), w.kind == kv.OpPut })
	switch {
	case err != nil:
		return err
	case old.Absent == present || string(old.Value) != was:
		return fmt.Errorf("the old value is %s (absent %v), want %s", short(old.Value), old.Absent, short(was))
	case next.Absent != (w.kind == kv.OpDelete) || string(next.Value) != w.value:
		return fmt.Errorf("the new value is %s (absent %v)", short(next.Value), next.Absent)
	}
	return m.now.do(w)
}

// compareGets asks both readers for keys in all ways.
func compareGets(r, model kv.Reader, keys []string) error {
	saw, err := gets(r, keys)
	if err != nil {
		return err
	}
	want, err := gets(model, keys)
	if err != nil {
		return err
	}
	return sameSight("get", saw, want)
}

func gets(r kv.Reader, keys []string) (string, error) {
	var saw strings.Builder
	var list [][]byte
	var dst []byte
	for _, key := range keys {
		list = append(list, []byte(key))
		val, ok, err := r.Get([]byte(key), dst)
		if err != nil {
			return "", err
		}
		has, err := r.Has([]byte(key))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&saw, "%q: %v %v", key, ok, has)
		if ok {
			fmt.Fprintf(&saw, " %s", short(val))
			dst = val
		}
		saw.WriteByte('\n')
	}
	err := r.MultiGet(list, func(i int, val []byte, ok bool) error {
		fmt.Fprintf(&saw, "%q: %v %s\n", keys[i], ok, short(val))
		return nil
	})
	return saw.String(), err
}

func (m *modelRun) snapshotStep(s step) (err error) {
	slot := &m.snaps[s.slot]
	if s.kind == stepSnapOpen {
		if err := m.closeSnap(s.slot); err != nil {
			return err
		}
		slot.want = m.now.clone()
		slot.Snapshot, err = m.store.Snapshot(context.Background())
		if err == nil && slot.Seq() < m.seq {
			err = fmt.Errorf("a snapshot of state %d after batch %d", slot.Seq(), m.seq)
		}
		return err
	}
	if slot.Snapshot == nil {
		return nil
	}
	switch s.kind {
	case stepSnapGet:
		return compareGets(slot, slot.want, s.keys)
	case stepSnapWalk:
		return compareWalk(slot, slot.want, s.opt, s.moves)
	}
	return errors.Join(sameContent(slot, slot.want), m.closeSnap(s.slot))
}

func (m *modelRun) iterStep(s step) error {
	slot := &m.iters[s.slot]
	if s.kind == stepIterOpen {
		if err := m.closeIter(s.slot); err != nil {
			return err
		}
		from, want := kv.Reader(m.store), m.now
		if snap := &m.snaps[s.slot]; s.snap && snap.Snapshot != nil {
			from, want = snap, snap.want
		}
		slot.Iterator, slot.twin, slot.keysOnly = from.Iter(s.opt.options()), want.Iter(s.opt.options()), s.opt.keysOnly
		slot.First() // fixes the state that it shows
		slot.twin.First()
	}
	if slot.Iterator == nil {
		return nil
	}
	if s.kind == stepIterClose {
		return m.closeIter(s.slot)
	}
	saw, err := walk(slot.Iterator, s.moves, slot.keysOnly)
	if err != nil {
		return err
	}
	want, err := walk(slot.twin, s.moves, slot.keysOnly)
	if err != nil {
		return err
	}
	return sameSight("iterator", saw, want)
}

// indexed reads through a batch that is never applied, with an iterator open
// while the batch grows.
func (m *modelRun) indexed(s step) error {
	snap, err := m.store.Snapshot(context.Background())
	if err != nil {
		return err
	}
	defer snap.Close()
	b, want := kv.NewIndexedBatch(snap, m.env.Mergers), m.now.clone()
	half := len(s.writes) / 2
	for _, w := range s.writes[:half] {
		w.enter(b)
		if err := want.do(w); err != nil {
			return err
		}
	}
	early, twin := b.Iter(s.opt.options()), want.Iter(s.opt.options())
	defer early.Close()
	early.First()
	twin.First()
	for _, w := range s.writes[half:] {
		w.enter(b)
		if err := want.do(w); err != nil {
			return err
		}
	}
	saw, err := walk(early, s.moves, s.opt.keysOnly)
	if err != nil {
		return err
	}
	expected, _ := walk(twin, s.moves, s.opt.keysOnly)
	if err := sameSight("iterator opened half way", saw, expected); err != nil {
		return err
	}
	return errors.Join(compareWalk(b, want, s.opt, s.moves), sameContent(b, want), compareGets(b, want, trickyKeys()))
}

func (m *modelRun) verify() error {
	return errors.Join(sameContent(m.store, m.now), verifyAll(m.store))
}

// stats compares what a keyspace says of itself with a count.
func (m *modelRun) stats(id uint64) error {
	ks, err := m.store.Keyspace(id, kv.KeyspaceOptions{})
	if err != nil {
		return err
	}
	st, err := ks.Stats(context.Background())
	if err != nil || !st.Exact {
		return err
	}
	var keys, size int64
	for key, val := range m.now.values {
		if bytes.HasPrefix([]byte(key), kv.KeyspacePrefix(id)) {
			keys, size = keys+1, size+int64(len(key)+len(val))
		}
	}
	if st.Keys != keys || st.Bytes != size {
		return fmt.Errorf("keyspace %d has %d keys, %d bytes, it says %+v", id, keys, size, st)
	}
	return nil
}
