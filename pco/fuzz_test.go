package pco

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// seedFiles are small files of all modes and delta encodings.
func seedFiles(f *testing.F) (files [][]byte) {
	rng := rand.New(rand.NewPCG(1, 2))
	raw := arrays(rng, 300)
	for _, t := range []Type{Uint8, Float32, Int64} {
		modes, deltas := choices(t)
		for i, m := range modes {
			for j, d := range deltas {
				opt := &Options{Level: 4, Mode: m, Delta: d, ChunkSize: 200}
				nums := raw[[]string{"walk", "periodic", "decimals"}[(i+j)%3]]
				var file []byte
				var err error
				switch t {
				case Uint8:
					file, err = Compress(nil, convert[uint8](nums), opt)
				case Float32:
					file, err = Compress(nil, convert[float32](nums), opt)
				default:
					file, err = Compress(nil, convert[int64](nums), opt)
				}
				if err != nil {
					f.Fatal(err)
				}
				files = append(files, file)
			}
		}
	}
	return files
}

// FuzzDecompress looks for panics, errors without a name, and numbers beyond the
// limit.
func FuzzDecompress(f *testing.F) {
	for _, file := range seedFiles(f) {
		f.Add(file)
	}
	const limit = 1 << 16
	f.Fuzz(func(t *testing.T, src []byte) {
		typ, err := FileType(src)
		if err != nil {
			known(t, err)
			return
		}
		switch typ.Bits() {
		case 8:
			fuzzNumbers[uint8](t, src, limit)
			fuzzNumbers[int8](t, src, limit)
		case 16:
			fuzzNumbers[uint16](t, src, limit)
			fuzzNumbers[Float16](t, src, limit)
		case 32:
			fuzzNumbers[int32](t, src, limit)
			fuzzNumbers[float32](t, src, limit)
		default:
			fuzzNumbers[uint64](t, src, limit)
			fuzzNumbers[float64](t, src, limit)
		}
	})
}

func fuzzNumbers[T Number](t *testing.T, src []byte, limit int) {
	nums, err := Decompress[T](nil, src, limit)
	if len(nums) > limit {
		t.Fatal("more numbers than allowed")
	}
	if err != nil {
		known(t, err)
		return
	}
	file, err := Compress(nil, nums, &Options{Level: 2})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decompress[T](nil, file, 0)
	if err != nil || !same(again, nums) {
		t.Fatalf("%d numbers came back as %d, %v", len(nums), len(again), err)
	}
}

func known(t *testing.T, err error) {
	var format *FormatError
	if !errors.As(err, &format) && !errors.Is(err, ErrNewerFormat) && !errors.Is(err, ErrType) && !errors.Is(err, ErrTooMany) {
		t.Fatal(err)
	}
}

// FuzzPage gives hostile metadata and pages to the decoders of the wrapped form.
func FuzzPage(f *testing.F) {
	for i, raw := range arrays(rand.New(rand.NewPCG(5, 6)), 400) {
		c, err := NewChunkEncoder(convert[uint32](raw), &Options{Level: len(i) % 8})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.AppendPage(c.AppendMeta(nil), 0), uint8(4), uint16(400))
	}
	f.Fuzz(func(t *testing.T, src []byte, major uint8, n uint16) {
		d, size, err := NewChunkDecoder[uint32](Header{Major: major % 5}, src)
		if err != nil {
			known(t, err)
			return
		}
		p := d.NewPage()
		if err := p.Reset(src[size:], int(n)); err != nil {
			known(t, err)
			return
		}
		nums := make([]uint32, n)
		if _, err := p.Read(nums); err != nil {
			known(t, err)
			return
		}
		if p.Size() > len(src)-size {
			t.Fatal("a page is longer than its bytes")
		}
	})
}
