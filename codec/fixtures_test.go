package codec_test

import (
	"errors"
	"testing"
	"time"

	"github.com/varvedb/varve/codec"
)

// Key and value types that several tests share.
type (
	ID    int64
	Name  string
	Blob  []byte
	Flag  bool
	Ratio float64
	Hash  [4]byte

	Point struct {
		X, Y int32
	}
	Album struct {
		Artist string
		Year   int `varve:"desc"`
		_      int
		At     Point
		Tags   [2]string `varve:"desc"`
		Hash   Hash
		When   time.Time
		Score  float64
		Small  float32
		Raw    []byte `varve:"desc"`
		OK     bool
		U      uint16
	}
)

func keyOf[K any](t testing.TB) codec.Key[K] {
	t.Helper()
	k, err := codec.KeyOf[K]()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func valueOf[V any](t testing.TB) codec.Value[V] {
	t.Helper()
	v, err := codec.ValueOf[V]()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func encodeKey[K any](t rapidOrTest, c codec.Key[K], k K) []byte {
	t.Helper()
	b, err := c.Append(nil, k)
	if err != nil {
		t.Fatalf("append %v: %v", k, err)
	}
	return b
}

func encodeValue[V any](t testing.TB, c codec.Value[V], v V) []byte {
	t.Helper()
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatalf("append %v: %v", v, err)
	}
	return b
}

// rapidOrTest is what tests and properties have in common.
type rapidOrTest interface {
	Helper()
	Fatalf(format string, args ...any)
}

func wantErr(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want one that wraps %q", err, target)
	}
}
