package kvtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/varvedb/varve/kv"
)

// historyGen makes histories from a seed.
type historyGen struct {
	rng *rand.Rand
	n   int // of the last value, so that values differ
}

// newHistory returns the history of n steps that follows from seed.
func newHistory(seed uint64, n int) history {
	g := &historyGen{rng: rand.New(rand.NewPCG(seed, 0x6a09e667f3bcc908))}
	h := make(history, n)
	for i := range h {
		h[i] = g.step()
	}
	return h
}

// trickyKeys are few, so that histories meet: the empty key, runs of the lowest
// and highest bytes, prefixes of each other, and the edges of keyspaces.
func trickyKeys() []string {
	keys := []string{"", "\x00", "\x00\x00", "\x01", "a", "a\x00", "a\xff", "aa", "ab", "b", "\xff", "\xff\xff", "\xff\xff\xff",
		"sum", "set", "\x00\x00\x00\x00\x00\x00\x01"}
	for _, in := range []struct {
		id   uint64
		rest string
	}{{0, "|a|\xff"}, {1, "|\x00|\xff\xff|sum"}, {2, "set|x"}, {255, "k"}, {256, "|k"}, {1<<56 - 1, "k"}, {1 << 56, "|k"}, {math.MaxUint64, "|z|\xff"}} {
		for part := range strings.SplitSeq(in.rest, "|") {
			keys = append(keys, string(kv.KeyspacePrefix(in.id))+part)
		}
	}
	return keys
}

// stepWeights says how often each kind of step occurs.
func stepWeights() [stepReopen + 1]int {
	return [...]int{
		stepApply: 60, stepSwap: 8, stepFetch: 6, stepTxn: 24, stepImport: 3, stepGet: 14, stepWalk: 14,
		stepSnapOpen: 7, stepSnapGet: 6, stepSnapWalk: 8, stepSnapClose: 4,
		stepIterOpen: 7, stepIterMove: 14, stepIterClose: 3, stepIndexed: 10,
		stepSync: 3, stepFlush: 4, stepCompact: 2, stepVerify: 2, stepStats: 3,
		stepCheckpoint: 1, stepReadOnly: 1, stepReopen: 4,
	}
}

func (g *historyGen) step() step {
	s := step{kind: g.kind(), slot: g.rng.IntN(historySlots), level: kv.Durability(g.rng.IntN(3))}
	switch s.kind {
	case stepApply:
		s.writes = g.writes(8)
	case stepSwap, stepFetch:
		s.right = g.rng.IntN(2) == 0
		key := g.key()
		s.writes = []modelWrite{{kind: kv.OpPut, key: key, value: g.value(key)}}
		if g.rng.IntN(3) == 0 {
			s.writes[0] = modelWrite{kind: kv.OpDelete, key: key}
		}
	case stepTxn:
		g.transaction(&s)
	case stepImport:
		for range 1 + g.rng.IntN(8) {
			key := g.key()
			s.writes = append(s.writes, modelWrite{kind: kv.OpPut, key: key, value: g.value(key)})
		}
	case stepGet, stepSnapGet:
		s.keys = g.keys()
	case stepWalk, stepSnapWalk, stepIterOpen, stepIterMove:
		s.snap, s.opt, s.moves = g.rng.IntN(2) == 0, g.walkOptions(), g.moves()
	case stepIndexed:
		s.writes, s.opt, s.moves = g.writes(10), g.walkOptions(), g.moves()
	case stepStats:
		s.id = uint64(g.rng.IntN(3))
	case stepReopen:
		s.seed = g.rng.Uint64N(1 << 20)
	}
	return s
}

// historySlots is how many snapshots, and iterators, may be open at once.
const historySlots = 4

func (g *historyGen) kind() stepKind {
	weights, sum := stepWeights(), 0
	for _, w := range weights {
		sum += w
	}
	n := g.rng.IntN(sum)
	for kind, w := range weights {
		if n -= w; n < 0 {
			return stepKind(kind)
		}
	}
	return stepApply
}

func (g *historyGen) transaction(s *step) {
	s.commit = g.rng.IntN(5) > 0
	for range 1 + g.rng.IntN(7) {
		a := txnAct{kind: actKind(g.rng.IntN(3)), n: g.rng.IntN(4), leave: g.rng.IntN(3) == 0}
		if g.rng.IntN(5) == 0 {
			a.kind = actSave + actKind(g.rng.IntN(2))
		}
		switch a.kind {
		case actGet:
			a.keys = g.keys()
		case actWalk:
			a.opt, a.moves = g.walkOptions(), g.moves()
		case actWrite:
			a.write = g.write()
		}
		s.acts = append(s.acts, a)
	}
	if g.rng.IntN(2) == 0 {
		s.rival = g.writes(2)
	}
}

func (g *historyGen) key() string {
	keys := trickyKeys()
	return keys[g.rng.IntN(len(keys))]
}

func (g *historyGen) keys() []string {
	list := make([]string, 1+g.rng.IntN(4))
	for i := range list {
		list[i] = g.probe()
	}
	return list
}

// probe returns a key, or one beside it.
func (g *historyGen) probe() string {
	key := g.key()
	switch g.rng.IntN(6) {
	case 0:
		return key + "\x00"
	case 1:
		return string(kv.PrefixEnd([]byte(key)))
	case 2:
		return key[:g.rng.IntN(len(key)+1)]
	}
	return key
}

func (g *historyGen) writes(limit int) []modelWrite {
	list := make([]modelWrite, 1+g.rng.IntN(limit))
	if g.rng.IntN(2) == 0 {
		list = list[:1]
	}
	for i := range list {
		list[i] = g.write()
	}
	return list
}

func (g *historyGen) write() modelWrite {
	key := g.key()
	switch g.rng.IntN(12) {
	case 0, 1:
		return modelWrite{kind: kv.OpDelete, key: key}
	case 2:
		w := modelWrite{kind: kv.OpDeleteRange, key: g.probe(), end: g.probe(), open: g.rng.IntN(16) == 0}
		if w.key > w.end && g.rng.IntN(4) > 0 {
			w.key, w.end = w.end, w.key
		}
		return w
	case 3, 4, 5:
		return g.merge(key)
	}
	return modelWrite{kind: kv.OpPut, key: key, value: g.value(key)}
}

// merge combines with an operator that fits what the key holds, which its name
// tells.
func (g *historyGen) merge(key string) modelWrite {
	w := modelWrite{kind: kv.OpMerge, key: key, value: g.value(key)}
	switch {
	case strings.HasSuffix(key, "sum"):
		w.merger = kv.MergeAdd
	case strings.HasSuffix(key, "set"):
		w.merger = kv.MergeUnion
	default:
		w.merger = []kv.MergerID{mergeAppend, kv.MergeMin, kv.MergeMax}[g.rng.IntN(3)]
	}
	return w
}

func (g *historyGen) value(key string) string {
	g.n++
	switch {
	case strings.HasSuffix(key, "sum"):
		return sumOf(g.rng.Int64N(1000) - 500)
	case strings.HasSuffix(key, "set"):
		return unionOf(fmt.Sprint(g.rng.IntN(9)), fmt.Sprint(g.rng.IntN(9)))
	}
	text := fmt.Sprintf("v%d.", g.n)
	switch n := g.rng.IntN(60); {
	case n == 0:
		return strings.Repeat(text, 5000)
	case n < 5:
		return strings.Repeat(text, 500)
	case n < 15:
		return strings.Repeat(text, 20)
	case n < 22:
		return ""
	}
	return text
}

func (g *historyGen) walkOptions() walkOptions {
	o := walkOptions{lower: g.probe(), upper: g.probe(), prefix: g.probe()}
	for i := range o.bounded {
		o.bounded[i] = g.rng.IntN(4) == 0
	}
	if o.bounded[0] && o.bounded[1] && o.lower > o.upper && g.rng.IntN(8) > 0 {
		o.lower, o.upper = o.upper, o.lower
	}
	o.keysOnly, o.noFill = g.rng.IntN(6) == 0, g.rng.IntN(6) == 0
	if g.rng.IntN(6) == 0 {
		o.skip = 1 + g.rng.IntN(2)
	}
	return o
}

func (g *historyGen) moves() []walkMove {
	list := make([]walkMove, 1+g.rng.IntN(10))
	for i := range list {
		m := walkMove{kind: moveKind(g.rng.IntN(5)), key: g.probe(), n: g.rng.IntN(9)}
		if i > 0 && g.rng.IntN(4) > 0 {
			m.kind = moveNext + moveKind(g.rng.IntN(2))
		}
		if g.rng.IntN(16) == 0 {
			m.kind = moveNextPrefix
		}
		list[i] = m
	}
	return list
}
