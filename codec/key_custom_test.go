package codec_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/varvedb/varve/codec"
)

// Version sorts by number, whatever its text.
type Version struct{ major, minor byte }

func (v Version) AppendKey(dst []byte) ([]byte, error) {
	if v.major == 99 {
		return nil, errors.New("no such version")
	}
	return append(dst, v.major, v.minor), nil
}

func (v *Version) DecodeKey(src []byte) error {
	if len(src) < 2 {
		return errors.New("short")
	}
	*v = Version{src[0], src[1]}
	return nil
}

func (Version) CodecName() string { return "version" }

type onlyAppends struct{ A int }

func (onlyAppends) AppendKey(dst []byte) ([]byte, error) { return dst, nil }

type embeds struct {
	plainVersion
	Extra int
}
type plainVersion struct{ A int }

func (plainVersion) AppendKey(dst []byte) ([]byte, error) { return dst, nil }
func (*plainVersion) DecodeKey([]byte) error              { return nil }

func TestCustomKey(t *testing.T) {
	type release struct {
		Name string
		V    Version `varve:"desc"`
		N    int
	}
	c := keyOf[release](t)
	k := release{"go", Version{1, 0}, 7}
	b := encodeKey(t, c, k)
	if back, err := c.Decode(b); err != nil || back != k {
		t.Errorf("%v, %v", back, err)
	}
	if bytes.Compare(encodeKey(t, c, release{"go", Version{2, 0}, 0}), b) >= 0 {
		t.Error("the newer version does not come first")
	}
	if c.Shape() != "{Name string, V custom:version desc, N int}" {
		t.Error(c.Shape())
	}
	if dst, err := c.Append([]byte("x"), release{V: Version{major: 99}}); err == nil || string(dst) != "x" {
		t.Errorf("%q, %v", dst, err)
	}
	malformed[Version](t, "0102030400", "01020300ff", "010200", "1501")
	_, err := codec.KeyOf[onlyAppends]()
	wantErr(t, err, codec.ErrUnsupported)
	_, err = codec.KeyOf[embeds]()
	wantErr(t, err, codec.ErrUnsupported)
}

// foreign is a codec of another package: fixed two bytes.
type foreign struct{ codec.Key[uint16] }

func (foreign) Append(dst []byte, k uint16) ([]byte, error) {
	return append(dst, byte(k>>8), byte(k)), nil
}
func (foreign) Decode(src []byte) (uint16, error) { return uint16(src[0])<<8 | uint16(src[1]), nil }
func (foreign) Shape() codec.Shape                { return "custom:u16" }

func TestDescendingOfAnotherPackagesCodec(t *testing.T) {
	d := codec.Descending[uint16](foreign{})
	b := encodeKey(t, d, 0x0102)
	back, err := d.Decode(b)
	if !bytes.Equal(b, []byte{0xfe, 0xfd}) || back != 0x0102 || err != nil || d.Shape() != "custom:u16 desc" {
		t.Errorf("%x %x %v %s", b, back, err, d.Shape())
	}
	if up := codec.Descending(d); up.Shape() != "custom:u16" {
		t.Error(up.Shape())
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 1024)
	checkAllocs(t, dst, int(-7))
	checkAllocs(t, dst, uint64(1)<<60)
	checkAllocs(t, dst, "hello\x00world")
	checkAllocs(t, dst, []byte("hello"))
	checkAllocs(t, dst, 1.5)
	checkAllocs(t, dst, true)
	checkAllocs(t, dst, time.Now())
	checkAllocs(t, dst, ID(9))
	checkAllocs(t, dst, Name("x"))
	checkAllocs(t, dst, Blob("x"))
	checkAllocs(t, dst, Hash{1, 2})
	checkAllocs(t, dst, [3]float32{1, 2, 3})
	checkAllocs(t, dst, Album{Artist: "a", Tags: [2]string{"b", "c"}, Raw: []byte("d"), When: time.Now()})
}

func checkAllocs[K any](t *testing.T, dst []byte, k K) {
	t.Helper()
	c := keyOf[K](t)
	d := codec.Descending(c)
	src := encodeKey(t, c, k)
	n := testing.AllocsPerRun(100, func() {
		if _, err := c.Append(dst, k); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Append(dst, k); err != nil {
			t.Fatal(err)
		}
		if _, err := c.AppendFields(dst, k, 1); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%T: key Append allocates %v times", k, n)
	}
	// Decoding allocates the strings and byte slices, not the key.
	limit := 1.0
	if _, ok := any(k).(Album); ok {
		limit = 5 // four, and the scratch of the byte array
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Decode(src) }); n > limit {
		t.Errorf("%T: key Decode allocates %v times", k, n)
	}
}

func BenchmarkKey(b *testing.B) {
	benchmarkKey(b, "int64", int64(123456))
	benchmarkKey(b, "string", "hello, world")
	benchmarkKey(b, "point", Point{5, 600})
	benchmarkKey(b, "album", Album{Artist: "a", Tags: [2]string{"b", "c"}, Raw: []byte("d"), When: time.Now()})
}

func benchmarkKey[K any](b *testing.B, name string, k K) {
	c := keyOf[K](b)
	dst := make([]byte, 0, 256)
	src := encodeKey(b, c, k)
	b.Run(name+"/append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Append(dst, k)
		}
	})
	b.Run(name+"/decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Decode(src)
		}
	})
}
