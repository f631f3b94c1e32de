package codec_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/varvedb/varve/codec"
)

// fuzzKey checks that what decodes is canonical, and that the generic decoder
// accepts the same bytes.
func fuzzKey[K any](t *testing.T, c codec.Key[K], src []byte) {
	t.Helper()
	k, err := c.Decode(src)
	v, anyErr := codec.DecodeKeyAny(c.Shape(), src)
	if err != nil {
		return
	}
	if again := encodeKey(t, c, k); !bytes.Equal(again, src) {
		t.Fatalf("%s: %x decoded to %v, which is %x", c.Shape(), src, k, again)
	}
	if anyErr != nil {
		t.Fatalf("%s: %x decodes, but by shape: %v", c.Shape(), src, anyErr)
	}
	if _, err := json.Marshal(v); err != nil {
		t.Fatalf("%s: %v does not print: %v", c.Shape(), v, err)
	}
}

func FuzzKeyDecode(f *testing.F) {
	album := keyOf[Album](f)
	for _, a := range []Album{{}, {Artist: "a\x00\x01", Year: -300, Score: math.NaN(), When: time.Unix(0, 5), OK: true, U: 9}} {
		f.Add(encodeKey(f, album, a))
		f.Add(encodeKey(f, codec.Descending(album), a))
	}
	for _, s := range []string{"", "\x14", "\x0c\x7f\xff\xff\xff\xff\xff\xff\xff", "\x02a\x01\x02\x00", "\xfd\xff", "\x01\x01\x02\x03\x00"} {
		f.Add([]byte(s))
	}
	ints, strings, floats := keyOf[int32](f), keyOf[string](f), keyOf[[2]float64](f)
	times, versions, hashes := keyOf[time.Time](f), keyOf[Version](f), codec.Descending(keyOf[Hash](f))
	f.Fuzz(func(t *testing.T, src []byte) {
		fuzzKey(t, ints, src)
		fuzzKey(t, strings, src)
		fuzzKey(t, floats, src)
		fuzzKey(t, times, src)
		fuzzKey(t, versions, src)
		fuzzKey(t, hashes, src)
		fuzzKey(t, album, src)
		fuzzKey(t, codec.Descending(album), src)
	})
}

// fuzzValue checks that what decodes can be encoded, and decodes again to the
// same bytes; native encodings are canonical.
func fuzzValue[V any](t *testing.T, c codec.Value[V], src []byte, canonical bool) {
	t.Helper()
	v, err := c.Decode(src)
	if err != nil {
		return
	}
	b, err := c.Append(nil, v)
	if err != nil && canonical || canonical && !bytes.Equal(b, src) {
		t.Fatalf("%s: %x decoded to %v, which is %x, %v", c.Shape(), src, v, b, err)
	}
	if err != nil {
		return
	}
	back, err := c.Decode(b)
	if err != nil {
		t.Fatalf("%s: wrote %x, which does not decode: %v", c.Shape(), b, err)
	}
	if again, err := c.Append(nil, back); err != nil || !bytes.Equal(again, b) {
		t.Fatalf("%s: %x became %x, %v", c.Shape(), b, again, err)
	}
	if v, err := codec.DecodeValueAny(c.Shape(), b); err != nil {
		t.Fatalf("%s: %x decodes, but by shape %v: %v", c.Shape(), b, v, err)
	} else if _, err := json.Marshal(v); err != nil {
		t.Fatalf("%s: %v does not print: %v", c.Shape(), v, err)
	}
}

func FuzzValueDecode(f *testing.F) {
	all, loose := valueOf[Everything](f), valueOf[any](f)
	full, err := all.Append(nil, Everything{S: "s", T: time.Unix(1, 1), Kids: []Everything{{}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	for _, s := range []string{"", "\x00", "\x80\x01", "\x9a\x80\x00\x00\x00", "\xa1\x01\x02", "\xc0\x60", "\xf9\x7e\x00", "\xc2\x41\x01",
		"\xd9\x01\x00\x01", "\xe0", "\xf7",
		"\x02\xee\x80\x00W']\xdcz000\x82\xc21\xf4"} {
		f.Add([]byte(s))
	}
	ints, words, bools := valueOf[int16](f), valueOf[uint64](f), valueOf[bool](f)
	times, maps, recursive := valueOf[time.Time](f), valueOf[map[float64]string](f), valueOf[tree](f)
	f.Fuzz(func(t *testing.T, src []byte) {
		fuzzValue(t, ints, src, true)
		fuzzValue(t, words, src, true)
		fuzzValue(t, bools, src, true)
		fuzzValue(t, times, src, false)
		fuzzValue(t, all, src, false)
		fuzzValue(t, maps, src, false)
		fuzzValue(t, recursive, src, false)
		fuzzValue(t, loose, src, false)
	})
}

func FuzzShapeParse(f *testing.F) {
	for _, s := range []string{"int", "uint desc", "{Name string, Year int desc}", "[3][4]byte desc", "custom:a.b", `binary:"x y"`, "raw",
		`cbor {"odd name" {string: string}, 1 int, kids [^2], m {[2]byte: [any]}, pos (X int, Y bigint)}`, "cbor ^1", "[[[["} {
		f.Add(s, []byte("\x15\x01"))
	}
	f.Fuzz(func(t *testing.T, text string, src []byte) {
		s, err := codec.ParseShape(text)
		if err != nil {
			return
		}
		if string(s) != text {
			if again, err := codec.ParseShape(string(s)); err != nil || again != s {
				t.Fatalf("%q parsed as %q, that as %q, %v", text, s, again, err)
			}
		}
		if err := s.Accepts(s); err != nil {
			t.Fatal(err)
		}
		_ = s.Accepts("cbor {a ^1, b [int]}")
		if v, err := codec.DecodeKeyAny(s, src); err == nil {
			if _, err := json.Marshal(v); err != nil {
				t.Fatalf("%s: %v does not print: %v", s, v, err)
			}
		}
		_, _ = codec.DecodeValueAny(s, src)
		_, _ = codec.ParseKeyText(s, string(src))
		_, _ = codec.ParseValueText(s, string(src))
	})
}
