package varve_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"slices"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/lsm"
)

// Release is a value of the examples.
type Release struct {
	Year  int
	Notes []string
}

// memory opens a database in memory; programs name a directory.
func memory() *varve.DB {
	db, err := varve.Open("", nil)
	if err != nil {
		log.Fatal(err)
	}
	return db
}

// no ends an example that failed.
func no(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func Example() {
	db, err := varve.Open("", nil) // a directory makes it persistent
	no(err)
	defer db.Close()
	releases, err := varve.OpenMap[string, Release](db, "releases")
	no(err)
	no(releases.Put("go1.26", Release{Year: 2026}))
	r, ok, err := releases.Get("go1.26")
	fmt.Println(r.Year, ok, err)
	// Output: 2026 true <nil>
}

func ExampleDB() {
	db := memory()
	defer db.Close()
	_, err := varve.OpenMap[string, int](db, "app/users")
	no(err)
	_, err = varve.OpenList[string](db, "app/log")
	no(err)
	no(db.Rename("app/users", "app/people"))
	list, err := db.Collections("app/")
	no(err)
	for _, c := range list {
		fmt.Println(c.Name, c.Type)
	}
	// Output:
	// app/log list[string]
	// app/people map[string → int]
}

func ExampleDB_Update() {
	db := memory()
	defer db.Close()
	accounts, err := varve.OpenMap[string, int](db, "accounts")
	no(err)
	no(accounts.Put("ada", 10))
	err = db.Update(context.Background(), func(tx *varve.Tx) error {
		in := accounts.In(tx)
		have, _, err := in.Get("ada")
		if err != nil {
			return err
		}
		if have < 7 {
			return errors.New("not enough")
		}
		return errors.Join(in.Put("ada", have-7), in.Put("bob", 7))
	})
	no(err)
	ada, _, _ := accounts.Get("ada")
	bob, _, _ := accounts.Get("bob")
	fmt.Println(ada, bob)
	// Output: 3 7
}

func ExampleOptions() {
	// Writes are handed to the system, not to the disk, until Sync.
	db, err := varve.Open("", &varve.Options{Durability: varve.Buffered})
	no(err)
	defer db.Close()
	v, err := varve.OpenValue[int](db, "n")
	no(err)
	no(v.Set(1))
	no(v.Durable(varve.Sync).Set(2)) // but this one is on disk
	no(db.Sync(context.Background()))
	// Output:
}

// An engine with settings of its own, here a preset with one field changed.
func ExampleLSM() {
	settings := lsm.WriteHeavy()
	settings.WriteBuffer = 32 << 20
	db, err := varve.Open("", &varve.Options{Engine: varve.LSM(&settings)})
	no(err)
	defer db.Close()
	fmt.Println(db.Engine())
	// Output: lsm
}

func ExampleMap() {
	db := memory()
	defer db.Close()
	visits, err := varve.OpenMap[string, int](db, "visits", varve.Counted())
	no(err)
	for _, page := range []string{"/", "/about", "/"} {
		no(visits.Update(page, func(n int, _ bool) (int, bool) { return n + 1, true }))
	}
	n, _, err := visits.Get("/")
	no(err)
	_, inserted, err := visits.PutIfAbsent("/about", 100)
	no(err)
	size, err := visits.Len() // Counted: one read
	fmt.Println(n, inserted, size, err)
	// Output: 2 false 2 <nil>
}

func ExampleOrderedMap() {
	db := memory()
	defer db.Close()
	years, err := varve.OpenOrderedMap[string, int](db, "years")
	no(err)
	no(years.PutAll(maps.All(map[string]int{"go1.0": 2012, "go1.18": 2022, "go1.21": 2023, "rust1.0": 2015})))
	for name, year := range years.Prefix("go1.").Backward().All() {
		fmt.Println(name, year)
	}
	k, _, ok, err := years.Floor("go1.2")
	fmt.Println(k, ok, err)
	// Output:
	// go1.21 2023
	// go1.18 2022
	// go1.0 2012
	// go1.18 true <nil>
}

func ExampleOrderedMap_structKeys() {
	type key struct {
		Country string
		Year    int `varve:"desc"` // newest first
	}
	db := memory()
	defer db.Close()
	m, err := varve.OpenOrderedMap[key, string](db, "events")
	no(err)
	no(m.Put(key{"fr", 1789}, "a"))
	no(m.Put(key{"fr", 1968}, "b"))
	no(m.Put(key{"de", 1989}, "c"))
	for k, v := range m.PrefixFields(key{Country: "fr"}, 1).All() {
		fmt.Println(k.Year, v)
	}
	// Output:
	// 1968 b
	// 1789 a
}

func ExampleOrderedMap_Page() {
	db := memory()
	defer db.Close()
	m, err := varve.OpenOrderedMap[int, string](db, "m")
	no(err)
	for i := range 5 {
		no(m.Put(i, fmt.Sprint("v", i)))
	}
	var token []byte
	for {
		page, next, err := m.Page(token, 2)
		no(err)
		fmt.Println(page)
		if next == nil {
			break
		}
		token = next
	}
	// Output:
	// [{0 v0} {1 v1}]
	// [{2 v2} {3 v3}]
	// [{4 v4}]
}

func ExampleBound() {
	db := memory()
	defer db.Close()
	m, err := varve.OpenOrderedMap[int, bool](db, "m")
	no(err)
	for i := range 6 {
		no(m.Put(i, true))
	}
	fmt.Println(slices.Collect(m.KeyRange(varve.From(1), varve.To(3)).All()))
	fmt.Println(slices.Collect(m.KeyRange(varve.Above(1), varve.Below(3)).All()))
	fmt.Println(slices.Collect(m.KeyRange(varve.Above(3), varve.Unbounded[int]()).All()))
	// Output:
	// [1 2 3]
	// [2]
	// [4 5]
}

func ExampleCursor() {
	db := memory()
	defer db.Close()
	m, err := varve.OpenOrderedMap[string, int](db, "m")
	no(err)
	no(m.PutAll(maps.All(map[string]int{"a": 1, "b": 2, "c": 3})))
	c := m.All().Backward().Limit(2)
	for k, v := range c.All() {
		fmt.Println(k, v)
	}
	fmt.Println(c.Err())
	// Output:
	// c 3
	// b 2
	// <nil>
}

func ExampleKeyCursor() {
	db := memory()
	defer db.Close()
	m, err := varve.OpenOrderedMap[string, int](db, "m")
	no(err)
	no(m.PutAll(maps.All(map[string]int{"a": 1, "b": 2})))
	keys, values := m.Keys(), m.Values()
	fmt.Println(slices.Collect(keys.All()), slices.Collect(values.All()))
	fmt.Println(keys.Err(), values.Err())
	// Output:
	// [a b] [1 2]
	// <nil> <nil>
}

func ExampleSet() {
	db := memory()
	defer db.Close()
	words, err := varve.OpenSet[string](db, "words")
	no(err)
	no(words.AddAll(slices.Values([]string{"varve", "silt", "varve", "sand"})))
	added, err := words.AddNew("silt")
	no(err)
	fmt.Println(slices.Collect(words.All().All()), added)
	// Output: [sand silt varve] false
}

func ExampleList() {
	db := memory()
	defer db.Close()
	queue, err := varve.OpenList[string](db, "queue")
	no(err)
	no(queue.Push("b", "c"))
	no(queue.PushFront("a"))
	no(queue.Insert(1, "x"))
	first, ok, err := queue.PopFront()
	no(err)
	fmt.Println(first, ok, slices.Collect(queue.Values().All()))
	// Output: a true [x b c]
}

func ExampleValue() {
	type config struct{ Theme string }
	db := memory()
	defer db.Close()
	v, err := varve.OpenValue[config](db, "config")
	no(err)
	_, ok, err := v.Get()
	no(err)
	no(v.Set(config{"dark"}))
	c, _, err := v.Get()
	fmt.Println(ok, c.Theme, err)
	// Output: false dark <nil>
}

func ExampleChanges() {
	db := memory()
	defer db.Close()
	stock, err := varve.OpenMap[string, int](db, "stock")
	no(err)
	changes, err := stock.Watch(nil)
	no(err)
	defer changes.Close()

	no(errors.Join(stock.Put("apples", 3), stock.Put("pears", 5), stock.Delete("apples")))
	n := 0
	for commit := range changes.All(context.Background()) {
		for _, c := range commit {
			fmt.Println(c.Kind == varve.ChangeDelete, c.Key, c.Value)
		}
		if n++; n == 3 {
			break // changes.Token() names this place
		}
	}
	no(changes.Err())
	// Output:
	// false apples 3
	// false pears 5
	// true apples 0
}

func ExampleTx() {
	db := memory()
	defer db.Close()
	todo, err := varve.OpenSet[string](db, "todo")
	no(err)
	done, err := varve.OpenList[string](db, "done")
	no(err)
	no(todo.Add("write"))
	no(db.Update(context.Background(), func(tx *varve.Tx) error {
		task, ok, err := todo.In(tx).PopFirst()
		if err != nil || !ok {
			return err
		}
		return done.In(tx).Push(task) // moved, or not, but never both or neither
	}))
	empty, err := todo.IsEmpty()
	no(err)
	last, err := done.Get(0)
	fmt.Println(empty, last, err)
	// Output: true write <nil>
}

func ExampleSavepoint() {
	db := memory()
	defer db.Close()
	m, err := varve.OpenMap[string, int](db, "m")
	no(err)
	no(db.Update(context.Background(), func(tx *varve.Tx) error {
		no(m.In(tx).Put("kept", 1))
		s := tx.Savepoint()
		no(m.In(tx).Put("dropped", 2))
		return tx.Restore(s)
	}))
	kept, err := m.Has("kept")
	no(err)
	dropped, err := m.Has("dropped")
	fmt.Println(kept, dropped, err)
	// Output: true false <nil>
}

func ExampleSnapshot() {
	db := memory()
	defer db.Close()
	m, err := varve.OpenMap[string, int](db, "m")
	no(err)
	no(m.Put("a", 1))
	snap, err := db.Snapshot(context.Background())
	no(err)
	defer snap.Close()
	no(m.Put("a", 2))
	then, _, err := m.At(snap).Get("a")
	no(err)
	now, _, err := m.Get("a")
	fmt.Println(then, now, err)
	// Output: 1 2 <nil>
}

func ExampleBind() {
	var app struct {
		Users    *varve.OrderedMap[string, Release]
		Sessions *varve.Map[string, int] `varve:"live,counted"`
	}
	db := memory()
	defer db.Close()
	no(varve.Bind(db, &app))
	no(app.Sessions.Put("s1", 1))
	list, err := db.Collections("")
	no(err)
	for _, c := range list {
		fmt.Println(c.Name, c.Keys)
	}
	// Output:
	// live 1
	// users -1
}

func ExampleTypeError() {
	db := memory()
	defer db.Close()
	_, err := varve.OpenMap[string, int](db, "ages")
	no(err)
	_, err = varve.OpenMap[string, string](db, "ages")
	var wrong *varve.TypeError
	fmt.Println(errors.As(err, &wrong), wrong.Stored, "/", wrong.Wanted)
	// Output: true map[string → int] / map[string → string]
}

func ExampleVersionMap() {
	db, err := varve.Open("", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	stock, err := varve.OpenVersionMap[string, int](db, "stock")
	if err != nil {
		log.Fatal(err)
	}
	main, err := stock.Main()
	if err != nil {
		log.Fatal(err)
	}
	orders, err := varve.OpenList[string](db, "orders")
	if err != nil {
		log.Fatal(err)
	}
	// A commit and an entry in another collection, both or neither.
	err = db.Update(context.Background(), func(tx *varve.Tx) error {
		main, err := stock.In(tx).Main()
		if err != nil {
			return err
		}
		if err := main.Put("apples", 100); err != nil {
			return err
		}
		if _, err := main.Commit("First delivery", nil); err != nil {
			return err
		}
		return orders.In(tx).Push("100 apples")
	})
	if err != nil {
		log.Fatal(err)
	}
	n, _, err := main.Get("apples")
	fmt.Println(n, err)
	// Output: 100 <nil>
}
