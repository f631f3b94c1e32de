// Command collections walks through the plain collections as vsdb's quick start
// does, step for step, and checks each result.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/varvedb/varve"
)

func main() {
	dir, err := os.MkdirTemp("", "varve-example-")
	if err == nil {
		err = errors.Join(run(os.Stdout, dir), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, dir string) error {
	db, err := varve.Open(dir, nil)
	if err != nil {
		return err
	}
	for _, step := range []func(io.Writer, *varve.DB) error{hashMap, orderedMap, rawMap, orphan, nested} {
		if err := step(out, db); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	if err := db.Close(); err != nil {
		return err
	}
	return reopen(out, dir)
}

// expect is an error unless got is want.
func expect[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// hashMap: Mapx, like a hash map.
func hashMap(out io.Writer, db *varve.DB) error {
	m, err := varve.OpenMap[string, int](db, "mapx")
	if err != nil {
		return err
	}
	err = errors.Join(m.Put("one", 1), m.Put("two", 2), m.Put("three", 3))
	if err != nil {
		return err
	}
	two, ok, err := m.Get("two")
	if err = errors.Join(err, expect("get two", two, 2), expect("two is there", ok, true)); err != nil {
		return err
	}
	// Change in place.
	if err := m.Update("two", func(old int, _ bool) (int, bool) { return old * 10, true }); err != nil {
		return err
	}
	// The value that is there, or this one.
	four, err := m.GetOrPut("four", func() int { return 4 })
	if err = errors.Join(err, expect("get or put", four, 4), m.Delete("one")); err != nil {
		return err
	}
	all := m.All()
	got := maps.Collect(all.All())
	fmt.Fprintln(out, "map:", got)
	return errors.Join(all.Err(), expect("map", fmt.Sprint(got), "map[four:4 three:3 two:20]"))
}

// orderedMap: MapxOrd, like a B-tree map.
func orderedMap(out io.Writer, db *varve.DB) error {
	m, err := varve.OpenOrderedMap[uint32, string](db, "mapx_ord")
	if err != nil {
		return err
	}
	err = m.PutAll(maps.All(map[uint32]string{10: "ten", 20: "twenty", 30: "thirty"}))
	if err != nil {
		return err
	}
	first, _, _, err1 := m.First()
	last, _, _, err2 := m.Last()
	le, _, _, err3 := m.Floor(25)   // get_le
	ge, _, _, err4 := m.Ceiling(25) // get_ge
	middle := m.Range(varve.From[uint32](10), varve.Below[uint32](30))
	var keys []uint32
	for k := range middle.All() {
		keys = append(keys, k)
	}
	fmt.Fprintln(out, "ordered:", first, last, le, ge, keys)
	return errors.Join(err1, err2, err3, err4, middle.Err(),
		expect("ordered", fmt.Sprint(first, last, le, ge, keys), "10 30 20 30 [10 20]"))
}

// rawMap: MapxRaw, bytes to bytes.
func rawMap(out io.Writer, db *varve.DB) error {
	m, err := varve.OpenRawMap(db, "mapx_raw")
	if err != nil {
		return err
	}
	if err := errors.Join(m.Put([]byte{1}, []byte("x")), m.Put([]byte{1, 0}, []byte("y"))); err != nil {
		return err
	}
	v, _, err := m.Get([]byte{1, 0})
	if err = errors.Join(err, m.Clear()); err != nil {
		return err
	}
	empty, err := m.IsEmpty()
	fmt.Fprintln(out, "raw:", string(v), empty)
	return errors.Join(err, expect("raw", bytes.Equal(v, []byte("y")) && empty, true))
}

// orphan: Orphan, a single value.
func orphan(out io.Writer, db *varve.DB) error {
	v, err := varve.OpenValue[int](db, "orphan")
	if err != nil {
		return err
	}
	if _, err := v.SetIfAbsent(41); err != nil {
		return err
	}
	if err := v.Update(func(old int, _ bool) (int, bool) { return old + 1, true }); err != nil {
		return err
	}
	n, _, err := v.Get()
	fmt.Fprintln(out, "value:", n)
	return errors.Join(err, expect("value", n, 42))
}

// nested: a handle is stored as a value of another collection.
func nested(out io.Writer, db *varve.DB) error {
	inner, err := varve.OpenMap[string, int](db, "mapx")
	if err != nil {
		return err
	}
	outer, err := varve.OpenMap[string, *varve.Map[string, int]](db, "by_name")
	if err != nil {
		return err
	}
	if err := outer.Put("numbers", inner); err != nil {
		return err
	}
	handle, _, err := outer.Get("numbers")
	if err != nil {
		return err
	}
	if err := handle.Attach(db); err != nil {
		return err
	}
	three, _, err := handle.Get("three")
	fmt.Fprintln(out, "nested:", three)
	return errors.Join(err, expect("nested", three, 3))
}

// reopen: everything is there in the next run, by name.
func reopen(out io.Writer, dir string) error {
	db, err := varve.Open(dir, &varve.Options{MustExist: true})
	if err != nil {
		return err
	}
	defer db.Close()
	list, err := db.Collections("")
	if err != nil {
		return err
	}
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	m, err := varve.OpenMap[string, int](db, "mapx")
	if err != nil {
		return err
	}
	n, err := m.Len()
	fmt.Fprintln(out, "reopened:", names, n)
	want := []string{"by_name", "mapx", "mapx_ord", "mapx_raw", "orphan"}
	return errors.Join(err, expect("names", slices.Equal(names, want), true), expect("entries", n, 3))
}
