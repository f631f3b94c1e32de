package rangedel

import (
	"bytes"
	"math/rand/v2"

	"github.com/varvedb/varve/kv"
)

// model is tombstones in no order; it answers by looking at each.
type model []Tombstone

func (m model) covering(key []byte, at kv.Seq) kv.Seq {
	var seq kv.Seq
	for _, t := range m {
		if t.Seq <= at && bytes.Compare(key, t.Start) >= 0 && (t.End == nil || bytes.Compare(key, t.End) < 0) {
			seq = max(seq, t.Seq)
		}
	}
	return seq
}

// visible is what covers key for readers at the stripes and the newest one.
func (m model) visible(key []byte, stripes []kv.Seq) []kv.Seq {
	var out []kv.Seq
	for i := len(stripes); i >= 0; i-- {
		high, low := ^kv.Seq(0), kv.Seq(0)
		if i < len(stripes) {
			high = stripes[i]
		}
		if i > 0 {
			low = stripes[i-1]
		}
		if seq := m.covering(key, high); seq > low {
			out = append(out, seq)
		}
	}
	return out
}

// randomKey returns a key of up to three letters of a tiny alphabet, sometimes
// the empty one.
func randomKey(r *rand.Rand) []byte {
	key := make([]byte, r.IntN(4))
	for i := range key {
		key[i] = 'a' + byte(r.IntN(3))
	}
	return key
}

// randomTombstones returns up to n, some of which delete nothing.
func randomTombstones(r *rand.Rand, n int) model {
	var m model
	for range r.IntN(n + 1) {
		t := Tombstone{randomKey(r), randomKey(r), kv.Seq(r.IntN(20))}
		if r.IntN(8) == 0 {
			t.End = nil
		}
		m = append(m, t)
	}
	return m
}

// allKeys returns every key that randomKey can return, and ones between them.
func allKeys() [][]byte {
	keys := [][]byte{{}, []byte("zz")}
	for level := keys[:1]; len(level[0]) < 3; {
		var longer [][]byte
		for _, k := range level {
			for _, c := range "abc" {
				longer = append(longer, append(bytes.Clone(k), byte(c)))
			}
		}
		keys = append(keys, longer...)
		level = longer
	}
	for _, k := range keys[:len(keys):len(keys)] {
		keys = append(keys, append(bytes.Clone(k), 0))
	}
	return keys
}

// randomStripes returns ascending snapshots.
func randomStripes(r *rand.Rand) []kv.Seq {
	var out []kv.Seq
	for s := kv.Seq(0); s < 20; s++ {
		if r.IntN(6) == 0 {
			out = append(out, s)
		}
	}
	return out
}
