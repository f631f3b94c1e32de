package kv

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noStore is an empty state.
type noStore struct{}

func (noStore) Get([]byte, []byte) ([]byte, bool, error) { return nil, false, nil }
func (noStore) Has([]byte) (bool, error)                 { return false, nil }
func (noStore) MultiGet(keys [][]byte, f func(int, []byte, bool) error) error {
	return nil
}
func (noStore) Iter(IterOptions) Iterator { return FailedIterator(nil) }
func (noStore) Seq() Seq                  { return 1 }
func (noStore) Close() error              { return nil }

// walked returns the spans that a transaction notes when f walks over the keys
// 10, 20 … 90.
func walked(opt IterOptions, f func(Iterator)) []Span {
	t := &Txn{snap: noStore{}, batch: NewIndexedBatch(noStore{}, Mergers{})}
	for c := byte('1'); c <= '9'; c++ {
		t.Put([]byte{c, '0'}, nil)
	}
	it := t.Iter(opt)
	f(it)
	it.Close()
	return t.spans
}

func TestAWalkThatTurnsKeepsWhatItSaw(t *testing.T) {
	span := func(start, end string) []Span { return []Span{{Start: []byte(start), End: []byte(end)}} }
	for name, c := range map[string]struct {
		walk func(Iterator)
		want []Span
	}{
		"forward and back": {func(it Iterator) { it.SeekGE([]byte("35")); it.Next(); it.Prev() }, span("35", "50\x00")},
		"further back":     {func(it Iterator) { it.SeekGE([]byte("35")); it.Next(); it.Prev(); it.Prev() }, span("30", "50\x00")},
		"backward and up":  {func(it Iterator) { it.SeekLE([]byte("35")); it.Prev(); it.Next() }, span("20", "35\x00")},
		"from the end":     {func(it Iterator) { it.Last(); it.Prev(); it.Next() }, []Span{{Start: []byte("80")}}},
		"below the first":  {func(it Iterator) { it.SeekLT(nil) }, []Span{{End: []byte{}}}},
	} {
		if diff := cmp.Diff(c.want, walked(IterOptions{}, c.walk)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestASeekBeyondTheBoundsReadsNothingBeyond(t *testing.T) {
	lower, upper := []byte("25"), []byte("45")
	opt := IterOptions{Lower: lower, Upper: upper}
	got := walked(opt, func(it Iterator) {
		copy(lower, "00") // the caller's to change
		copy(upper, "99")
		it.SeekGE([]byte("1"))
		it.SeekLE([]byte("99"))
		it.SeekLT([]byte("99"))
	})
	want := []Span{{[]byte("25"), []byte("30\x00")}, {[]byte("40"), []byte("45")}, {[]byte("40"), []byte("45")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestSavepointsOfTwoPathsAreKeptApart(t *testing.T) {
	tx := &Txn{snap: noStore{}, batch: NewIndexedBatch(noStore{}, Mergers{})}
	root := tx.Savepoint()
	tx.Put([]byte("left"), nil)
	left := tx.Savepoint()
	tx.Restore(root)
	tx.Put([]byte("righ"), nil)
	tx.Restore(left)
	if list := ops(&tx.batch.Batch); len(list) != 1 || string(list[0].Key) != "left" {
		t.Fatalf("the batch holds %+v", list)
	}
}

func TestNextPrefixStopsAtKeysThatAreShorter(t *testing.T) {
	b := NewIndexedBatch(noStore{}, Mergers{})
	for _, key := range []string{"a", "aa1", "aa2", "ab", "b"} {
		b.Put([]byte(key), nil)
	}
	var got []string
	it := b.Iter(IterOptions{})
	for ok := it.First(); ok; ok = NextPrefix(it, 2) {
		got = append(got, string(it.Key()))
	}
	if diff := cmp.Diff([]string{"a", "aa1", "ab", "b"}, got); diff != "" {
		t.Fatal(diff)
	}
}

// swapStore is a store of one value that can only be swapped.
type swapStore struct {
	Store
	val []byte
}

func (s *swapStore) Get([]byte, []byte) ([]byte, bool, error) { return bytes.Clone(s.val), true, nil }

func (s *swapStore) Apply(_ context.Context, b *Batch, opt WriteOptions) (Seq, error) {
	if want := opt.If.Equal[0]; !bytes.Equal(want.Value, s.val) {
		return 0, &ConflictError{Key: want.Key, Expected: true, Actual: KV{Key: want.Key, Value: bytes.Clone(s.val)}}
	}
	for op := range b.Ops() {
		s.val = bytes.Clone(op.Value)
	}
	return 1, nil
}

func TestFetchAndUpdateMayChangeItsArgument(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	s := &swapStore{val: []byte("a")}
	old, next, err := FetchAndUpdate(ctx, s, []byte("k"), WriteOptions{}, func(old []byte, _ bool) ([]byte, bool) {
		if calls++; calls > 1 {
			cancel()
		}
		old[0]++
		return old, true
	})
	if err != nil || string(old.Value) != "a" || string(next.Value) != "b" || string(s.val) != "b" {
		t.Fatal(old, next, err)
	}
}
