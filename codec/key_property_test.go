package codec_test

import (
	"bytes"
	"cmp"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/varvedb/varve/codec"
	"pgregory.net/rapid"
)

// checkOrder checks every property of the keys of one type: order, round trip,
// freedom from prefixes, and descending being the reverse.
func checkOrder[K any](t *testing.T, gen *rapid.Generator[K], compare func(a, b K) int) {
	t.Helper()
	c := keyOf[K](t)
	d := codec.Descending(c)
	if codec.Descending(d).Shape() != c.Shape() {
		t.Fatal("descending twice is not ascending")
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		ea, eb := encodeKey(t, c, a), encodeKey(t, c, b)
		want := compare(a, b)
		if got := bytes.Compare(ea, eb); got != want {
			t.Fatalf("%v and %v compare %d, their keys %x and %x %d", a, b, want, ea, eb, got)
		}
		if got := bytes.Compare(encodeKey(t, d, a), encodeKey(t, d, b)); got != -want {
			t.Fatalf("%v and %v compare %d, descending %d", a, b, want, got)
		}
		if want != 0 && (bytes.HasPrefix(ea, eb) || bytes.HasPrefix(eb, ea)) {
			t.Fatalf("%x and %x: one is a prefix", ea, eb)
		}
		checkRoundTrip(t, c, a, compare)
		checkRoundTrip(t, d, a, compare)
		checkMutation(t, c, ea)
		checkMutation(t, d, encodeKey(t, d, a))
	})
}

func checkRoundTrip[K any](t *rapid.T, c codec.Key[K], k K, compare func(a, b K) int) {
	back, err := c.Decode(encodeKey(t, c, k))
	if err != nil || compare(back, k) != 0 {
		t.Fatalf("%v decoded as %v, %v", k, back, err)
	}
}

// checkMutation changes an encoding: if it still decodes, it is canonical, and
// the generic decoder agrees.
func checkMutation[K any](t *rapid.T, c codec.Key[K], src []byte) {
	src = bytes.Clone(src)
	for range rapid.IntRange(0, 2).Draw(t, "changes") {
		i := rapid.IntRange(0, len(src)-1).Draw(t, "at")
		src[i] = rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 1, 0xff, 0xfe})).Draw(t, "byte")
	}
	src = src[:rapid.IntRange(max(0, len(src)-2), len(src)).Draw(t, "length")]
	k, err := c.Decode(src)
	if err != nil {
		return
	}
	if again := encodeKey(t, c, k); !bytes.Equal(again, src) {
		t.Fatalf("%x decoded to %v, which is %x", src, k, again)
	}
	if v, err := codec.DecodeKeyAny(c.Shape(), src); err != nil {
		t.Fatalf("%x decoded to %v, but by shape %v: %v", src, k, v, err)
	}
}

func checkOrdered[K cmp.Ordered](t *testing.T, gen *rapid.Generator[K]) {
	t.Helper()
	checkOrder(t, gen, cmp.Compare[K])
}

func TestKeyOrder(t *testing.T) {
	checkOrdered(t, rapid.Int())
	checkOrdered(t, rapid.Int8())
	checkOrdered(t, rapid.Int16())
	checkOrdered(t, rapid.Int32())
	checkOrdered(t, rapid.Int64())
	checkOrdered(t, rapid.Uint())
	checkOrdered(t, rapid.Uint8())
	checkOrdered(t, rapid.Uint16())
	checkOrdered(t, rapid.Uint32())
	checkOrdered(t, rapid.Uint64())
	checkOrdered(t, rapid.Uintptr())
	checkOrdered(t, float32s())
	checkOrdered(t, float64s())
	checkOrdered(t, strs())
	checkOrdered(t, rapid.Map(strs(), func(s string) Name { return Name(s) }))
	checkOrdered(t, rapid.Map(rapid.Int64(), func(i int64) ID { return ID(i) }))
	checkOrdered(t, rapid.Map(float64s(), func(f float64) Ratio { return Ratio(f) }))
	checkOrder(t, rapid.Bool(), compareBool)
	checkOrder(t, byteSlices(), bytes.Compare)
	checkOrder(t, times(), time.Time.Compare)
	checkOrder(t, rapid.Custom(func(t *rapid.T) Hash { return Hash(drawN(t, tightByte(), 4)) }),
		func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
}

func TestCompositeKeyOrder(t *testing.T) {
	checkOrder(t, points(), comparePoints)
	checkOrder(t, rapid.Custom(func(t *rapid.T) [3]string { return [3]string(drawN(t, strs(), 3)) }), compareArrays)
	checkOrder(t, albums(), compareAlbums)
}

func drawN[T any](t *rapid.T, g *rapid.Generator[T], n int) []T {
	return rapid.SliceOfN(g, n, n).Draw(t, "items")
}

func tightByte() *rapid.Generator[byte] { return rapid.SampledFrom([]byte{0, 1, 0xfe, 0xff, 'a'}) }

func byteSlices() *rapid.Generator[[]byte] {
	return rapid.OneOf(rapid.SliceOfN(tightByte(), 0, 5), rapid.SliceOf(rapid.Byte()))
}

func strs() *rapid.Generator[string] {
	return rapid.Map(byteSlices(), func(b []byte) string { return string(b) })
}

func float64s() *rapid.Generator[float64] {
	special := []float64{0, math.Copysign(0, -1), math.NaN(), -math.NaN(), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64, 1, -1}
	return rapid.OneOf(rapid.Float64(), rapid.SampledFrom(special), rapid.Map(rapid.Uint64(), math.Float64frombits))
}

func float32s() *rapid.Generator[float32] {
	return rapid.OneOf(rapid.Float32(), rapid.Map(float64s(), func(f float64) float32 { return float32(f) }),
		rapid.Map(rapid.Uint32(), math.Float32frombits))
}

func times() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		sec := rapid.OneOf(rapid.Int64Range(-2, 2), rapid.Int64Range(-1<<62, 1<<62)).Draw(t, "sec")
		zone := rapid.IntRange(-3600, 3600).Draw(t, "zone")
		return time.Unix(sec, rapid.Int64Range(0, 999999999).Draw(t, "nsec")).In(time.FixedZone("z", zone))
	})
}

func points() *rapid.Generator[Point] {
	return rapid.Custom(func(t *rapid.T) Point {
		small := rapid.OneOf(rapid.Int32Range(-2, 2), rapid.Int32())
		return Point{small.Draw(t, "x"), small.Draw(t, "y")}
	})
}

func albums() *rapid.Generator[Album] {
	some := rapid.Map(strs(), func(s string) string { return s[:min(1, len(s))] })
	return rapid.Custom(func(t *rapid.T) Album {
		return Album{
			Artist: some.Draw(t, "artist"), Year: rapid.IntRange(-1, 1).Draw(t, "year"), At: points().Draw(t, "at"),
			Tags: [2]string(drawN(t, some, 2)), Hash: Hash(drawN(t, tightByte(), 4)), When: times().Draw(t, "when"),
			Score: float64s().Draw(t, "score"), Small: float32s().Draw(t, "small"), Raw: byteSlices().Draw(t, "raw"),
			OK: rapid.Bool().Draw(t, "ok"), U: rapid.Uint16().Draw(t, "u"),
		}
	})
}

func compareBool(a, b bool) int {
	return map[bool]int{true: 1}[a] - map[bool]int{true: 1}[b]
}

func comparePoints(a, b Point) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) }

func compareArrays(a, b [3]string) int {
	return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]), strings.Compare(a[2], b[2]))
}

func compareAlbums(a, b Album) int {
	return cmp.Or(
		cmp.Compare(a.Artist, b.Artist), -cmp.Compare(a.Year, b.Year), comparePoints(a.At, b.At),
		-cmp.Or(cmp.Compare(a.Tags[0], b.Tags[0]), cmp.Compare(a.Tags[1], b.Tags[1])),
		bytes.Compare(a.Hash[:], b.Hash[:]), a.When.Compare(b.When), cmp.Compare(a.Score, b.Score),
		cmp.Compare(a.Small, b.Small), -bytes.Compare(a.Raw, b.Raw), compareBool(a.OK, b.OK), cmp.Compare(a.U, b.U))
}
