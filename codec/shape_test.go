package codec_test

import (
	"errors"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/varvedb/varve/codec"
)

// A tree and a pair of types that recur through each other.
type (
	tree struct {
		Value any
		Kids  []tree `json:"kids"`
	}
	nest  []nest
	left  struct{ R *right }
	right struct{ L map[string]left }
)

func shapeOfKey[K any](t *testing.T) codec.Shape   { return keyOf[K](t).Shape() }
func shapeOfValue[V any](t *testing.T) codec.Shape { return valueOf[V](t).Shape() }

// Shapes are stored: a change of any of these makes databases unreadable.
func TestShapesAreStable(t *testing.T) {
	for _, c := range []struct{ got, want codec.Shape }{
		{shapeOfKey[int8](t), "int"}, {shapeOfKey[ID](t), "int"}, {shapeOfKey[uintptr](t), "uint"},
		{shapeOfKey[float32](t), "float32"}, {shapeOfKey[Ratio](t), "float64"}, {shapeOfKey[Name](t), "string"},
		{shapeOfKey[Blob](t), "bytes"}, {shapeOfKey[Hash](t), "[4]byte"}, {shapeOfKey[Flag](t), "bool"},
		{shapeOfKey[time.Time](t), "time"}, {shapeOfKey[[3]float64](t), "[3]float64"},
		{shapeOfKey[Version](t), "custom:version"}, {codec.RawKey().Shape(), "raw"},
		{codec.Descending(keyOf[[2]Point](t)).Shape(), "[2]{X int, Y int} desc"},
		{shapeOfKey[Album](t), "{Artist string, Year int desc, At {X int, Y int}, Tags [2]string desc, " +
			"Hash [4]byte, When time, Score float64, Small float32, Raw bytes desc, OK bool, U uint}"},
		{shapeOfValue[int32](t), "int"}, {shapeOfValue[uint64](t), "uint"}, {shapeOfValue[Name](t), "string"},
		{shapeOfValue[Blob](t), "bytes"}, {shapeOfValue[Hash](t), "[4]byte"}, {shapeOfValue[time.Time](t), "time"},
		{shapeOfValue[netip.Addr](t), "binary"}, {codec.RawValue().Shape(), "raw"},
		{shapeOfValue[*ID](t), "cbor int"}, {shapeOfValue[any](t), "cbor any"},
		{shapeOfValue[[]*Point](t), "cbor [{X int, Y int}]"},
		{shapeOfValue[map[Hash][2]bool](t), "cbor {[4]byte: [2]bool}"},
		{shapeOfValue[tree](t), "cbor {Value any, kids [^2]}"},
		{shapeOfValue[nest](t), "cbor [^1]"},
		{shapeOfValue[left](t), "cbor {R {L {string: ^3}}}"},
		{shapeOfValue[*list](t), "cbor {Next ^1, V int}"},
		{shapeOfValue[[]netip.Addr](t), "cbor [binary]"},
		{shapeOfValue[*big.Int](t), "cbor bigint"}, {shapeOfValue[[]cbor.RawMessage](t), "cbor [custom]"},
		{shapeOfValue[Everything](t), `cbor {"odd name" {string: string}, 1 int, 2 float32, ID int, a [2]bool, ` +
			`bytes bytes, h [4]byte, k {[4]byte: string}, kids [^2], m {string: [int]}, p int, pos (X int, Y int), s string, t time}`},
	} {
		if c.got != c.want {
			t.Errorf("shape %s, want %s", c.got, c.want)
		}
		parsed, err := codec.ParseShape(string(c.got))
		if err != nil || parsed != c.got {
			t.Errorf("%s parsed as %s, %v", c.got, parsed, err)
		}
		if err := c.got.Accepts(c.got); err != nil {
			t.Error(err)
		}
	}
}

func TestParseShapeRefuses(t *testing.T) {
	for _, text := range []string{
		"", "in", "int ", "int desc desc", "cbor", "cbor int desc", "cbor ^1", "{A int", "{A int,B int}", "{A int, A int}",
		"[", "[3]", "[3", "[03]int", "[-1]int", "[99999999999]int", "{int: }", "cbor [^2]", "cbor [^0]", "{A}", "{'a' int}",
		"custom:", `custom:""`, "(A int", "{1 int}", "int:x", "{\"A\nB\" int}", "cbor {01 int}", "cbor {-0 int}", "cbor cbor int",
		strings.Repeat("[", 70) + "int", strings.Repeat("x", 70000),
	} {
		s, err := codec.ParseShape(text)
		if err == nil {
			t.Errorf("%.40q parsed as %s", text, s)
			continue
		}
		wantErr(t, err, codec.ErrShape)
	}
}

func TestAccepts(t *testing.T) {
	for _, c := range []struct {
		now, stored codec.Shape
		why         string // empty if accepted
	}{
		{"int", "uint", "was uint and is int"},
		{"int desc", "int", "was int and is int desc"},
		{"{A int, B {C string}}", "{A int, B {C bytes}}", "field B.C was bytes and is string"},
		{"{A int}", "{A int, B int}", "field B was int and is nothing"},
		{"{A int}", "{B int}", "field 0 was B and is A"},
		{"[3]int", "[2]int", "was an array of 2 and is an array of 3"},
		{"custom:a", "custom:b", "was custom:b and is custom:a"},
		{"cbor int", "int", "was int and is cbor"},
		{"cbor {A int}", "cbor {B string}", ""},
		{"cbor {A [{B int}]}", "cbor {A [{B string}]}", "field A[].B was string and is int"},
		{"cbor {A {string: int}}", "cbor {A {int: int}}", "field A[key] was int and is string"},
		{"cbor {A any}", "cbor {A {B int}}", ""},
		{"cbor {A int}", "cbor {A any}", "field A was any and is int"},
		{"cbor {A float64}", "cbor {A float32}", ""},
		{"cbor {A float32}", "cbor {A float64}", "was float64 and is float32"},
		{"cbor {1 int}", `cbor {"1" string}`, ""},
		{"cbor {N ^1, V int}", "cbor {N {N ^1, V int}, V int}", ""},
		{"cbor {N ^1, V int}", "cbor {N {N ^1, V string}, V int}", "field N.V was string and is int"},
		{"cbor (a int)", "cbor (b int)", ""},
		{"cbor (a int)", "cbor (a int, b int)", "field b was int and is nothing"},
		{"int", "nonsense", "malformed shape"},
	} {
		err := c.now.Accepts(c.stored)
		if c.why == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantErr(t, err, codec.ErrIncompatible)
		for _, part := range []string{c.why, string(c.now), string(c.stored)} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %q", err, part)
			}
		}
	}
	long := codec.Shape("cbor {" + strings.Repeat("a", 60000) + " int}")
	if err := long.Accepts("cbor int"); err == nil || len(err.Error()) > 1000 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

// wide describes itself with more text than a shape may have.
type wide struct{ A, B, C, D wide1 }
type wide1 struct{ A, B, C, D, E, F, G, H wide2 }
type wide2 struct{ A, B, C, D, E, F, G, H wide3 }
type wide3 struct{ A, B, C, D, E, F, G, H wide4 }
type wide4 struct{ A, B, C, D, E, F, G, H int }

func TestShapeOfAnEnormousType(t *testing.T) {
	_, valueErr := codec.ValueOf[wide]()
	_, keyErr := codec.KeyOf[wide]()
	wantErr(t, errors.Join(valueErr, keyErr), codec.ErrUnsupported)
	if valueErr == nil || keyErr == nil {
		t.Error(valueErr, keyErr)
	}
}
