package pco

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// vectorDirs are where official vectors may be, beside those of the test itself.
var vectorDirs = []string{"testdata/vectors", "../../shared/data/pco"}

func TestOfficialVectorsDecode(t *testing.T) {
	found := 0
	for _, dir := range vectorDirs {
		files, _ := filepath.Glob(filepath.Join(dir, "*.pco"))
		for _, name := range files {
			found++
			t.Run(filepath.Base(name), func(t *testing.T) { decodeVector(t, name) })
		}
	}
	if found == 0 {
		t.Skip("no vectors are here")
	}
}

func decodeVector(t *testing.T, name string) {
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	expected, _ := filepath.Glob(strings.TrimSuffix(name, ".pco") + ".expected.*le.bin")
	if len(expected) != 1 {
		t.Fatal("no expected numbers are there")
	}
	want, err := os.ReadFile(expected[0])
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(expected[0], ".")
	typ, err := ParseType(strings.TrimSuffix(parts[len(parts)-2], "le"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeBytes(typ, src)
	if err != nil || string(got) != string(want) {
		t.Fatalf("%d bytes, %v, want %d", len(got), err, len(want))
	}
}

// decodeBytes returns the numbers of a file as they lie in memory.
func decodeBytes(typ Type, src []byte) ([]byte, error) {
	switch typ {
	case Uint8:
		return bytesOf(Decompress[uint8](nil, src, 0))
	case Int8:
		return bytesOf(Decompress[int8](nil, src, 0))
	case Uint16:
		return bytesOf(Decompress[uint16](nil, src, 0))
	case Int16:
		return bytesOf(Decompress[int16](nil, src, 0))
	case Half:
		return bytesOf(Decompress[Float16](nil, src, 0))
	case Uint32:
		return bytesOf(Decompress[uint32](nil, src, 0))
	case Int32:
		return bytesOf(Decompress[int32](nil, src, 0))
	case Float32:
		return bytesOf(Decompress[float32](nil, src, 0))
	case Uint64:
		return bytesOf(Decompress[uint64](nil, src, 0))
	case Int64:
		return bytesOf(Decompress[int64](nil, src, 0))
	}
	return bytesOf(Decompress[float64](nil, src, 0))
}

func bytesOf[T Number](nums []T, err error) ([]byte, error) {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(nums))), len(nums)*int(unsafe.Sizeof(zero))), err
}
