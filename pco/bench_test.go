package pco

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

const benchN = 1 << 20

func benchSeries() map[string][]uint64 {
	rng := rand.New(rand.NewPCG(7, 8))
	s := map[string][]uint64{}
	for _, name := range []string{"sequential", "monotone", "walk", "random-u32", "micros"} {
		s[name] = make([]uint64, benchN)
	}
	mono, walk, micros := uint64(0), uint64(1<<40), uint64(1.7e15)
	for i := range benchN {
		mono += uint64(rng.IntN(1000))
		walk += uint64(int64(rng.NormFloat64() * 1000))
		micros += 1_000_000 + uint64(rng.IntN(2000)) - 1000
		s["sequential"][i] = uint64(i)
		s["monotone"][i] = mono
		s["walk"][i] = walk
		s["random-u32"][i] = uint64(rng.Uint32())
		s["micros"][i] = micros
	}
	return s
}

func prices() []float64 {
	rng := rand.New(rand.NewPCG(9, 10))
	list := make([]float64, benchN)
	p := 100.0
	for i := range list {
		p = max(1, p+rng.NormFloat64()*0.05)
		list[i] = math.Round(p*100) / 100
	}
	return list
}

func benchBoth[T Number](b *testing.B, name string, nums []T) {
	size := int64(len(nums) * TypeOf[T]().Bits() / 8)
	file, err := Compress(nil, nums, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(name+"/encode", func(b *testing.B) {
		b.SetBytes(size)
		var dst []byte
		for b.Loop() {
			dst, _ = Compress(dst[:0], nums, nil)
		}
		b.ReportMetric(float64(len(file))*8/float64(len(nums)), "bits/number")
	})
	b.Run(name+"/decode", func(b *testing.B) {
		b.SetBytes(size)
		dst := make([]T, 0, len(nums))
		for b.Loop() {
			if _, err := Decompress(dst, file, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSeries(b *testing.B) {
	for _, name := range []string{"sequential", "monotone", "walk", "random-u32", "micros"} {
		benchBoth(b, name, benchSeries()[name])
	}
	benchBoth(b, "prices", prices())
}

// BenchmarkPages decodes pages with a decoder that is used again.
func BenchmarkPages(b *testing.B) {
	for _, size := range []int{256, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			nums := benchSeries()["monotone"]
			c, err := NewChunkEncoder(nums, &Options{PageSize: size})
			if err != nil {
				b.Fatal(err)
			}
			d, _, err := NewChunkDecoder[uint64](CurrentHeader(), c.AppendMeta(nil))
			if err != nil {
				b.Fatal(err)
			}
			data := c.AppendPage(nil, 1)
			p, dst := d.NewPage(), make([]uint64, size)
			b.SetBytes(int64(size) * 8)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Reset(data, size); err != nil {
					b.Fatal(err)
				}
				if n, err := p.Read(dst); n != size || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
