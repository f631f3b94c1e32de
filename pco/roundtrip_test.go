package pco

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// arrays returns arrays of numbers of many kinds: their bits, to be cut to the
// width of a type.
func arrays(rng *rand.Rand, n int) map[string][]uint64 {
	list := map[string][]uint64{}
	for _, kind := range []string{"constant", "sequence", "random", "small", "walk", "decimals", "quantized", "multiples", "periodic", "extremes", "few", "squares"} {
		list[kind] = make([]uint64, n)
	}
	walk, float := uint64(1<<40), 1000.0
	period := make([]uint64, 13)
	for i := range period {
		period[i] = rng.Uint64()
	}
	extremes := []uint64{0, 1, math.MaxUint64, 1 << 63, 1<<63 - 1, math.Float64bits(math.NaN()), 0x7ff0000000000001, 0xfff0000000000000,
		math.Float64bits(math.Copysign(0, -1)), 1 << 52, 5, 1 << 31, 1<<32 - 1, 0x7f800001, 0x80000000, 0x7c01, 0xfc00, 0x8000, 0x80, 0x7f}
	for i := range n {
		walk += uint64(rng.IntN(1000))
		float += rng.NormFloat64()
		list["constant"][i] = 0x4045000040450045
		list["sequence"][i] = uint64(i) * 3
		list["random"][i] = rng.Uint64()
		list["small"][i] = uint64(rng.IntN(100))
		list["walk"][i] = walk
		list["decimals"][i] = math.Float64bits(math.Round(float*100) / 100)
		list["quantized"][i] = math.Float64bits(float) &^ (1<<30 - 1)
		list["multiples"][i] = uint64(rng.IntN(1_000_000)) * 1000
		list["periodic"][i] = period[i%len(period)]
		list["extremes"][i] = extremes[rng.IntN(len(extremes))]
		list["few"][i] = period[rng.IntN(4)]
		list["squares"][i] = uint64(i * i)
	}
	return list
}

// choices are all modes and delta encodings that fit a type.
func choices(t Type) (modes []ModeChoice, deltas []DeltaChoice) {
	modes = []ModeChoice{{}, UseClassic(), UseDict()}
	if t.class() == float {
		modes = append(modes, UseFloatMult(0.01), UseFloatMult(-3), UseFloatQuant(1), UseFloatQuant(mantissa(t.Bits())))
	} else {
		modes = append(modes, UseIntMult(1), UseIntMult(100))
	}
	deltas = []DeltaChoice{{}, UseNoDelta(), UseConsecutive(1), UseConsecutive(2), UseConsecutive(7), UseLookback()}
	if t.Bits() <= 32 {
		deltas = append(deltas, UseConv1(1), UseConv1(3))
	}
	return modes, deltas
}

func convert[T Number](raw []uint64) []T {
	nums := make([]T, len(raw))
	switch TypeOf[T]().Bits() {
	case 8:
		fill(latentsOf[uint8](nums), raw)
	case 16:
		fill(latentsOf[uint16](nums), raw)
	case 32:
		fill(latentsOf[uint32](nums), raw)
	default:
		fill(latentsOf[uint64](nums), raw)
	}
	return nums
}

func fill[L latent](dst []L, raw []uint64) {
	for i, x := range raw {
		dst[i] = L(x)
	}
}

func same[T Number](a, b []T) bool {
	x, _ := bytesOf(a, nil)
	y, _ := bytesOf(b, nil)
	return len(a) == len(b) && slices.Equal(x, y)
}

func TestNumbersComeBack(t *testing.T) {
	t.Run("u8", roundTrips[uint8])
	t.Run("i8", roundTrips[int8])
	t.Run("u16", roundTrips[uint16])
	t.Run("i16", roundTrips[int16])
	t.Run("f16", roundTrips[Float16])
	t.Run("u32", roundTrips[uint32])
	t.Run("i32", roundTrips[int32])
	t.Run("f32", roundTrips[float32])
	t.Run("u64", roundTrips[uint64])
	t.Run("i64", roundTrips[int64])
	t.Run("f64", roundTrips[float64])
}

// roundTrips tries each mode with each delta encoding on twelve arrays, at a level
// drawn by lot; with VARVE_SOAK set, on more than 10,000.
func roundTrips[T Number](t *testing.T) {
	rounds := 1
	if os.Getenv("VARVE_SOAK") != "" {
		rounds = 834
	}
	modes, deltas := choices(TypeOf[T]())
	for round := range rounds {
		rng := rand.New(rand.NewPCG(uint64(round), uint64(TypeOf[T]())))
		for _, m := range modes {
			for _, d := range deltas {
				n := []int{0, 1, 2, 3, 9, 255, 256, 257, 700, 1500}[rng.IntN(10)]
				opt := &Options{Level: rng.IntN(14) - 1, Mode: m, Delta: d, ChunkSize: []int{0, 1000, 300}[rng.IntN(3)]}
				for kind, raw := range arrays(rng, n) {
					if err := roundTrip(convert[T](raw), opt, rng); err != nil {
						t.Fatalf("round %d: %d %s, %+v: %v", round, n, kind, *opt, err)
					}
				}
			}
		}
	}
}

func roundTrip[T Number](nums []T, opt *Options, rng *rand.Rand) error {
	before := slices.Clone(nums)
	file, err := Compress([]byte("before"), nums, opt)
	if err != nil {
		return err
	}
	if !same(nums, before) {
		return fmt.Errorf("the numbers were changed")
	}
	got, err := Decompress(nums[:0:0], file[len("before"):], 0)
	if err != nil || !same(got, nums) {
		return fmt.Errorf("%d numbers came back, %w", len(got), err)
	}
	wrapped := *opt
	wrapped.PageSize = 1 + rng.IntN(700)
	return roundTripPages(nums, &wrapped, rng)
}

// roundTripPages reads the pages of a wrapped chunk in random order, each in
// pieces, and not always to the end.
func roundTripPages[T Number](nums []T, opt *Options, rng *rand.Rand) error {
	c, err := NewChunkEncoder(nums, opt)
	if err != nil {
		return err
	}
	meta := c.AppendMeta(nil)
	d, size, err := NewChunkDecoder[T](CurrentHeader(), append(meta, 0xff, 0xff))
	if err != nil || size != len(meta) {
		return fmt.Errorf("metadata of %d bytes: %d, %w", len(meta), size, err)
	}
	starts, start := []int{}, 0
	for _, n := range c.PageSizes() {
		starts = append(starts, start)
		start += n
	}
	p := d.NewPage()
	for _, i := range rng.Perm(len(starts)) {
		n := c.PageSizes()[i]
		data := c.AppendPage(nil, i)
		want := nums[starts[i] : starts[i]+n]
		if err := p.Reset(append(data, 1, 2, 3), n); err != nil {
			return fmt.Errorf("page %d: %w", i, err)
		}
		whole := rng.IntN(2) == 0
		got := make([]T, 0, n)
		for len(got) < n && (whole || rng.IntN(3) > 0) {
			piece := make([]T, 1+rng.IntN(300))
			k, err := p.Read(piece)
			if err != nil {
				return fmt.Errorf("page %d: %w", i, err)
			}
			got = append(got, piece[:k]...)
		}
		if !same(got, want[:len(got)]) {
			return fmt.Errorf("page %d of %d numbers came back otherwise", i, n)
		}
		if k, err := p.Read(make([]T, 1)); len(got) == n && (k != 0 || err != nil || p.Size() != len(data)) {
			return fmt.Errorf("page %d goes on: %d, %w; it has %d bytes, not %d", i, k, err, p.Size(), len(data))
		}
	}
	return nil
}

func TestTheSameNumbersGiveTheSameBytes(t *testing.T) {
	for kind, raw := range arrays(rand.New(rand.NewPCG(3, 4)), 5000) {
		a, _ := Compress(nil, convert[float64](raw), nil)
		b, _ := Compress(nil, convert[float64](raw), nil)
		if !slices.Equal(a, b) {
			t.Error(kind)
		}
	}
}
