package kvtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/varvedb/varve/kv"
)

func TestAHistoryFollowsFromItsSeed(t *testing.T) {
	a, b := newHistory(7, 200).String(), newHistory(7, 200).String()
	if a != b || a == newHistory(8, 200).String() {
		t.Fatal("the same seed gives two histories, or two seeds the same")
	}
}

// A history that fails whenever it holds a flush and, later, a checkpoint is
// shrunk to these two.
func TestShrinkingLeavesWhatMatters(t *testing.T) {
	sorry := errors.New("sorry")
	fails := func(h history) error {
		at := slices.IndexFunc(h, func(s step) bool { return s.kind == stepFlush })
		if at >= 0 && slices.ContainsFunc(h[at:], func(s step) bool { return s.kind == stepCheckpoint }) {
			return sorry
		}
		return nil
	}
	for seed := range uint64(20) {
		h := newHistory(seed, 150)
		if fails(h) == nil {
			continue
		}
		short, err := shrinkHistory(h, sorry, fails, time.Minute)
		if err != sorry || len(short) != 2 {
			t.Fatalf("seed %d is shrunk to\n%v", seed, short)
		}
	}
}

func TestTheModelCursorWalksBothWays(t *testing.T) {
	c := contentOf("a", "1", "b", "2", "c", "3")
	it := c.Iter(kv.IterOptions{Lower: []byte("b")})
	saw, err := walk(it, []walkMove{{kind: moveFirst}, {kind: movePrev}, {kind: moveNext}, {kind: moveLast}, {kind: movePrev}, {kind: moveLT, key: "c"}, {kind: moveGE, key: "a"}}, false)
	want := "first: \"b\" = \"2\"\nprev: none\nnext: none\nlast: \"c\" = \"3\"\nprev: \"b\" = \"2\"\n<\"c\": \"b\" = \"2\"\n≥\"a\": \"b\" = \"2\"\n"
	if err := errors.Join(err, sameSight("walk", saw, want)); err != nil {
		t.Fatal(err)
	}
}
