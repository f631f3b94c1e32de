package pco

import (
	"slices"
	"testing"
)

// The published format leaves some things out, or open. Each has a test here; the
// official vectors show that the answers are right.

// stream packs fields of so many bits.
func stream(fields ...[2]uint64) []byte {
	var w bitWriter
	for _, f := range fields {
		if f[1] == 0 {
			w.align()
			continue
		}
		w.write(f[0], int(f[1]))
	}
	w.align()
	return w.bytes()
}

func decodeStates[L latent](t *testing.T, spec deltaSpec, states []L, deltas []L, lookbacks []uint32) []L {
	t.Helper()
	var w bitWriter
	for _, s := range states {
		w.write(uint64(s), widthOf[L]())
	}
	w.align()
	d := deltaDecoder[L]{spec: &spec}
	d.begin(&bitReader{data: w.bytes()})
	batch := make([]L, len(deltas)+len(states))
	copy(batch, deltas)
	if err := d.decode(batch, len(deltas), lookbacks); err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestGap1DeltasAreStoredAroundTheMiddle(t *testing.T) {
	coded, states := differences([]uint16{10, 11, 9}, 1)
	if !slices.Equal(coded, []uint16{0x8001, 0x7ffe}) || !slices.Equal(states, []uint16{10}) {
		t.Fatalf("%x, %v", coded, states)
	}
	stored := varMeta{width: 16, bins: []bin{{weight: 1, lower: 0x7ffe}}}
	d, out := varDecoder[uint16]{ansDecoder: newANSDecoder[uint16](&stored, true)}, make([]uint16, 1)
	if d.batch(&bitReader{}, out); out[0] != 0xfffe {
		t.Fatalf("%x", out)
	}
	got := decodeStates(t, deltaSpec{kind: Consecutive, order: 2}, []uint32{1, 2}, []uint32{0, 10, 0}, nil)
	if !slices.Equal(got, []uint32{1, 3, 5, 17, 29}) {
		t.Fatal(got)
	}
}

func TestGap2PredictionsAreClampedBeforeTheyAreShifted(t *testing.T) {
	spec := deltaSpec{kind: Conv1, shift: 1, bias: -100, weights: []int32{1}}
	// 7 − 100 is below 0, so that 5 stays 5; 400 gives (400 − 100) / 2.
	if got := decodeStates(t, spec, []uint8{7}, []uint8{5}, nil); got[1] != 5 {
		t.Fatal(got)
	}
	if got := decodeStates(t, spec, []uint16{400}, []uint16{5}, nil); got[1] != 155 {
		t.Fatal(got)
	}
}

func TestGap3Conv1StoresItsOrderLessOne(t *testing.T) {
	d := deltaSpec{kind: Conv1, weights: []int32{0, 0, 0}}
	var w bitWriter
	d.write(&w)
	w.align()
	r := bitReader{data: w.bytes(), pos: 4 + 5 + 64}
	if n := r.read(5); n != 2 {
		t.Fatalf("3 weights are written as %d", n)
	}
	m := chunkMeta{typ: Uint16}
	if err := m.readDelta(&bitReader{data: w.bytes()}, CurrentHeader()); err != nil || len(m.delta.weights) != 3 {
		t.Fatal(m.delta, err)
	}
}

func TestGap4APageHasFewerDeltasThanNumbers(t *testing.T) {
	for _, n := range []int{1, 2, 255, 256, 257, 258, 512, 515} {
		nums := make([]uint32, n)
		for i := range nums {
			nums[i] = uint32(i * i * i)
		}
		c, err := NewChunkEncoder(nums, &Options{Delta: UseConsecutive(2)})
		if err != nil || c.vars[0].length(0) != max(0, n-2) {
			t.Fatal(n, c.vars[0].length(0), err)
		}
		file, _ := Compress(nil, nums, &Options{Delta: UseConsecutive(2)})
		if got, err := Decompress[uint32](nil, file, 0); err != nil || !slices.Equal(got, nums) {
			t.Fatal(n, err)
		}
	}
}

func TestGap5VariablesHaveAnOrderAndWidths(t *testing.T) {
	m := chunkMeta{typ: Uint8, mode: modeSpec{kind: Dict}, delta: deltaSpec{kind: Lookback}}
	m.setWidths()
	if v := m.vars(); len(v) != 2 || v[0] != &m.lookbacks || v[0].width != 32 || v[1].width != 32 {
		t.Fatal("indexes and look backs have 32 bits, look backs first")
	}
	m = chunkMeta{typ: Int16, mode: modeSpec{kind: IntMult}, delta: deltaSpec{kind: Lookback}}
	m.setWidths()
	if v := m.vars(); len(v) != 3 || v[1] != &m.primary || v[1].width != 16 || v[2] != &m.secondary || v[2].width != 16 {
		t.Fatal("the others are as wide as the numbers, the secondary last")
	}
}

func TestGap6SymbolsAreSpreadWithAnOddStride(t *testing.T) {
	// 3·8/5 = 4, made odd: slots 0, 5, 2, 7, 4, 1, 6, 3.
	got := spread(3, []bin{{weight: 3}, {weight: 1}, {weight: 4}})
	if want := []uint16{0, 2, 0, 2, 2, 0, 2, 1}; !slices.Equal(got, want) {
		t.Fatal(got)
	}
}

func TestGap7OldVersionsHaveShorterHeaders(t *testing.T) {
	// Version 0 of file and format in one byte; no differences in 3 bits; no bins.
	old := append([]byte("pco!\x00\x01\x00\x00\x00"), stream([2]uint64{0, 4}, [2]uint64{0, 3}, [2]uint64{0, 4}, [2]uint64{1, 15},
		[2]uint64{42, 32}, [2]uint64{0, 6})...)
	if got, err := Decompress[uint32](nil, append(old, 0), 0); err != nil || !slices.Equal(got, []uint32{42}) {
		t.Fatal(got, err)
	}
	if h, n, err := ReadHeader([]byte{3, 9}); h != (Header{Major: 3}) || n != 1 || err != nil {
		t.Fatal("before version 4 there is no minor version", h, n, err)
	}
	if h, n, err := ReadHeader([]byte{4, 9}); h != (Header{4, 9}) || n != 2 || err != nil {
		t.Fatal("a later minor version is tried", h, n, err)
	}
	var m chunkMeta
	if err := m.readDelta(&bitReader{data: []byte{0b10_101}}, Header{Major: 2}); err != nil || m.delta.kind != Consecutive || m.delta.order != 5 {
		t.Fatal(m.delta, err)
	}
}

func TestGap8NoBinsAndOneBinReadNothing(t *testing.T) {
	none, one := varMeta{width: 8}, varMeta{width: 8, bins: []bin{{weight: 1, lower: 9}}}
	if none.check() != nil || one.check() != nil {
		t.Fatal("they are allowed")
	}
	one.log = 1
	if one.check() == nil {
		t.Fatal("one bin has a table of one")
	}
	one.log = 0
	d := varDecoder[uint8]{ansDecoder: newANSDecoder[uint8](&one, false)}
	r := bitReader{}
	out := make([]uint8, 5)
	if d.batch(&r, out); r.over() || !slices.Equal(out, []uint8{9, 9, 9, 9, 9}) {
		t.Fatal(out)
	}
	// Before the first number there are zeros to look back to.
	got := decodeStates(t, deltaSpec{kind: Lookback, windowLog: 3}, []uint16{100}, []uint16{1, 2, 3}, []uint32{1, 8, 2})
	if !slices.Equal(got, []uint16{100, 101, 2, 104}) {
		t.Fatal(got)
	}
}
