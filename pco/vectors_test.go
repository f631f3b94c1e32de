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
	got, of, err := DecompressRaw(nil, src, 0)
	if err != nil || of != typ && len(want) > 0 || string(got) != string(want) {
		t.Fatalf("%d bytes of %v, %v, want %d of %v", len(got), of, err, len(want), typ)
	}
}

// bytesOf returns numbers as they lie in memory.
func bytesOf[T Number](nums []T, err error) ([]byte, error) {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(nums))), len(nums)*int(unsafe.Sizeof(zero))), err
}
