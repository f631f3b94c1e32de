package kvbench

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// mix64 is the last step of splitmix64.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// rng is a small fast generator, one per goroutine.
type rng struct{ s uint64 }

func (r *rng) next() uint64 { r.s++; return mix64(r.s * 0x9e3779b97f4a7c15) }

func (r *rng) n(n uint64) uint64 {
	h, _ := bits.Mul64(r.next(), n)
	return h
}

func ascending(n uint64) []uint32 {
	p := make([]uint32, n)
	for i := range p {
		p[i] = uint32(i)
	}
	return p
}

func shuffled(n, seed uint64) []uint32 {
	p := ascending(n)
	r := rand.New(rand.NewPCG(seed, 5))
	r.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

// zipfTable draws YCSB's zipfian ranks (theta 0.99, Gray et al., "Quickly
// generating billion-record synthetic databases") ahead of time, so that the
// measured loops pay for a look-up only.
type zipfTable struct{ ranks []uint32 }

const theta = 0.99

func newZipfTable(n uint64, samples int, seed uint64) *zipfTable {
	zn := zeta(n)
	eta := (1 - math.Pow(2/float64(n), 1-theta)) / (1 - zeta(2)/zn)
	r := rand.New(rand.NewPCG(seed, 99))
	t := &zipfTable{ranks: make([]uint32, samples)}
	for i := range t.ranks {
		u := r.Float64()
		k := uint64(0)
		switch uz := u * zn; {
		case uz < 1:
		case uz < 1+math.Pow(0.5, theta):
			k = 1
		default:
			k = uint64(float64(n) * math.Pow(eta*u-eta+1, 1/(1-theta)))
		}
		t.ranks[i] = uint32(min(k, n-1))
	}
	return t
}

func zeta(n uint64) (z float64) {
	for i := uint64(1); i <= n; i++ {
		z += 1 / math.Pow(float64(i), theta)
	}
	return z
}

func (t *zipfTable) rank(pos uint64) uint64 { return uint64(t.ranks[pos%uint64(len(t.ranks))]) }

// hot scatters a rank over the key space (YCSB's "scrambled" zipfian).
func (t *zipfTable) hot(pos, n uint64) uint64 { return mix64(t.rank(pos)^0xabcdef) % n }
