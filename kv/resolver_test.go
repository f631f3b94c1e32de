package kv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// history is what a resolver stands for: all batches, never forgotten.
type history []struct {
	seq Seq
	b   *Batch
}

func (h history) conflict(c *Conditions) bool {
	for _, w := range h {
		if w.seq <= c.At {
			continue
		}
		for op := range w.b.Ops() {
			for _, k := range c.Keys {
				if string(op.Key) == string(k) && op.Kind != OpDeleteRange || op.Kind == OpDeleteRange && op.Span().Contains(k) {
					return true
				}
			}
			for _, s := range c.Spans {
				if op.Kind != OpDeleteRange && s.Contains(op.Key) || op.Kind == OpDeleteRange && overlap(s, op.Span()) {
					return true
				}
			}
		}
	}
	return false
}

func overlap(a, b Span) bool {
	return (a.End == nil || string(b.Start) < string(a.End)) && (b.End == nil || string(a.Start) < string(b.End)) &&
		(a.End == nil || string(a.Start) < string(a.End))
}

func TestTheResolverAgreesWithTheWholeHistory(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		limit := []int{0, 400, 4000}[rng.IntN(3)]
		r := NewResolver(1, limit)
		var h history
		var open []Seq
		seq, visible := Seq(1), Seq(1)
		key := func() []byte { return fmt.Appendf(KeyspacePrefix(uint64(rng.IntN(3))), "%02d", rng.IntN(30)) }
		for range 300 {
			switch n := rng.IntN(10); {
			case n < 4:
				b := new(Batch)
				for range 1 + rng.IntN(3) {
					if rng.IntN(6) == 0 {
						b.DeleteRange(key(), key())
					} else {
						b.Put(key(), nil)
					}
				}
				seq += 1 + Seq(rng.IntN(2))
				r.Record(seq, b)
				h = append(h, history{{seq, b}}...)
			case n < 6:
				visible = seq
				r.Publish(seq)
			case n < 7:
				r.Open(visible)
				open = append(open, visible)
			case n < 8 && len(open) > 0:
				i := rng.IntN(len(open))
				r.Release(open[i])
				open = append(open[:i], open[i+1:]...)
			default:
				c := &Conditions{At: visible}
				if len(open) > 0 {
					c.At = open[rng.IntN(len(open))]
				}
				c.Keys = append(c.Keys, key())
				if rng.IntN(2) == 0 {
					c.Spans = append(c.Spans, Span{key(), key()})
				}
				err := r.Check(c)
				if errors.Is(err, ErrTooOld) {
					if limit == 0 {
						t.Fatalf("seed %d: forgot what an open snapshot needs", seed)
					}
					continue
				}
				if got, want := errors.Is(err, ErrConflict), h.conflict(c); got != want {
					t.Fatalf("seed %d: conflict %v (%v), want %v for %+v", seed, got, err, want, c)
				}
			}
		}
	}
}

func TestTheResolverForgetsWhatNobodyCanAskFor(t *testing.T) {
	r := NewResolver(1, 0)
	for seq := Seq(2); seq < 1000; seq++ {
		b := new(Batch)
		b.Put(fmt.Append(nil, seq), nil)
		b.DeleteRange(fmt.Append(nil, seq), fmt.Append(nil, seq+1))
		r.Record(seq, b)
		r.Publish(seq)
		if seq == 500 {
			r.Open(seq)
		}
	}
	if r.points.Len() != 499 {
		t.Fatalf("%d points are remembered for a snapshot, want 499", r.points.Len())
	}
	r.Release(500)
	if r.points.Len()+r.ranges.Len()+len(r.order)+len(r.pending)+len(r.open) != 0 || r.bytes != 0 {
		t.Fatalf("something is remembered for nobody: %+v", r)
	}
}

func TestTheResolverBoundsItsMemory(t *testing.T) {
	r := NewResolver(1, 10_000)
	r.Open(1)
	for seq := Seq(2); seq < 5000; seq++ {
		b := new(Batch)
		b.Put(fmt.Append(nil, seq), nil)
		b.DeleteRange(fmt.Append(nil, "x", seq), fmt.Append(nil, "x", seq+1))
		r.Record(seq, b)
		r.Publish(seq)
		if r.bytes > 20_000 || r.points.Len() > 500 || r.ranges.Len() > 500 {
			t.Fatalf("%d bytes, %d points, %d ranges are remembered", r.bytes, r.points.Len(), r.ranges.Len())
		}
	}
	if err := r.Check(&Conditions{At: 1, Keys: [][]byte{[]byte("3")}}); !errors.Is(err, ErrTooOld) {
		t.Fatalf("a transaction that is too old got %v", err)
	}
}

func TestLastModifiedIsNeverTooLow(t *testing.T) {
	r := NewResolver(7, 0)
	one, two := r.Track(1), r.Track(2)
	b := new(Batch)
	b.Put(KeyspacePrefix(1), nil)
	r.Record(8, b)
	if one.Load() != 8 || two.Load() != 7 {
		t.Fatal(one.Load(), two.Load())
	}
	b = new(Batch)
	s := KeyspaceSpan(1)
	b.DeleteRange(s.Start, s.End)
	r.Record(9, b)
	if one.Load() != 9 || two.Load() != 7 {
		t.Fatal(one.Load(), two.Load())
	}
	b = new(Batch)
	b.DeleteRange(s.Start, nil)
	r.Record(10, b)
	if two.Load() != 10 || r.Track(5).Load() != 10 {
		t.Fatal(two.Load())
	}
}

// The keyspace 256 begins with a zero byte at its end, so that the keys of seven
// bytes that belong to it lie below its prefix.
func TestShortKeysBelowAPrefixAreSeen(t *testing.T) {
	low, high, short := KeyspacePrefix(255), KeyspacePrefix(256), KeyspacePrefix(256)[:7]
	for name, c := range map[string]struct {
		write func(*Batch)
		cond  Conditions
	}{
		"a put in a range":       {func(b *Batch) { b.Put(short, nil) }, Conditions{Spans: []Span{{low, high}}}},
		"a range over the key":   {func(b *Batch) { b.DeleteRange(low, high) }, Conditions{Keys: [][]byte{short}}},
		"a range over the range": {func(b *Batch) { b.DeleteRange(low, high) }, Conditions{Spans: []Span{{short, high}}}},
	} {
		r := NewResolver(1, 0)
		r.Track(255)
		r.Track(256)
		r.Open(1)
		b := new(Batch)
		c.write(b)
		r.Record(2, b)
		c.cond.At = 1
		if err := r.Check(&c.cond); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
