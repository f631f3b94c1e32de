package kvtest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/varvedb/varve/kv"
)

// bank moves money between accounts, opens and closes accounts, and checks that
// every reader, by any way of reading, sees the same sum.
func bank(s *subject) {
	const accounts, total = 8, 8000
	key := func(i int) []byte { return fmt.Append(nil, "account", i) }
	s.apply(func(b *kv.Batch) { b.Put(key(0), kv.AppendAdd(nil, total)) })
	sum := func(r kv.Reader) error {
		all := int64(0)
		it := r.Iter(kv.IterOptions{Prefix: []byte("account")})
		for ok := it.First(); ok; ok = it.Next() {
			n, err := kv.DecodeAdd(it.Value())
			if err != nil {
				it.Close()
				return err
			}
			all += n
		}
		if err := it.Close(); err != nil || all != total {
			return fmt.Errorf("the sum is %d, want %d: %v", all, total, err)
		}
		return nil
	}
	transfer := func(rng *rand.Rand) error {
		return kv.Update(context.Background(), s.store, kv.WriteOptions{Durability: kv.Process}, func(tx *kv.Txn) error {
			if rng.IntN(4) == 0 {
				if err := sum(tx); err != nil {
					return err
				}
			}
			from, to := key(rng.IntN(accounts)), key(rng.IntN(accounts))
			val, ok, err := tx.Get(from, nil)
			if err != nil || !ok {
				return err
			}
			have, err := kv.DecodeAdd(val)
			amount := rng.Int64N(have + 1)
			if amount == have {
				tx.Delete(from) // and so closed
			} else {
				tx.Put(from, kv.AppendAdd(nil, have-amount))
			}
			tx.Merge(kv.MergeAdd, to, kv.AppendAdd(nil, amount))
			return err
		})
	}
	writer := func(id uint64) func() error {
		return func() (err error) {
			rng := rand.New(rand.NewPCG(id, 5))
			for i := 0; i < 80 && err == nil; i++ {
				err = transfer(rng)
			}
			return err
		}
	}
	reader := func() error { return kv.View(context.Background(), s.store, sum) }
	s.raceAround([]func() error{writer(1), writer(2), writer(3), writer(4)}, []func() error{reader})
	s.ok(sum(s.store))
}

// writeSkew: of two on duty one may leave if the other stays. Both look, by key
// or by range, and each writes only its own key.
func writeSkew(s *subject) {
	ctx := context.Background()
	count := func(tx *kv.Txn, byRange bool) (n int, err error) {
		if !byRange {
			for _, who := range []string{"duty/a", "duty/b"} {
				ok, err := tx.Has([]byte(who))
				if err != nil {
					return 0, err
				}
				if ok {
					n++
				}
			}
			return n, nil
		}
		it := tx.Iter(kv.IterOptions{Prefix: []byte("duty/"), KeysOnly: true})
		for ok := it.First(); ok; ok = it.Next() {
			n++
		}
		return n, it.Close()
	}
	leave := func(who string, byRange bool) error {
		return kv.Update(ctx, s.store, kv.WriteOptions{Durability: kv.Process}, func(tx *kv.Txn) error {
			n, err := count(tx, byRange)
			if n > 1 {
				tx.Delete([]byte(who))
			}
			return err
		})
	}
	for round := range 100 {
		s.put("duty/a", "", "duty/b", "")
		s.raceAround([]func() error{
			func() error { return leave("duty/a", round%2 == 0) },
			func() error { return leave("duty/b", round%3 == 0) },
		}, nil)
		c, err := snapshotContent(s.store)
		s.ok(err)
		s.that(len(c.values) == 1, "one stays on duty in round %d: %v", round, c.keys())
	}
}
