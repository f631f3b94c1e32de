package pco

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestPricesOfSinglePrecisionAreMultiples compresses what programs export that hold
// prices as 32-bit floats and print six digits: 1455.22 has become 1455.219971.
func TestPricesOfSinglePrecisionAreMultiples(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	nums, price := make([]float64, 5000), 1400.0
	for i := range nums {
		price += rng.NormFloat64() * 10
		text := strconv.FormatFloat(float64(float32(math.Round(price*100)/100)), 'f', 6, 64)
		nums[i], _ = strconv.ParseFloat(text, 64)
	}
	file, err := Compress(nil, nums, nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := Inspect(file)
	if err != nil {
		t.Fatal(err)
	}
	if c := info.Chunks[0]; c.Mode != FloatMult || math.Float64frombits(c.Base) != 0.01 {
		t.Errorf("mode %v with base %v", c.Mode, math.Float64frombits(c.Base))
	}
	if bits := float64(len(file)*8) / float64(len(nums)); bits > 22 {
		t.Errorf("%.1f bits a number", bits)
	}
}
