package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/varvedb/varve/codec"
	"pgregory.net/rapid"
)

// valueCase checks the bytes of one value, and that they decode to it.
func valueCase[V any](t *testing.T, v V, want string) {
	t.Helper()
	c := valueOf[V](t)
	got := encodeValue(t, c, v)
	if h := hex.EncodeToString(got); h != want {
		t.Errorf("%T %v: %s, want %s", v, v, h, want)
	}
	if back, err := c.Decode(got); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%T %v: decoded %v, %v", v, v, back, err)
	}
}

func TestValueBytes(t *testing.T) {
	valueCase(t, 0, "00")
	valueCase(t, -1, "01")
	valueCase(t, int64(math.MinInt64), "ffffffffffffffffff01")
	valueCase(t, uint8(200), "c801")
	valueCase(t, ID(1), "02")
	valueCase(t, 1.5, "000000000000f83f")
	valueCase(t, math.Inf(-1), "000000000000f0ff")
	valueCase(t, float32(1), "0000803f")
	valueCase(t, true, "01")
	valueCase(t, Flag(false), "00")
	valueCase(t, "h\x00i", "680069")
	valueCase(t, Name(""), "")
	valueCase(t, []byte{}, "")
	valueCase(t, Blob{1}, "01")
	valueCase(t, Hash{1, 2}, "01020000")
	valueCase(t, time.Unix(1, 2).UTC(), "010000000e7791f70100000002ffff")
	valueCase(t, netip.MustParseAddr("1.2.3.4"), "01020304")
	valueCase(t, Point{1, -1}, "a2615801615920")
	valueCase(t, []string{"a"}, "816161")
	valueCase(t, map[string]int{"b": 1, "a": 2}, "a2616102616201")
	valueCase(t, map[ID]bool{2: true, -1: false}, "a202f520f4")
	valueCase(t, &Point{}, "a2615800615900")
	valueCase(t, (*Point)(nil), "f6")
	valueCase[any](t, "x", "6178")
	valueCase(t, struct{}{}, "a0")
	valueCase(t, [][4]byte{{1}}, "814401000000")
	valueCase(t, *big.NewInt(7), "07")
	if b, err := codec.RawValue().Append(nil, []byte("r")); string(b) != "r" || err != nil {
		t.Error(b, err)
	}
}

func malformedValue[V any](t *testing.T, hexes ...string) {
	t.Helper()
	c := valueOf[V](t)
	for _, h := range hexes {
		src, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.Decode(src)
		if err == nil {
			t.Errorf("%T: %s decoded to %v", v, h, v)
			continue
		}
		wantErr(t, err, codec.ErrMalformed)
	}
}

func TestValueDecodeIsStrict(t *testing.T) {
	malformedValue[int](t, "", "80", "8000", "0000", "ffffffffffffffffff02", "ffffffffffffffffffff01")
	malformedValue[int8](t, "8002")
	malformedValue[uint8](t, "8002", "ff00")
	malformedValue[bool](t, "", "02", "0101")
	malformedValue[float64](t, "00", "000000000000000000")
	malformedValue[float32](t, "")
	malformedValue[Hash](t, "010203", "0102030405")
	malformedValue[time.Time](t, "", "00", "010000000e7791f70100000002ffff00", "010000000e7791f7013b9aca00ffff")
	malformedValue[netip.Addr](t, "0102")
	malformedValue[Point](t, "", "a0a0", "a26158016158", "a2615801615801", "a16158617a", "bf615801ff")
	malformedValue[[]int](t, "9f01ff", strings.Repeat("81", 33)+"01")
}

// The two versions of a record: a field goes, one comes, one is widened.
type (
	recordV1 struct {
		Name string
		Gone []int
		N    int8
	}
	recordV2 struct {
		Name string
		New  map[string]float64
		Wide int64 `json:"N"`
	}
)

func TestFieldsMayComeAndGo(t *testing.T) {
	old, now := valueOf[recordV1](t), valueOf[recordV2](t)
	if err := errors.Join(old.Shape().Accepts(now.Shape()), now.Shape().Accepts(old.Shape())); err != nil {
		t.Error(err)
	}
	up, err := now.Decode(encodeValue(t, old, recordV1{"a", []int{1}, 3}))
	if err != nil || up.Name != "a" || up.Wide != 3 || up.New != nil {
		t.Errorf("old read as new: %v, %v", up, err)
	}
	down, err := old.Decode(encodeValue(t, now, recordV2{"b", map[string]float64{"x": 1}, 4}))
	if err != nil || down.Name != "b" || down.N != 4 || down.Gone != nil {
		t.Errorf("new read as old: %v, %v", down, err)
	}
	// Names are matched exactly.
	other := valueOf[struct{ NAME string }](t)
	if v, err := other.Decode(encodeValue(t, old, recordV1{"a", []int{1}, 3})); err != nil || v.NAME != "" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestTimeKeepsNanosecondsAndZone(t *testing.T) {
	at := time.Date(2024, 2, 29, 1, 2, 3, 123456789, time.FixedZone("", 5400))
	c := valueOf[time.Time](t)
	back, err := c.Decode(encodeValue(t, c, at))
	if _, offset := back.Zone(); err != nil || !back.Equal(at) || offset != 5400 {
		t.Errorf("%v, %v", back, err)
	}
	for _, offset := range []int{-(4*3600 + 56*60 + 2), -59*60 - 1, 19*60 + 32, 59} {
		at := at.In(time.FixedZone("LMT", offset))
		src := encodeValue(t, c, at)
		if back, err := c.Decode(src); err != nil || !back.Equal(at) || !bytes.Equal(encodeValue(t, c, back), src) {
			t.Errorf("offset %d: %v, %v", offset, back, err)
		} else if _, got := back.Zone(); got != offset {
			t.Errorf("offset %d came back as %d", offset, got)
		}
	}
	type event struct{ At time.Time }
	e := valueOf[event](t)
	in, err := e.Decode(encodeValue(t, e, event{at}))
	if err != nil || !in.At.Equal(at) || in.At.Location() != time.UTC {
		t.Errorf("inside CBOR: %v, %v", in, err)
	}
	for _, at := range []time.Time{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_, err := e.Append(nil, event{at})
		wantErr(t, err, codec.ErrUnencodable)
	}
}

func TestHostileHeadersAllocateLittle(t *testing.T) {
	for _, h := range []string{"9a80000000", "9b7fffffffffffffff", "ba80000000", "5a80000000", "7b7fffffffffffffff", "9a00ffffff00"} {
		src, _ := hex.DecodeString(h)
		for name, decode := range map[string]func() error{
			"list": func() error { _, err := valueOf[[]string](t).Decode(src); return err },
			"map":  func() error { _, err := valueOf[map[string][]byte](t).Decode(src); return err },
			"any":  func() error { _, err := codec.DecodeValueAny("cbor any", src); return err },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := decode()
			runtime.ReadMemStats(&after)
			wantErr(t, err, codec.ErrMalformed)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%s %s: %d bytes allocated", name, h, n)
			}
		}
	}
}

type list struct {
	Next *list
	V    int
}

func TestDepthIsLimitedWhereReadingIs(t *testing.T) {
	c := valueOf[*list](t)
	var l *list
	for n := 1; n <= 33; n++ {
		l = &list{Next: l, V: n}
		b, err := c.Append([]byte("x"), l)
		if n > 32 {
			wantErr(t, err, codec.ErrUnencodable)
			if string(b) != "x" {
				t.Errorf("after an error dst is %q", b)
			}
			break
		}
		if err != nil {
			t.Fatalf("%d deep: %v", n, err)
		}
		if _, err := c.Decode(b[1:]); err != nil {
			t.Fatalf("%d deep: written but not read: %v", n, err)
		}
	}
	loop := &list{}
	loop.Next = loop
	_, err := c.Append(nil, loop)
	wantErr(t, err, codec.ErrUnencodable)
	m := map[string]any{}
	m["m"] = m
	_, err = valueOf[any](t).Append(nil, m)
	wantErr(t, err, codec.ErrUnencodable)
	var p any
	p = &p
	_, err = valueOf[any](t).Append(nil, p)
	wantErr(t, err, codec.ErrUnencodable)
}

func TestKeysOfAMapThatCollideAreRefused(t *testing.T) {
	_, err := valueOf[map[float64]int](t).Append(nil, map[float64]int{math.NaN(): 1, -math.NaN(): 2})
	wantErr(t, err, codec.ErrUnencodable)
	_, err = valueOf[map[any]int](t).Append(nil, map[any]int{1: 1, uint8(1): 2})
	wantErr(t, err, codec.ErrUnencodable)
	_, err = valueOf[any](t).Append(nil, make(chan int))
	wantErr(t, err, codec.ErrUnencodable)
}

type base struct{ ID int }
type tagless struct {
	A int `json:"x"`
	B int `cbor:"x"`
}
type inherits struct {
	time.Time
	Name string
}
type writesOnly struct{ A int }

func (writesOnly) MarshalBinary() ([]byte, error) { return nil, nil }

func TestValueOfRefusesWhatItWouldLose(t *testing.T) {
	refuse := func(err error, path string) {
		t.Helper()
		wantErr(t, err, codec.ErrUnsupported)
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name %q", err, path)
		}
	}
	_, err := codec.ValueOf[struct {
		A []map[string]struct{ C chan int }
	}]()
	refuse(err, "A[][].C: chan int")
	_, err = codec.ValueOf[complex128]()
	refuse(err, "complex128")
	_, err = codec.ValueOf[func()]()
	refuse(err, "func()")
	_, err = codec.ValueOf[struct{ R *big.Rat }]()
	refuse(err, "R: big.Rat has no exported field")
	_, err = codec.ValueOf[struct{ E error }]()
	refuse(err, "E: error is an interface")
	_, err = codec.ValueOf[tagless]()
	refuse(err, "encoded as x too")
	_, err = codec.ValueOf[inherits]()
	refuse(err, "embeds time.Time")
	_, err = codec.ValueOf[[]inherits]()
	refuse(err, "embeds time.Time")
	_, err = codec.ValueOf[writesOnly]()
	refuse(err, "not both")
	_, err = codec.ValueOf[struct {
		*base
		N int
	}]()
	refuse(err, "base: a pointer to an unexported struct")
	type endless *endless
	_, err = codec.ValueOf[endless]()
	refuse(err, "without end")
	_, err = codec.ValueOf[struct {
		A int `cbor:"one,keyasint"`
	}]()
	refuse(err, "A: keyasint")
	_, err = codec.ValueOf[struct{ U uintptr }]()
	refuse(err, "uintptr")
}

// Everything is a value with all there is, for round trips.
type Everything struct {
	base
	S    string            `json:"s,omitempty"`
	I    int64             `cbor:"1,keyasint"`
	F    float32           `cbor:"2,keyasint,omitempty"`
	G    float64           `json:"-"`
	B    []byte            `json:"bytes"`
	M    map[string][]int  `json:"m"`
	P    *int              `json:"p"`
	T    time.Time         `json:"t"`
	H    Hash              `json:"h"`
	A    [2]bool           `json:"a"`
	K    map[Hash]string   `json:"k"`
	Kids []Everything      `json:"kids"`
	X    map[string]string `json:"odd name"`
	Pos  struct {
		_    struct{} `cbor:",toarray"`
		X, Y int
	} `json:"pos"`
}

func everythings() *rapid.Generator[Everything] {
	return rapid.Custom(func(t *rapid.T) Everything {
		e := Everything{S: strs().Draw(t, "s"), I: rapid.Int64().Draw(t, "i"), F: rapid.Float32().Draw(t, "f"),
			B: byteSlices().Draw(t, "b"), H: Hash(drawN(t, tightByte(), 4)), A: [2]bool(drawN(t, rapid.Bool(), 2)),
			M: rapid.MapOf(strs(), rapid.SliceOfN(rapid.Int(), 1, 2)).Draw(t, "m"),
			T: time.Unix(rapid.Int64Range(-1e9, 1e10).Draw(t, "sec"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
			K: map[Hash]string{{1}: "x"}, X: map[string]string{}, Kids: []Everything{}}
		e.ID = rapid.Int().Draw(t, "id")
		e.Pos.X = 5
		if rapid.Bool().Draw(t, "kid") {
			e.Kids = append(e.Kids, Everything{S: "kid"})
		}
		return e
	})
}

func TestEverythingRoundTrips(t *testing.T) {
	c := valueOf[Everything](t)
	options := cmp.AllowUnexported(Everything{}, base{})
	rapid.Check(t, func(t *rapid.T) {
		e := everythings().Draw(t, "value")
		b, err := c.Append(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := c.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, back, options); d != "" {
			t.Fatal(d)
		}
		again, err := c.Append(nil, back)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded again: %x, was %x, %v", again, b, err)
		}
		if _, err := codec.DecodeValueAny(c.Shape(), b); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDecodedValueDoesNotAliasItsSource(t *testing.T) {
	type v struct {
		S string
		B []byte
		R any
	}
	c := valueOf[v](t)
	src := encodeValue(t, c, v{"abc", []byte("def"), []byte("ghi")})
	got, err := c.Decode(src)
	clear(src)
	if err != nil || got.S != "abc" || string(got.B) != "def" || string(got.R.([]byte)) != "ghi" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestNativeValueAppendDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 64)
	checkValueAllocs(t, dst, 5)
	checkValueAllocs(t, dst, ID(5))
	checkValueAllocs(t, dst, "hello")
	checkValueAllocs(t, dst, []byte("hello"))
	checkValueAllocs(t, dst, 2.5)
	checkValueAllocs(t, dst, Hash{})
	checkValueAllocs(t, dst, time.Now())
}

func checkValueAllocs[V any](t *testing.T, dst []byte, v V) {
	t.Helper()
	c := valueOf[V](t)
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Append(dst, v) }); n != 0 {
		t.Errorf("%T: value Append allocates %v times", v, n)
	}
}
