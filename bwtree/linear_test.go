package bwtree_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// call is an operation on the few keys of a store.
type call struct {
	kind     string // get, put, delete, clear (two keys), cas, scan
	key      int
	old, new string // empty is absent
}

// answer is what it returned: the value, the values of all keys, or "swapped".
type answer string

const linearKeys = 4

// content is the values of the keys; empty is absent.
type content [linearKeys]string

// model is a map with these operations, each done at one moment.
var model = porcupine.Model{
	Init: func() any { return content{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(content), input.(call), output.(answer)
		switch in.kind {
		case "get":
			return string(out) == s[in.key], s
		case "put":
			s[in.key] = in.new
			return true, s
		case "delete":
			s[in.key] = ""
			return true, s
		case "clear":
			s[1], s[2] = "", ""
			return true, s
		case "cas":
			if s[in.key] != in.old {
				return string(out) == "no: "+s[in.key], s
			}
			s[in.key] = in.new
			return out == "swapped", s
		}
		return string(out) == strings.Join(s[:], ","), s
	},
	Equal: func(a, b any) bool { return a == b },
}

// All that goroutines see of a store can be explained by one order in which each
// operation is done at a moment between its call and its return.
func TestTheStoreIsLinearizable(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		procs := []int{1, 2, 8}[round%3]
		before := runtime.GOMAXPROCS(procs)
		history := record(t, uint64(round))
		runtime.GOMAXPROCS(before)
		switch porcupine.CheckOperationsTimeout(model, history, 20*time.Second) {
		case porcupine.Illegal:
			t.Fatalf("round %d: no order explains %d operations", round, len(history))
		case porcupine.Unknown:
			t.Logf("round %d: not decided in time", round)
		}
	}
}

// record lets goroutines work on a store, and returns what they did.
func record(t *testing.T, seed uint64) (history []porcupine.Operation) {
	s := open(t, &bwtree.Options{Dir: "db", FS: vfs.NewMem(), Fanout: 2 + 3*int(seed/3%2),
		Deltas: 1 + int(seed%3), CacheBytes: -1, RedoBytes: 2000})
	var clock atomic.Int64
	var mu sync.Mutex
	var wait sync.WaitGroup
	for client := range 4 {
		wait.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range 25 {
				in := randomCall(rng, fmt.Sprintf("%d.%d", client, i))
				begin := clock.Add(1)
				out, err := do(s, in, kv.Durability(rng.IntN(3)))
				end := clock.Add(1)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: client, Input: in, Call: begin, Output: out, Return: end})
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	check(t, s.Close())
	return history
}

func randomCall(rng *rand.Rand, val string) call {
	in := call{kind: []string{"get", "get", "put", "put", "delete", "clear", "cas", "cas", "scan", "scan"}[rng.IntN(10)], key: rng.IntN(linearKeys), new: val}
	if in.kind == "cas" && rng.IntN(3) > 0 {
		in.old = fmt.Sprintf("%d.%d", rng.IntN(4), rng.IntN(25))
	}
	return in
}

func linearKey(i int) []byte { return []byte{'k', byte('0' + i)} }

func do(s *bwtree.Store, in call, d kv.Durability) (answer, error) {
	ctx, opt := context.Background(), kv.WriteOptions{Durability: d}
	var b kv.Batch
	switch in.kind {
	case "get":
		val, _, err := s.Get(linearKey(in.key), nil)
		return answer(val), err
	case "put":
		b.Put(linearKey(in.key), []byte(in.new))
	case "delete":
		b.Delete(linearKey(in.key))
	case "clear":
		b.DeleteRange(linearKey(1), linearKey(3))
	case "cas":
		swapped, actual, err := kv.CompareAndSwap(ctx, s, linearKey(in.key), kv.KV{Value: []byte(in.old), Absent: in.old == ""},
			kv.KV{Value: []byte(in.new)}, opt)
		if swapped || err != nil {
			return "swapped", err
		}
		return answer("no: " + string(actual.Value)), nil
	case "scan":
		return scanAll(s)
	}
	_, err := s.Apply(ctx, &b, opt)
	return "", err
}

func scanAll(s *bwtree.Store) (answer, error) {
	var found content
	it := s.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		found[it.Key()[1]-'0'] = string(it.Value())
	}
	return answer(strings.Join(found[:], ",")), it.Close()
}
