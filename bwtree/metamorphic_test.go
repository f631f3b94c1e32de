package bwtree_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/kvtest"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/lsm"
	"github.com/varvedb/varve/vfs"
)

// One history is applied to the three engines of the module, under random options,
// with restarts; every answer must be the same.
func TestOneHistoryHasTheSameAnswersOnAllEngines(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { diffEngines(t, seed) })
	}
}

// trio is the three stores and their open snapshots.
type trio struct {
	t      *testing.T
	rng    *rand.Rand
	open   []func() (kv.Store, error)
	stores []kv.Store
	snaps  [][]kv.Snapshot
}

func diffEngines(t *testing.T, seed uint64) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(seed, 7))
	disks := []*vfs.Mem{vfs.NewMem(), vfs.NewMem(), vfs.NewMem()}
	tr := &trio{t: t, rng: rng, stores: make([]kv.Store, 3)}
	tr.open = []func() (kv.Store, error){
		func() (kv.Store, error) { return ref.Open(ctx, &ref.Options{FS: disks[0], Dir: "db"}) },
		func() (kv.Store, error) {
			return lsm.Open(ctx, &lsm.Options{FS: disks[1], Dir: "db", WriteBuffer: 1 << (8 + rng.IntN(8)), BlockSize: 256})
		},
		func() (kv.Store, error) {
			return openForTest(ctx, kvtest.Env{FS: disks[2], Executor: vfs.Go(), Dir: "db", Seed: 1 + rng.Uint64()})
		},
	}
	tr.reopen()
	for range 300 {
		tr.step(ctx)
	}
	tr.compareAll()
	tr.close()
}

// each calls f for each store and wants the same answer.
func (tr *trio) each(what string, f func(i int, s kv.Store) string) {
	tr.t.Helper()
	want := f(0, tr.stores[0])
	for i := 1; i < len(tr.stores); i++ {
		if got := f(i, tr.stores[i]); got != want {
			tr.t.Fatalf("%s: engine %d says %.200q, the reference %.200q", what, i, got, want)
		}
	}
}

func (tr *trio) key() []byte {
	return append(kv.KeyspacePrefix(uint64(tr.rng.IntN(2)+1)), fmt.Sprint(tr.rng.IntN(60))...)
}

func (tr *trio) step(ctx context.Context) {
	switch n := tr.rng.IntN(20); {
	case n < 12:
		b, opt := tr.batch(), kv.WriteOptions{Durability: kv.Durability(tr.rng.IntN(3))}
		var at int
		if len(tr.snaps) > 0 && tr.rng.IntN(2) == 0 {
			at = tr.rng.IntN(len(tr.snaps)) + 1
		}
		key, span := tr.key(), kv.Span{Start: tr.key(), End: tr.key()}
		tr.each("apply", func(i int, s kv.Store) string {
			if at > 0 {
				opt.If = &kv.Conditions{At: tr.snaps[at-1][i].Seq(), Keys: [][]byte{key}, Spans: []kv.Span{span}}
			}
			_, err := s.Apply(ctx, b, opt)
			return fmt.Sprint(err == nil, errors.Is(err, kv.ErrConflict))
		})
	case n < 14:
		var list []kv.Snapshot
		for _, s := range tr.stores {
			snap, err := s.Snapshot(ctx)
			check(tr.t, err)
			list = append(list, snap)
		}
		tr.snaps = append(tr.snaps, list)
	case n < 16 && len(tr.snaps) > 0:
		i := tr.rng.IntN(len(tr.snaps))
		for _, snap := range tr.snaps[i] {
			check(tr.t, snap.Close())
		}
		tr.snaps = append(tr.snaps[:i], tr.snaps[i+1:]...)
	case n == 16:
		for _, s := range tr.stores {
			check(tr.t, s.(kv.Flusher).Flush(ctx))
		}
	case n == 17 && tr.rng.IntN(4) == 0:
		tr.close()
		tr.reopen()
	default:
		tr.compareWalks()
	}
}

func (tr *trio) batch() *kv.Batch {
	b := new(kv.Batch)
	for range 1 + tr.rng.IntN(5) {
		switch key := tr.key(); tr.rng.IntN(6) {
		case 0:
			b.Delete(key)
		case 1:
			b.DeleteRange(key, tr.key())
		case 2:
			b.Merge(kv.MergeMax, key, fmt.Append(nil, tr.rng.IntN(1000)))
		default:
			b.Put(key, fmt.Appendf(nil, "%0*d", 1+tr.rng.IntN(300), tr.rng.IntN(1000)))
		}
	}
	return b
}

// compareWalks compares iterators that make the same random moves on one state.
func (tr *trio) compareWalks() {
	at := tr.rng.IntN(len(tr.snaps) + 1)
	seed := tr.rng.Uint64()
	opt := kv.IterOptions{}
	if tr.rng.IntN(2) == 0 {
		opt.Lower, opt.Upper = tr.key(), tr.key()
	}
	tr.each("walk", func(i int, s kv.Store) string {
		var r kv.Reader = s
		if at > 0 {
			r = tr.snaps[at-1][i]
		}
		return walk(r.Iter(opt), rand.New(rand.NewPCG(seed, 0)))
	})
}

func walk(it kv.Iterator, rng *rand.Rand) (text string) {
	for range 15 {
		key := append(kv.KeyspacePrefix(uint64(rng.IntN(3)+1)), fmt.Sprint(rng.IntN(60))...)
		var ok bool
		switch rng.IntN(7) {
		case 0:
			ok = it.First()
		case 1:
			ok = it.Last()
		case 2:
			ok = it.SeekGE(key)
		case 3:
			ok = it.SeekLE(key)
		case 4:
			ok = it.SeekLT(key)
		case 5:
			ok = it.Next()
		case 6:
			ok = it.Prev()
		}
		text += fmt.Sprintf("%v %q=%q;", ok, it.Key(), it.Value())
	}
	return text + fmt.Sprint(it.Close())
}

// compareAll compares all that is in the stores, and in their snapshots.
func (tr *trio) compareAll() {
	for at := range len(tr.snaps) + 1 {
		tr.each("content", func(i int, s kv.Store) (text string) {
			var r kv.Reader = s
			if at > 0 {
				r = tr.snaps[at-1][i]
			}
			it := r.Iter(kv.IterOptions{})
			for ok := it.First(); ok; ok = it.Next() {
				text += fmt.Sprintf("%q=%q ", it.Key(), it.Value())
			}
			return text + fmt.Sprint(it.Close())
		})
	}
}

func (tr *trio) close() {
	for _, list := range tr.snaps {
		for _, snap := range list {
			check(tr.t, snap.Close())
		}
	}
	tr.snaps = nil
	for _, s := range tr.stores {
		check(tr.t, s.(kv.Verifier).Verify(context.Background(), nil))
		check(tr.t, s.Close())
	}
}

func (tr *trio) reopen() {
	for i, open := range tr.open {
		s, err := open()
		check(tr.t, err)
		tr.stores[i] = s
	}
}
