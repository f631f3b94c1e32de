package bwtree

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Somebody has split a leaf and stopped before the page was swapped: the index leads
// to the right half already, and a key was written there. Who reads ranges does not
// take the whole leaf, which is still there, for both halves.
func TestAHalfDoneSplitHidesNothingFromRanges(t *testing.T) {
	ctx := context.Background()
	for name, read := range map[string]func(s *Store) (string, error){
		"forward": func(s *Store) (string, error) { return keysOf(s) },
		"backward": func(s *Store) (string, error) {
			var list []byte
			it := s.Iter(kv.IterOptions{})
			for ok := it.Last(); ok; ok = it.Prev() {
				list = append(list, it.Key()...)
			}
			slices.Reverse(list)
			return string(list), it.Close()
		},
		"checkpoint": func(s *Store) (string, error) {
			if err := s.Checkpoint(ctx, "copy"); err != nil {
				return "", err
			}
			return keysOfDir(s.opt.FS, "copy")
		},
		"flush": func(s *Store) (string, error) {
			if err := s.Flush(ctx); err != nil {
				return "", err
			}
			if err := s.Close(); err != nil {
				return "", err
			}
			return keysOfDir(s.opt.FS, "db")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := halfSplit(t)
			got, err := read(s)
			if err != nil || got != "acegiz" {
				t.Errorf("%q %v", got, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// halfSplit returns a store in which a split is half done, with the keys a, c, e, g,
// i and z, the last of which was written since.
func halfSplit(t *testing.T) *Store {
	t.Helper()
	s, err := Open(context.Background(), &Options{Dir: "db", FS: vfs.NewMem(), Fanout: 4, Deltas: 8})
	if err != nil {
		t.Fatal(err)
	}
	put := func(keys ...string) {
		t.Helper()
		var b kv.Batch
		for _, key := range keys {
			b.Put([]byte(key), nil)
		}
		if _, err := s.Apply(context.Background(), &b, kv.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "c", "e", "g", "i")
	_, l, _, err := s.tree.find(nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Seal()
	next, made := s.tree.makeSuccessor(l, nil)
	if !made || next.Right == nil {
		t.Fatalf("the leaf was not split: %+v", next)
	}
	s.tree.index.Store(s.tree.changed(s.tree.index.Load(), next))
	put("z")
	return s
}

func keysOf(s *Store) (list string, err error) {
	it := s.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		list += string(it.Key())
	}
	return list, it.Close()
}

func keysOfDir(fsys vfs.FS, dir string) (list string, err error) {
	s, err := Open(context.Background(), &Options{Dir: dir, FS: fsys})
	if err != nil {
		return "", fmt.Errorf("open: %w", err)
	}
	if list, err = keysOf(s); err != nil {
		return "", err
	}
	return list, s.Close()
}
