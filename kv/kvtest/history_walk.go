package kvtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/varvedb/varve/kv"
)

// moveKind is a method of an iterator that moves it.
type moveKind uint8

const (
	moveFirst moveKind = iota
	moveLast
	moveGE
	moveLE
	moveLT
	moveNext
	movePrev
	moveNextPrefix
)

// walkMove is a move of an iterator.
type walkMove struct {
	kind moveKind
	key  string // of a seek
	n    int    // of a NextPrefix
}

func (m walkMove) String() string {
	switch m.kind {
	case moveFirst:
		return "first"
	case moveLast:
		return "last"
	case moveGE:
		return fmt.Sprintf("≥%q", m.key)
	case moveLE:
		return fmt.Sprintf("≤%q", m.key)
	case moveLT:
		return fmt.Sprintf("<%q", m.key)
	case moveNext:
		return "next"
	case movePrev:
		return "prev"
	}
	return fmt.Sprintf("next-prefix(%d)", m.n)
}

func (m walkMove) do(it kv.Iterator) bool {
	key := []byte(m.key)
	if m.key == "" {
		key = nil // the same to a seek
	}
	switch m.kind {
	case moveFirst:
		return it.First()
	case moveLast:
		return it.Last()
	case moveGE:
		return it.SeekGE(key)
	case moveLE:
		return it.SeekLE(key)
	case moveLT:
		return it.SeekLT(key)
	case moveNext:
		return it.Next()
	case movePrev:
		return it.Prev()
	}
	return kv.NextPrefix(it, m.n)
}

// walkOptions are printable kv.IterOptions.
type walkOptions struct {
	lower, upper, prefix string
	bounded              [3]bool // which of the three are set
	keysOnly, noFill     bool
	skip                 int // 0 nothing, else keys whose length is odd (1) or even (2)
}

func (o walkOptions) String() string {
	var parts []string
	for i, part := range []string{fmt.Sprintf("≥%q", o.lower), fmt.Sprintf("<%q", o.upper), fmt.Sprintf("prefix %q", o.prefix)} {
		if o.bounded[i] {
			parts = append(parts, part)
		}
	}
	if o.keysOnly {
		parts = append(parts, "keys only")
	}
	if o.skip > 0 {
		parts = append(parts, []string{"", "skip odd", "skip even"}[o.skip])
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (o walkOptions) options() kv.IterOptions {
	opt := kv.IterOptions{KeysOnly: o.keysOnly, NoFill: o.noFill}
	for i, to := range []*[]byte{&opt.Lower, &opt.Upper, &opt.Prefix} {
		if o.bounded[i] {
			*to = []byte([]string{o.lower, o.upper, o.prefix}[i])
		}
	}
	if o.skip > 0 {
		opt.Skip = func(key []byte) bool { return len(key)%2 == o.skip%2 }
	}
	return opt
}

// walk makes the moves and tells what it saw. What it must see anywhere, model
// or not, is an error.
func walk(it kv.Iterator, moves []walkMove, keysOnly bool) (string, error) {
	var saw strings.Builder
	for _, m := range moves {
		was := it.Valid()
		ok := m.do(it)
		if err := consistent(it, ok, keysOnly); err != nil {
			return saw.String(), fmt.Errorf("after %s: %w", m, err)
		}
		if ok && !was && (m.kind == moveNext || m.kind == movePrev || m.kind == moveNextPrefix) {
			return saw.String(), fmt.Errorf("%s moved an iterator that was not positioned", m)
		}
		fmt.Fprintf(&saw, "%s: ", m)
		if !ok {
			saw.WriteString("none\n")
			continue
		}
		fmt.Fprintf(&saw, "%q = %s\n", it.Key(), short(it.Value()))
	}
	return saw.String(), it.Err()
}

// consistent checks what holds for each iterator after each move.
func consistent(it kv.Iterator, ok, keysOnly bool) error {
	key, val := it.Key(), it.Value()
	switch {
	case it.Err() != nil:
		return it.Err()
	case ok != it.Valid():
		return fmt.Errorf("the move reports %v, Valid %v", ok, it.Valid())
	case ok && key == nil:
		return errors.New("positioned, but Key is nil")
	case !ok && (key != nil || val != nil):
		return fmt.Errorf("not positioned, but Key is %q and Value %q", key, val)
	case keysOnly && val != nil:
		return fmt.Errorf("keys only, but Value is %q", val)
	}
	return nil
}

// compareWalk makes the same moves on a new iterator of both readers.
func compareWalk(r, model kv.Reader, opt walkOptions, moves []walkMove) error {
	saw, err := walkOn(r, opt, moves)
	if err != nil {
		return fmt.Errorf("walk %v %v: %w", opt, moves, err)
	}
	want, err := walkOn(model, opt, moves)
	if err != nil {
		return fmt.Errorf("walk %v %v on the model: %w", opt, moves, err)
	}
	return sameSight(fmt.Sprintf("walk %v", opt), saw, want)
}

func walkOn(r kv.Reader, opt walkOptions, moves []walkMove) (string, error) {
	it := r.Iter(opt.options())
	saw, err := walk(it, moves, opt.keysOnly)
	return saw, errors.Join(err, it.Close())
}

// sameSight compares two transcripts and shows the first line that differs.
func sameSight(what, saw, want string) error {
	if saw == want {
		return nil
	}
	a, b := strings.Split(saw, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Errorf("%s: line %d is %s, want %s; before it: %s", what, i+1, a[i], b[i], strings.Join(a[:i], "; "))
		}
	}
	return fmt.Errorf("%s: %s, want %s", what, saw, want)
}
