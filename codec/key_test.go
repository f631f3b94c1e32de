package codec_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/varvedb/varve/codec"
)

// keyCase checks the bytes of one key, and that they decode to it.
func keyCase[K comparable](k K, want string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		c := keyOf[K](t)
		got := encodeKey(t, c, k)
		if h := hex.EncodeToString(got); h != want {
			t.Errorf("%T %v: %s, want %s", k, k, h, want)
		}
		if back, err := c.Decode(got); err != nil || back != k && k == k {
			t.Errorf("%T %v: decoded %v, %v", k, k, back, err)
		}
	}
}

// The examples of the specification of the FoundationDB tuple layer, but for
// the escape of zero bytes, and the limits of its integers.
func TestKeyBytesAreThoseOfTheTupleLayer(t *testing.T) {
	for _, check := range []func(*testing.T){
		keyCase("F\u00d4O\x00bar", "0246c3944f010162617200"),
		keyCase("FÔO", "0246c3944f00"),
		keyCase("", "0200"),
		keyCase("\x00\x01\x02\xff", "020101010202ff00"),
		keyCase([7]byte{'f', 'o', 'o', 0, 'b', 'a', 'r'}, "01666f6f010162617200"),
		keyCase(int64(-5551212), "11ab4b93"),
		keyCase(float32(-42), "203dd7ffff"),
		keyCase(float64(-42), "213fbaffffffffffff"),
		keyCase(0, "14"), keyCase(uint8(0), "14"),
		keyCase(1, "1501"), keyCase(-1, "13fe"),
		keyCase(int8(127), "157f"), keyCase(int8(-128), "137f"),
		keyCase(255, "15ff"), keyCase(-255, "1300"),
		keyCase(256, "160100"), keyCase(-256, "12feff"),
		keyCase(int64(math.MaxInt64), "1c7fffffffffffffff"),
		keyCase(int64(math.MinInt64), "0c7fffffffffffffff"),
		keyCase(int64(math.MinInt64+1), "0c8000000000000000"),
		keyCase(uint64(math.MaxUint64), "1cffffffffffffffff"),
		keyCase(uintptr(7), "1507"),
		keyCase(false, "26"), keyCase(true, "27"),
		keyCase(float64(0), "218000000000000000"),
		keyCase(math.Copysign(0, -1), "218000000000000000"),
		keyCase(float32(1), "20bf800000"),
		keyCase(math.Inf(1), "21fff0000000000000"),
		keyCase(math.Inf(-1), "21000fffffffffffff"),
		keyCase(math.NaN(), "210007ffffffffffff"),
		keyCase(math.Float64frombits(0x7ff8000000000001), "210007ffffffffffff"),
		keyCase(time.Unix(0, 1).UTC(), "40800000000000000000000001"),
		keyCase(time.Unix(-1, 0).UTC(), "407fffffffffffffff00000000"),
		keyCase(struct {
			A [2]string
			B int
		}{[2]string{"foo\x00bar", "x"}, 0}, "0502666f6f010162617200027800"+"00"+"14"),
		keyCase([2]int{1, 2}, "15011502"),
		keyCase([2][1]bool{{true}, {false}}, "052700"+"052600"),
		keyCase(ID(5), "1505"), keyCase(Name("a"), "026100"), keyCase(Flag(true), "27"),
		keyCase(struct {
			A int `varve:"desc"`
			B string
		}{1, "b"}, "eafe"+"026200"),
		keyCase(struct {
			P struct {
				S string `varve:"desc"`
			} `varve:"desc"`
		}{}, "fa"+"0200"+"ff"),
	} {
		check(t)
	}
	b, err := keyOf[[]byte](t).Append([]byte("x"), []byte{0})
	if err != nil || hex.EncodeToString(b) != "7801010100" {
		t.Errorf("bytes after others: %x, %v", b, err)
	}
}

func TestKeyOfRefusesTypesWithoutOrder(t *testing.T) {
	type hidden struct {
		A int
		b int
	}
	type deep struct {
		Inner struct{ Elems [3]map[string]int }
	}
	_ = hidden{}.b
	refuse := func(err error, path string) {
		t.Helper()
		wantErr(t, err, codec.ErrUnsupported)
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name %q", err, path)
		}
	}
	_, err := codec.KeyOf[hidden]()
	refuse(err, "hidden: type not supported: b: field is not exported")
	_, err = codec.KeyOf[deep]()
	refuse(err, "Inner.Elems[]: map[string]int")
	_, err = codec.KeyOf[struct {
		A int `varve:"-"`
	}]()
	refuse(err, "A: a key cannot leave out")
	_, err = codec.KeyOf[struct {
		A int `varve:"asc"`
	}]()
	refuse(err, "A: unknown tag")
	_, err = codec.KeyOf[struct{}]()
	refuse(err, "equal")
	_, err = codec.KeyOf[*int]()
	refuse(err, "*int")
	_, err = codec.KeyOf[any]()
	refuse(err, "interface")
	_, err = codec.KeyOf[complex128]()
	refuse(err, "complex128")
	_, err = codec.KeyOf[[]int]()
	refuse(err, "[]int")
	_, err = codec.KeyOf[big.Int]()
	refuse(err, "not exported")
}

func malformed[K any](t *testing.T, hexes ...string) {
	t.Helper()
	c := keyOf[K](t)
	for _, h := range hexes {
		src, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		k, err := c.Decode(src)
		if err == nil {
			t.Errorf("%T: %s decoded to %v", k, h, k)
			continue
		}
		wantErr(t, err, codec.ErrMalformed)
	}
}

func TestKeyDecodeIsStrict(t *testing.T) {
	malformed[int64](t, "", "15", "1500", "160001", "13ff", "12ff00", "141500", "1400", "02", "1d", "0b",
		"1c8000000000000000", "0c7ffffffffffffffe", "1cff")
	malformed[uint64](t, "13fe", "1c00ffffffffffffff", "26")
	malformed[int8](t, "1580", "160100", "137e")
	malformed[uint16](t, "17010000")
	malformed[string](t, "", "02", "0261", "026100ff", "02610000", "016100", "020100", "02010300", "020161ff00")
	malformed[[]byte](t, "0100ff", "0200", "010000", "01010000")
	malformed[[2]byte](t, "016100", "0161626300")
	malformed[bool](t, "", "25", "28", "2600")
	malformed[float64](t, "217fffffffffffffff", "21fff8000000000001", "210007fffffffffffe", "2180")
	malformed[float32](t, "207fffffff", "20ffffffff", "20", "21")
	malformed[time.Time](t, "4080000000000000003b9aca00", "40ffffffffffffffff00000000", "40")
	malformed[Point](t, "14", "141414", "1400")
	malformed[struct{ P Point }](t, "0514", "051414", "05141401", "1414")
	malformed[struct {
		S string `varve:"desc"`
	}](t, "0200", "fdff00", "fd", "fdffff", "fdfeff", "fdfefcff")
}

func TestKeyErrorSaysWhere(t *testing.T) {
	src, _ := hex.DecodeString("14" + "1a010000000000")
	_, err := keyOf[Point](t).Decode(src)
	for _, part := range []string{"Y: ", "at byte 1: ", "overflows 32 bits"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestKeyPrefix(t *testing.T) {
	s := keyOf[string](t)
	p, err := s.AppendPrefix(nil, "ab\x00")
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]bool{"ab\x00": true, "ab\x00c": true, "ab": false, "ab\x01": false, "": false} {
		if bytes.HasPrefix(encodeKey(t, s, k), p) != want {
			t.Errorf("%q begins with the prefix: want %v", k, want)
		}
		d := codec.Descending(s)
		dp, _ := d.AppendPrefix(nil, "ab\x00")
		if bytes.HasPrefix(encodeKey(t, d, k), dp) != want {
			t.Errorf("descending %q begins with the prefix: want %v", k, want)
		}
	}
	_, err = keyOf[int](t).AppendPrefix(nil, 1)
	wantErr(t, err, codec.ErrNoPrefix)
	_, err = keyOf[Album](t).AppendPrefix(nil, Album{})
	wantErr(t, err, codec.ErrNoPrefix)
}

func TestKeyFields(t *testing.T) {
	c := keyOf[Album](t)
	for _, c := range []codec.Key[Album]{c, codec.Descending(c)} {
		full := encodeKey(t, c, Album{Artist: "a", Year: 3})
		for n := range 13 {
			p, err := c.AppendFields([]byte("x"), Album{Artist: "a", Year: 3}, n)
			if n > 11 {
				wantErr(t, err, codec.ErrNoPrefix)
				continue
			}
			if err != nil || !bytes.HasPrefix(full, p[1:]) || (n == 11) != (len(p)-1 == len(full)) {
				t.Errorf("%d fields: %x is no prefix of %x, %v", n, p, full, err)
			}
		}
		p, _ := c.AppendFields(nil, Album{Artist: "a", Year: 3}, 2)
		if bytes.HasPrefix(encodeKey(t, c, Album{Artist: "a", Year: 4}), p) {
			t.Error("another key has the prefix")
		}
	}
	h := keyOf[Hash](t)
	p, err := h.AppendFields(nil, Hash{1, 0, 2}, 2)
	if err != nil || hex.EncodeToString(p) != "0101020101" {
		t.Errorf("two of four bytes: %x, %v", p, err)
	}
	_, err = h.AppendFields(nil, Hash{}, -1)
	wantErr(t, err, codec.ErrNoPrefix)
	if p, err := keyOf[int](t).AppendFields(nil, 7, 1); err != nil || hex.EncodeToString(p) != "1507" {
		t.Errorf("a scalar is one field: %x, %v", p, err)
	}
}

func TestTimeKeyOutOfRange(t *testing.T) {
	c := keyOf[time.Time](t)
	late := time.Unix(math.MaxInt64-62135596800, 999999999)
	if back, err := c.Decode(encodeKey(t, c, late)); err != nil || !back.Equal(late) {
		t.Errorf("%v, %v", back, err)
	}
	dst, err := c.Append([]byte("x"), time.Unix(math.MinInt64, 0).Add(-time.Hour))
	wantErr(t, err, codec.ErrUnencodable)
	if string(dst) != "x" {
		t.Errorf("after an error dst is %q", dst)
	}
}

func TestDecodedKeyDoesNotAliasItsSource(t *testing.T) {
	type k struct {
		S string
		B []byte
	}
	c := keyOf[k](t)
	src := encodeKey(t, c, k{"abc", []byte("def")})
	got, err := c.Decode(src)
	clear(src)
	if err != nil || got.S != "abc" || string(got.B) != "def" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRawKey(t *testing.T) {
	c := codec.RawKey()
	b := encodeKey(t, c, []byte("k"))
	back, err := c.Decode(b)
	if string(b) != "k" || string(back) != "k" || err != nil || c.Shape() != "raw" {
		t.Error(b, back, err)
	}
	d := codec.Descending(c)
	if bytes.Compare(encodeKey(t, d, []byte("a")), encodeKey(t, d, []byte("ab"))) <= 0 {
		t.Error("descending raw keys are not in reverse")
	}
	if d.Shape() != "bytes desc" {
		t.Error(d.Shape())
	}
	_, err = c.AppendFields(nil, nil, 2)
	wantErr(t, err, codec.ErrNoPrefix)
}
