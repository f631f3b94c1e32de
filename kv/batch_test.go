package kv

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ops(b *Batch) (list []Op) {
	for op := range b.Ops() {
		list = append(list, op)
	}
	return list
}

func TestABatchKeepsItsOperationsInOrder(t *testing.T) {
	var b Batch
	key := []byte("k")
	b.Put(key, []byte("v"))
	key[0] = 'x' // the batch has its own copy
	b.Delete([]byte("d"))
	b.DeleteRange([]byte("a"), []byte("c"))
	b.DeleteRange([]byte("m"), nil)
	b.DeleteRange([]byte("z"), []byte("z")) // empty
	b.Merge(MergeMax, nil, nil)
	want := []Op{
		{Kind: OpPut, Key: []byte("k"), Value: []byte("v")},
		{Kind: OpDelete, Key: []byte("d")},
		{Kind: OpDeleteRange, Key: []byte("a"), Value: []byte("c")},
		{Kind: OpDeleteRange, Key: []byte("m"), Value: []byte{}},
		{Kind: OpMerge, Key: []byte{}, Value: []byte{}, Merger: MergeMax},
	}
	if diff := cmp.Diff(want, ops(&b)); diff != "" {
		t.Fatal(diff)
	}
	if s := ops(&b)[3].Span(); s.End != nil || b.Len() != 5 {
		t.Fatalf("open range has end %q; len %d", s.End, b.Len())
	}
	again, err := DecodeBatch(b.Encoding())
	if err != nil || again.Len() != 5 {
		t.Fatal(err)
	}
}

func TestABatchRefusesWhatIsTooLarge(t *testing.T) {
	var b Batch
	b.Put(make([]byte, MaxKey+1), nil)
	if !errors.Is(b.Err(), ErrTooLarge) || b.Len() != 0 {
		t.Fatal(b.Err())
	}
	b.Reset()
	b.Put(make([]byte, MaxKey), nil)
	b.DeleteRange(nil, After(make([]byte, MaxKey)))
	if b.Err() != nil || b.Len() != 2 {
		t.Fatal(b.Err())
	}
}

func FuzzDecodeBatch(f *testing.F) {
	var b Batch
	b.Put([]byte("key"), []byte("value"))
	b.Merge(MergeAdd, []byte("n"), AppendAdd(nil, 7))
	b.DeleteRange([]byte("a"), nil)
	f.Add(b.Encoding())
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeBatch(data)
		if err != nil {
			return
		}
		if n := len(ops(b)); n != b.Len() {
			t.Fatalf("%d operations, Len says %d", n, b.Len())
		}
	})
}

func TestBuiltInMergersFollowTheirRules(t *testing.T) {
	add := func(n int64) []byte { return AppendAdd(nil, n) }
	set := func(s ...string) []byte {
		var m [][]byte
		for _, x := range s {
			m = append(m, []byte(x))
		}
		return AppendSet(nil, m...)
	}
	for _, c := range []struct {
		id             MergerID
		value, operand []byte
		want           []byte
	}{
		{MergeAdd, nil, add(5), add(5)},
		{MergeAdd, add(5), add(-7), add(-2)},
		{MergeMin, nil, []byte("b"), []byte("b")},
		{MergeMin, []byte("b"), []byte("a"), []byte("a")},
		{MergeMin, []byte("a"), []byte("b"), []byte("a")},
		{MergeMax, []byte("a"), []byte("b"), []byte("b")},
		{MergeMax, []byte("b"), []byte("a"), []byte("b")},
		{MergeUnion, nil, set("b", "a", "b"), set("a", "b")},
		{MergeUnion, set("a", "c"), set("b", "c"), set("a", "b", "c")},
	} {
		got, err := Mergers{}.Merge(c.id, nil, c.value, c.value != nil, c.operand)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("merge %d of %q and %q: %q %v, want %q", c.id, c.value, c.operand, got, err, c.want)
		}
	}
	if _, err := (Mergers{}).Merge(MergeAdd, nil, []byte("short"), true, add(1)); err == nil {
		t.Error("a value that is no number was added to")
	}
	if _, err := (Mergers{}).Merge(99, nil, nil, false, nil); !errors.Is(err, ErrUnknownMerger) {
		t.Error(err)
	}
	if _, err := NewMergers(Merger{ID: 3}); err == nil {
		t.Error("a reserved id was taken")
	}
}

func TestPrefixEndAndBounds(t *testing.T) {
	for in, want := range map[string]string{"a": "b", "a\xff": "b", "a\xff\xff": "b", "\x00": "\x01"} {
		if got := PrefixEnd([]byte(in)); string(got) != want {
			t.Errorf("after prefix %q comes %q, want %q", in, got, want)
		}
	}
	if PrefixEnd([]byte("\xff\xff")) != nil || PrefixEnd(nil) != nil {
		t.Error("nothing comes after the last prefix")
	}
	o := IterOptions{Lower: []byte("aa5"), Upper: []byte("b"), Prefix: []byte("aa")}
	lo, hi := o.Bounds()
	if string(lo) != "aa5" || string(hi) != "ab" {
		t.Errorf("bounds %q %q", lo, hi)
	}
}
