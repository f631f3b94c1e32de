package codec_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/varvedb/varve/codec"
)

// keyText checks how a key prints, and that what is printed is read again.
func keyText[K any](t *testing.T, c codec.Key[K], k K, want string) {
	t.Helper()
	src := encodeKey(t, c, k)
	v, err := codec.DecodeKeyAny(c.Shape(), src)
	if err != nil {
		t.Fatalf("%s: %v", c.Shape(), err)
	}
	text := printed(t, v)
	if text != want {
		t.Errorf("%s prints as %s, want %s", c.Shape(), text, want)
	}
	if back, err := codec.ParseKeyText(c.Shape(), text); err != nil || !bytes.Equal(back, src) {
		t.Errorf("%s: %s reads as %x, want %x, %v", c.Shape(), text, back, src, err)
	}
}

// valueText is keyText for values.
func valueText[V any](t *testing.T, v V, want string) {
	t.Helper()
	c := valueOf[V](t)
	src := encodeValue(t, c, v)
	got, err := codec.DecodeValueAny(c.Shape(), src)
	if err != nil {
		t.Fatalf("%s: %v", c.Shape(), err)
	}
	text := printed(t, got)
	if text != want {
		t.Errorf("%s prints as %s, want %s", c.Shape(), text, want)
	}
	if back, err := codec.ParseValueText(c.Shape(), text); err != nil || !bytes.Equal(back, src) {
		t.Errorf("%s: %s reads as %x, want %x, %v", c.Shape(), text, back, src, err)
	}
}

// printed is what a tool shows: JSON, but strings without quotes.
func printed(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var s string
	if json.Unmarshal(text, &s) == nil && v != nil {
		return s
	}
	return string(text)
}

func TestKeysPrintAndParse(t *testing.T) {
	when := time.Date(2024, 2, 3, 4, 5, 6, 7, time.UTC)
	keyText(t, keyOf[int](t), -5, "-5")
	keyText(t, codec.Descending(keyOf[uint64](t)), math.MaxUint64, "18446744073709551615")
	keyText(t, keyOf[string](t), `say "hi"`, `say "hi"`)
	keyText(t, keyOf[[]byte](t), []byte{0, 255}, "0x00ff")
	keyText(t, keyOf[Hash](t), Hash{1}, "0x01000000")
	keyText(t, keyOf[bool](t), true, "true")
	keyText(t, keyOf[float64](t), math.NaN(), "NaN")
	keyText(t, keyOf[float32](t), 1.1, "1.1")
	keyText(t, keyOf[time.Time](t), when, "2024-02-03T04:05:06.000000007Z")
	keyText(t, keyOf[Version](t), Version{1, 2}, "0x0102")
	keyText(t, codec.RawKey(), []byte("a"), "0x61")
	keyText(t, codec.Descending(keyOf[[2]Point](t)), [2]Point{{1, 2}, {3, 4}}, `[{"X":1,"Y":2},{"X":3,"Y":4}]`)
	keyText(t, keyOf[Album](t), Album{Artist: "A", Year: 1999, When: when, Raw: []byte("r")},
		`{"Artist":"A","Year":1999,"At":{"X":0,"Y":0},"Tags":["",""],"Hash":"0x00000000",`+
			`"When":"2024-02-03T04:05:06.000000007Z","Score":0,"Small":0,"Raw":"0x72","OK":false,"U":0}`)
}

func TestValuesPrintAndParse(t *testing.T) {
	when := time.Date(2024, 2, 3, 4, 5, 6, 7, time.UTC)
	valueText(t, 7, "7")
	valueText(t, uint8(7), "7")
	valueText(t, "x", "x")
	valueText(t, []byte("x"), "0x78")
	valueText(t, Hash{}, "0x00000000")
	valueText(t, true, "true")
	valueText(t, float32(0.5), "0.5")
	valueText(t, math.Inf(-1), "-Inf")
	valueText(t, when, "2024-02-03T04:05:06.000000007Z")
	valueText(t, &when, "2024-02-03T04:05:06.000000007Z")
	valueText(t, (*int)(nil), "null")
	valueText(t, new(big.Int).Lsh(big.NewInt(1), 70), "1180591620717411303424")
	valueText(t, map[int]string{-1: "a"}, `{"-1":"a"}`)
	valueText[any](t, []any{"a", uint64(1), nil, true, 1.5}, `["a",1,null,true,1.5]`)
	valueText(t, tree{Value: "root", Kids: []tree{{Kids: []tree{}}}}, `{"Value":"root","kids":[{"Value":null,"kids":[]}]}`)
	e := Everything{B: []byte("b"), K: map[Hash]string{{1}: "k"}, T: when, F: 1.5, I: 9, S: "s", Kids: []Everything{}}
	e.M, e.X = map[string][]int{"m": {1}}, map[string]string{}
	valueText(t, e, `{"odd name":{},"1":9,"2":1.5,"ID":0,"a":[false,false],"bytes":"0x62","h":"0x00000000",`+
		`"k":{"0x01000000":"k"},"kids":[],"m":{"m":[1]},"p":null,"pos":{"X":0,"Y":0},"s":"s","t":"2024-02-03T04:05:06.000000007Z"}`)
}

func TestFieldsOutsideTheShapeAreShownLast(t *testing.T) {
	src := encodeValue(t, valueOf[map[string]int](t), map[string]int{"b": 2, "a": 1, "c": 3})
	v, err := codec.DecodeValueAny("cbor {c int}", src)
	if err != nil || printed(t, v) != `{"c":3,"a":1,"b":2}` {
		t.Errorf("%v, %v", v, err)
	}
}

func TestTextThatDoesNotFitIsRefused(t *testing.T) {
	for _, c := range []struct {
		shape codec.Shape
		text  string
	}{
		{"int", "x"}, {"uint", "-1"}, {"int", "9223372036854775808"}, {"bool", "maybe"}, {"time", "now"}, {"float32", "1e99"},
		{"[2]byte", "abc"}, {"bytes", "0xg"}, {"[2]int", "[1]"}, {"[2]int", "[1,[]]"}, {"[2]int", "1"}, {"[2]int", "[1,2] 3"},
		{"{A int}", `{}`}, {"{A int}", `{"A":1,"B":2}`}, {"{A int}", `{"B":2}`}, {"{A int}", `{"A":null}`}, {"int", ""},
	} {
		if b, err := codec.ParseKeyText(c.shape, c.text); err == nil {
			t.Errorf("%s: %s read as key %x", c.shape, c.text, b)
		}
	}
	for _, c := range []struct {
		shape codec.Shape
		text  string
	}{
		{"int", "x"}, {"bool", "2"}, {"time", "x"}, {"[1]byte", ""}, {"{A int}", `{"A":1}`}, {"custom", "x"},
		{"cbor {A int}", `{"a":1}`}, {"cbor {A int}", `[1]`}, {"cbor {A int}", `{"A":"x"}`}, {"cbor [int]", `{}`},
		{"cbor [2]int", `[1]`}, {"cbor {int: int}", `{"x":1}`}, {"cbor (a int)", `[1,2]`}, {"cbor bigint", "x"}, {"cbor any", ""},
	} {
		if b, err := codec.ParseValueText(c.shape, c.text); err == nil {
			t.Errorf("%s: %s read as value %x", c.shape, c.text, b)
		}
	}
	if _, err := codec.DecodeKeyAny("cbor int", []byte{1}); err == nil {
		t.Error("cbor in a key")
	}
	if _, err := codec.DecodeValueAny("{A int}", []byte{1}); err == nil {
		t.Error("a tuple as a value")
	}
}
