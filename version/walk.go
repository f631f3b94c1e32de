package version

import (
	"bytes"
	"errors"

	"github.com/varvedb/varve/kv"
)

// walk visits the entries of a state from lower to before upper, nil being no
// bound, forward or backward, until visit returns false. What visit is given is
// valid during the call; value reads the value, if it is wanted.
func (s *session) walk(st state, lower, upper []byte, back bool, visit func(key []byte, value func() ([]byte, error)) (bool, error)) error {
	w := &merged{tree: s.Cursor(st.root), lower: lower, upper: upper, back: back}
	if st.branch != nil {
		w.stage(s, st.branch)
	}
	w.first()
	var err error
	for more := true; more && err == nil && w.settle(); w.next() {
		if w.present() {
			more, err = visit(w.key(), w.value)
		}
	}
	return errors.Join(err, w.close())
}

// merged walks over a tree and the staged edits on it as over one map, in one
// direction. Where both have a key the edit is what counts.
type merged struct {
	tree         *TreeCursor
	inTree       bool
	edits        kv.Iterator // nil if there are none
	inEdits      bool
	skip         int // bytes before the key in rows of edits
	lower, upper []byte
	back         bool
	order        int // who is at the next key: -1 the tree, 1 the edits, 0 both
	// damaged makes the error about an edit that is cut off.
	damaged func(key []byte) error
	err     error
}

// stage opens the edits of a branch.
func (w *merged) stage(s *session, b *branchRow) {
	prefix := s.stagedPrefix(b)
	w.skip = len(prefix)
	opt := kv.IterOptions{Prefix: prefix}
	if w.lower != nil {
		opt.Lower = append(bytes.Clone(prefix), w.lower...)
	}
	if w.upper != nil {
		opt.Upper = append(bytes.Clone(prefix), w.upper...)
	}
	w.edits = s.r.Iter(opt)
	w.damaged = func(key []byte) error { return s.damagedStage(b, key) }
}

func (w *merged) first() {
	switch {
	case w.back && w.upper != nil:
		w.inTree = w.tree.SeekLT(w.upper)
	case w.back:
		w.inTree = w.tree.Last()
	case w.lower != nil:
		w.inTree = w.tree.SeekGE(w.lower)
	default:
		w.inTree = w.tree.First()
	}
	if w.edits != nil {
		w.inEdits = w.back && w.edits.Last() || !w.back && w.edits.First()
	}
}

// settle says who is at the next key; it returns false at the end.
func (w *merged) settle() bool {
	if w.inTree {
		key := w.tree.Key()
		w.inTree = (w.upper == nil || bytes.Compare(key, w.upper) < 0) && bytes.Compare(key, w.lower) >= 0
	}
	switch {
	case !w.inTree && !w.inEdits:
		return false
	case !w.inEdits:
		w.order = -1
	case !w.inTree:
		w.order = 1
	default:
		w.order = bytes.Compare(w.tree.Key(), w.edits.Key()[w.skip:])
		if w.back {
			w.order = -w.order
		}
	}
	if w.order >= 0 && len(w.edits.Value()) == 0 {
		w.err = w.damaged(w.edits.Key()[w.skip:])
	}
	return w.err == nil
}

func (w *merged) next() {
	if w.order <= 0 {
		w.inTree = w.back && w.tree.Prev() || !w.back && w.tree.Next()
	}
	if w.order >= 0 {
		w.inEdits = w.back && w.edits.Prev() || !w.back && w.edits.Next()
	}
}

func (w *merged) key() []byte {
	if w.order < 0 {
		return w.tree.Key()
	}
	return w.edits.Key()[w.skip:]
}

// present reports whether the next key is there, not removed by an edit.
func (w *merged) present() bool {
	return w.order < 0 || w.edits.Value()[0]&stagedDelete == 0
}

func (w *merged) value() ([]byte, error) {
	if w.order < 0 {
		return w.tree.Value()
	}
	return w.edits.Value()[1:], nil
}

func (w *merged) close() error {
	if w.edits == nil {
		return w.tree.Err()
	}
	return errors.Join(w.err, w.tree.Err(), w.edits.Close())
}
