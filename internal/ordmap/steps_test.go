package ordmap

import (
	"math/rand/v2"
	"testing"
)

func TestStepsAgreeWithAnArray(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var s Steps[int]
		var want [256]int
		for v := 1; v < 60; v++ {
			a, b := rng.IntN(256), rng.IntN(257)
			if a >= b {
				continue
			}
			end := []byte{byte(b)}
			if b == 256 {
				end = nil
			}
			s.Set([]byte{byte(a)}, end, v)
			for i := a; i < b; i++ {
				want[i] = v
			}
			old := s.Clone()
			s.Set([]byte{0}, []byte{1}, -v)
			want[0] = -v
			if v > 1 && old.At([]byte{255}) != want[255] {
				t.Fatal("the clone changed")
			}
			for i, w := range want {
				if got := s.At([]byte{byte(i)}); got != w {
					t.Fatalf("seed %d: at %d: %d, want %d", seed, i, got, w)
				}
			}
			a, b = rng.IntN(128), 128+rng.IntN(128)
			has := false
			for _, w := range want[a:b] {
				has = has || w == v
			}
			if got := s.Any([]byte{byte(a)}, []byte{byte(b)}, func(x int) bool { return x == v }); got != has {
				t.Fatalf("seed %d: any in [%d,%d): %v", seed, a, b, got)
			}
		}
	}
}
