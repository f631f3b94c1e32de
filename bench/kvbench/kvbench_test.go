package kvbench

import (
	"bytes"
	"strings"
	"testing"
)

// lossy forgets one put in a hundred.
type lossy struct {
	Engine
	n int
}

func (l *lossy) Put(k, v []byte) error {
	if l.n++; l.n%100 == 0 {
		return nil
	}
	return l.Engine.Put(k, v)
}

// stale gives every key the value of the first put.
type stale struct {
	Engine
	first []byte
}

func (s *stale) Put(k, v []byte) error {
	if s.first == nil {
		s.first = bytes.Clone(v)
	}
	return s.Engine.Put(k, s.first)
}

func TestLossIsNoticed(t *testing.T) {
	for _, spoil := range []func(Engine) Engine{
		func(e Engine) Engine { return &lossy{Engine: e} },
		func(e Engine) Engine { return &stale{Engine: e} },
	} {
		bad := refEntrant("bad", Buffered)
		open := bad.open
		bad.open = func(c Config) (Engine, error) {
			e, err := open(c)
			return spoil(e), err
		}
		o := DefaultOptions()
		o.N, o.Value = 1000, 64
		r := newRunner(bad, o, t.TempDir())
		if _, err := r.runWorkload("fillrandom@1"); err == nil || !strings.Contains(err.Error(), "DATA LOSS") {
			t.Errorf("an engine that loses passed: %v", err)
		}
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}
}

// Every engine that is linked agrees with what was written to it, whatever the
// workload.
func TestPeersRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds for each engine")
	}
	o := DefaultOptions()
	o.N, o.Value, o.WriteMiB, o.CacheKiB, o.MaxSecs = 2000, 64, 4, 8<<10, 0.1
	for _, e := range Entrants() {
		t.Run(e.Name, func(t *testing.T) {
			r := newRunner(e, o, t.TempDir())
			for _, w := range workloads() {
				if w.name == "reopen" {
					continue // kills its process
				}
				if _, err := r.runWorkload(w.name + "@2"); err != nil {
					t.Errorf("%s: %v", w.name, err)
				}
			}
			if err := r.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKeysAreOrderedAndMissingOnesLieBetween(t *testing.T) {
	s := newKeySpace(5000)
	var below []byte
	for i := range s.n {
		k, m := s.key(nil, i), s.missing(nil, i)
		if bytes.Compare(below, k) >= 0 || bytes.Compare(k, m) >= 0 || len(k) != keySize {
			t.Fatalf("key %d is out of order", i)
		}
		if lo, hi := s.prefixRange(s.prefixOf(i)); i < lo || i >= hi {
			t.Fatalf("key %d is not in the range of its prefix", i)
		}
		below = m
	}
	for j := range uint64(1000) {
		k, p := s.key(nil, s.n+j), s.parent(j)
		if bytes.Compare(k, s.missing(nil, p)) <= 0 || p+1 < s.n && bytes.Compare(k, s.key(nil, p+1)) >= 0 {
			t.Fatalf("inserted key %d is not above its parent", j)
		}
	}
}

func TestValuesTellWhatTheyBelongTo(t *testing.T) {
	g := newValGen(256)
	v := g.fill(nil, 7, 3)
	if ver, ok := g.check(v, 7); !ok || ver != 3 {
		t.Error("a good value is refused")
	}
	if _, ok := g.check(v, 8); ok {
		t.Error("a value of another index is accepted")
	}
	v[200] ^= 1
	if _, ok := g.check(v, 7); ok {
		t.Error("a flipped bit is accepted")
	}
}

func TestHistogramIsWithinFourPercent(t *testing.T) {
	var h hist
	for i := range int64(100_000) {
		h.add((i + 1) * 10)
	}
	for _, q := range []float64{.5, .99, .999} {
		if got, want := float64(h.quantile(q)), q*1e6; got < want*.96 || got > want*1.04 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}
