package journal

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/vfs"
)

// The plan of a layout, the framer and the scanner agree on every offset.
func TestLayoutIsAsPlanned(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		sector := []int{0, 512, 4096, blockSize}[rng.IntN(4)]
		start := int64(headerSize + rng.IntN(3*blockSize))
		if rng.IntN(2) == 0 {
			start = blockSize - int64(rng.IntN(40))
		}
		start = padEnd(start, sector)
		size := 1 + rng.IntN([]int{20, 200, 3 * blockSize}[rng.IntN(3)])
		var f framer
		f.begin(1, start, start)
		f.group(make([]byte, size), 0)
		if f.end() != layoutEnd(start, size) {
			t.Fatalf("%d bytes at %d end at %d, planned %d", size, start, f.end(), layoutEnd(start, size))
		}
		want := padEnd(f.end(), sector)
		group := f.end()
		f.pad(sector)
		if f.end() != want {
			t.Fatalf("padding to %d ends at %d, planned %d", sector, f.end(), want)
		}
		f.mark(kindClosed)
		s := scanFrames(t, &f)
		wantUnits(t, s, start, group, f.end())
	}
}

func scanFrames(t *testing.T, f *framer) *scanner {
	t.Helper()
	opt := Options{FS: vfs.NewMem(), Dir: "/"}
	file, err := opt.FS.Create(opt.segmentFile(1))
	if err == nil {
		_, err = file.WriteAt(f.buf, f.start)
	}
	s := &scanner{}
	if err == nil {
		err = s.open(&opt, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantUnits checks that there is a group up to groupEnd, and then nothing but
// padding up to an end mark.
func wantUnits(t *testing.T, s *scanner, off, groupEnd, end int64) {
	t.Helper()
	for first := true; ; first = false {
		u, wrong, err := s.unit(off)
		if err != nil || wrong != "" {
			t.Fatal(off, wrong, err)
		}
		if (first && (u.kind != kindWhole || u.end != groupEnd)) || (!first && u.kind != kindPad && u.kind != kindClosed) {
			t.Fatalf("a unit of kind %d from %d to %d", u.kind, off, u.end)
		}
		if off = u.end; u.kind == kindClosed {
			break
		}
	}
	if off != end {
		t.Fatalf("the mark ends at %d, not %d", off, end)
	}
}

// Fragments of two groups never make one.
func TestGroupsAreNotMixed(t *testing.T) {
	for _, second := range []kind{kindWhole, kindFirst, kindClosed, kindPad} {
		var f framer
		f.begin(1, headerSize, headerSize)
		f.fragment(kindFirst, 0, []byte("one"))
		at := f.end()
		f.fragment(second, 0, []byte("12345678"))
		f.fragment(kindLast, 0, []byte("two"))
		if u, wrong, err := scanFrames(t, &f).unit(headerSize); err != nil || wrong == "" || u.off != at {
			t.Fatalf("kind %d: %d %q %v", second, u.off, wrong, err)
		}
	}
}

// Content whose checksums match and that no writer makes is damage.
func TestNonsenseIsDamage(t *testing.T) {
	nonsense := map[string]func(f *framer){
		"mark with another length": func(f *framer) { f.fragment(kindClosed, 0, []byte("12345678")); proof(f) },
		"group behind the mark":    func(f *framer) { f.mark(kindClosed); proof(f) },
		"records too long":         func(f *framer) { f.group([]byte{5, 1, 2}, 0) },
		"length without end":       func(f *framer) { f.group([]byte{0x80, 0x80}, 0) },
		"sealed in a plain log":    func(f *framer) { f.group([]byte{1, 1}, flagSealed) },
		"watermark in the future": func(f *framer) {
			f.watermark = f.end() + 100
			f.group([]byte{1, 1}, 0)
			proof(f)
		},
	}
	for name, write := range nonsense {
		var f framer
		h := header{version: formatVersion, number: 1}
		f.begin(1, 0, 0)
		f.buf = h.append(f.buf)
		write(&f)
		opt := Options{FS: vfs.NewMem(), Dir: "/"}
		if err := vfs.WriteFile(opt.FS, "/", opt.segmentFile(1), f.buf); err != nil {
			t.Fatal(err)
		}
		var damage *vfs.CorruptionError
		if tail, err := Read(opt, 1, nil, nil); !errors.As(err, &damage) {
			t.Errorf("%s: %+v %v", name, tail, err)
		}
	}
}

// proof adds a group that says that all before was durable.
func proof(f *framer) {
	f.watermark = f.end()
	f.group([]byte{1, 1}, 0)
}
