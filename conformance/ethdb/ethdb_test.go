package ethdb_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	eth "github.com/ethereum/go-ethereum/ethdb"
	"github.com/ethereum/go-ethereum/ethdb/dbtest"
	"github.com/ethereum/go-ethereum/ethdb/memorydb"
	"github.com/varvedb/varve/conformance/ethdb"
	"github.com/varvedb/varve/conformance/internal/engines"
	"github.com/varvedb/varve/kv"
)

// id of the databases of the tests; all that the other bytes of a prefix can be
// is in it.
const id = 0x00_01_7f_80_fe_ff_ff_ff

// verified is a database that is verified when it is closed.
type verified struct {
	*ethdb.Database
	t     testing.TB
	store engines.Store
}

func (v verified) Close() error {
	engines.Close(v.t, v.store)
	return v.Database.Close()
}

func TestTheSuiteOfGoEthereumPasses(t *testing.T) {
	for name, open := range engines.All(engines.System) {
		t.Run(name, func(t *testing.T) {
			dbtest.TestDatabaseSuite(t, func() eth.KeyValueStore {
				s := open(t)
				return verified{ethdb.New(s, id, ethdb.Options{Owned: true}), t, s}
			})
		})
	}
}

func BenchmarkTheSuiteOfGoEthereum(b *testing.B) {
	for name, open := range engines.Usual(engines.System) {
		b.Run(name, func(b *testing.B) {
			dbtest.BenchDatabaseSuite(b, func() eth.KeyValueStore {
				return ethdb.New(open(b), id, ethdb.Options{Owned: true, Durability: kv.Process})
			})
		})
	}
}

// each runs test on a database of each engine, and verifies its store after.
func each(t *testing.T, test func(t *testing.T, d *ethdb.Database, s kv.Store)) {
	for name, open := range engines.All(engines.System) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { engines.Close(t, s) })
			test(t, ethdb.New(s, id, ethdb.Options{Durability: kv.Process}), s)
		})
	}
}

func no(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fill(t testing.TB, w eth.KeyValueWriter, keys ...string) {
	t.Helper()
	for _, k := range keys {
		no(t, w.Put([]byte(k), []byte("of "+k)))
	}
}

// hold fails the test unless the keys are all that the database holds.
func hold(t testing.TB, d eth.Iteratee, keys ...string) {
	t.Helper()
	if got := rest(t, d.NewIterator(nil, nil)); !slices.Equal(got, keys) {
		t.Errorf("the database holds %q, not %q", got, keys)
	}
}

func rest(t testing.TB, it eth.Iterator) (keys []string) {
	t.Helper()
	defer it.Release()
	for it.Next() {
		if string(it.Value()) != "of "+string(it.Key()) {
			t.Errorf("the value of %q is %q", it.Key(), it.Value())
		}
		keys = append(keys, string(it.Key()))
	}
	no(t, it.Error())
	return keys
}

func TestADatabaseStaysInItsKeyspace(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, s kv.Store) {
		all := make(map[uint64]*ethdb.Database)
		for _, n := range []uint64{0, id - 1, id, id + 1, math.MaxUint64} {
			all[n] = ethdb.New(s, n, ethdb.Options{})
			fill(t, all[n], "", "a", "\xff", strings.Repeat("\xff", 40))
		}
		for n, d := range all {
			b := d.NewBatch()
			no(t, b.DeleteRange(nil, nil))
			fill(t, b, "b")
			no(t, b.Write())
			hold(t, d, "b")
			no(t, d.Compact(nil, nil))
			no(t, d.DeleteRange(nil, nil))
			hold(t, d)
			for other, d := range all {
				if other != n {
					hold(t, d, "", "a", "\xff", strings.Repeat("\xff", 40))
				}
			}
			fill(t, d, "", "a", "\xff", strings.Repeat("\xff", 40))
		}
	})
}

func TestOnlyNilIsNoBound(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		fill(t, d, "", "a", "b", "c")
		no(t, d.DeleteRange(nil, []byte{}))
		no(t, d.DeleteRange([]byte("c"), []byte("a")))
		no(t, d.Compact([]byte("a"), []byte{}))
		hold(t, d, "", "a", "b", "c")
		no(t, d.DeleteRange([]byte("b"), nil))
		hold(t, d, "", "a")
		no(t, d.DeleteRange(nil, []byte("a")))
		hold(t, d, "a")
	})
}

func TestAnAbsentKeyIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		if _, err := d.Get([]byte("a")); !errors.Is(err, ethdb.ErrNotFound) {
			t.Errorf("Get returned %v", err)
		}
		no(t, d.Delete([]byte("a")))
	})
}

func TestAnEmptyValueIsThere(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		no(t, d.Put([]byte("a"), nil))
		val, err := d.Get([]byte("a"))
		no(t, err)
		if val == nil || len(val) != 0 {
			t.Errorf("the value is %#v", val)
		}
	})
}

func TestAnIteratorSeesTheStateOfItsMaking(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		fill(t, d, "a", "b", "c")
		it := d.NewIterator(nil, []byte("b"))
		no(t, d.DeleteRange(nil, nil))
		fill(t, d, "b1")
		if got := rest(t, it); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("the iterator visits %q", got)
		}
	})
}

func TestAnIteratorHasAKeyOnlyWhileAtAnEntry(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		no(t, d.Put(nil, nil))
		it := d.NewIterator(nil, nil)
		away := func(when string) {
			if it.Key() != nil || it.Value() != nil {
				t.Errorf("%s: at %q with %q", when, it.Key(), it.Value())
			}
		}
		away("before Next")
		if !it.Next() || it.Key() == nil || len(it.Key()) != 0 || len(it.Value()) != 0 {
			t.Errorf("the only entry is %q with %q", it.Key(), it.Value())
		}
		if it.Next() {
			t.Error("there is a second entry")
		}
		away("at the end")
		it.Release()
		it.Release()
		if it.Next() || it.Error() != nil {
			t.Errorf("after Release: %v", it.Error())
		}
		away("after Release")
	})
}

func TestAnIteratorThatIsNotReleasedIsReported(t *testing.T) {
	for name, open := range engines.All(engines.System) {
		t.Run(name, func(t *testing.T) {
			d := ethdb.New(open(t), id, ethdb.Options{Owned: true})
			fill(t, d, "a", "b")
			it := d.NewIterator(nil, nil)
			if err := d.Close(); err == nil {
				t.Error("Close reports nothing")
			}
			if it.Next(); it.Next() || !errors.Is(it.Error(), kv.ErrClosed) {
				t.Errorf("the iterator ends with %v", it.Error())
			}
			it.Release()
		})
	}
}

func TestABatchReplaysAllThatItHolds(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, s kv.Store) {
		for _, n := range []uint64{id, math.MaxUint64} {
			b := ethdb.New(s, n, ethdb.Options{}).NewBatchWithSize(100)
			fill(t, b, "a", "b", "c", "d")
			no(t, b.Delete([]byte("b")))
			no(t, b.DeleteRange([]byte("d"), nil))
			no(t, b.DeleteRange(nil, []byte("b")))
			fill(t, b, "e")
			if size := 5*len("a"+"of a") + len("b") + len("d") + len("b"); b.ValueSize() != size {
				t.Errorf("the size is %d, not %d", b.ValueSize(), size)
			}
			for _, w := range []interface {
				eth.KeyValueWriter
				eth.Iteratee
			}{memorydb.New(), d} {
				no(t, b.Replay(w))
				hold(t, w, "c", "e")
			}
			no(t, d.DeleteRange(nil, nil))
		}
	})
}

func TestABatchIsEmptyAfterReset(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		b := d.NewBatch()
		defer b.Close()
		fill(t, b, "a")
		if err := b.Put(make([]byte, kv.MaxKey), nil); !errors.Is(err, kv.ErrTooLarge) {
			t.Errorf("Put returned %v", err)
		}
		if err := b.Write(); !errors.Is(err, kv.ErrTooLarge) {
			t.Errorf("Write returned %v", err)
		}
		b.Reset()
		if b.ValueSize() != 0 {
			t.Errorf("the size is %d", b.ValueSize())
		}
		fill(t, b, "b")
		no(t, b.Write())
		hold(t, d, "b")
	})
}

// writer can put and delete, but no ranges.
type writer struct{ eth.KeyValueWriter }

func TestARangeIsNotReplayedOnWhatHasNone(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		b := d.NewBatch()
		no(t, b.DeleteRange(nil, nil))
		if err := b.Replay(writer{d}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Replay returned %v", err)
		}
	})
}

func TestAfterCloseEverythingIsErrClosed(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, s kv.Store) {
		fill(t, d, "a")
		b := d.NewBatch()
		fill(t, b, "b")
		no(t, d.Close())
		no(t, d.Close())
		_, has := d.Has(nil)
		_, got := d.Get(nil)
		_, stat := d.Stat()
		for name, err := range map[string]error{"Has": has, "Get": got, "Stat": stat, "Put": d.Put(nil, nil), "Delete": d.Delete(nil),
			"DeleteRange": d.DeleteRange(nil, nil), "Write": b.Write(), "Compact": d.Compact(nil, nil), "SyncKeyValue": d.SyncKeyValue(),
			"NewIterator": d.NewIterator(nil, nil).Error()} {
			if !errors.Is(err, kv.ErrClosed) {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
		hold(t, ethdb.New(s, id, ethdb.Options{}), "a") // the store is open
	})
}

func TestStatNamesTheCounters(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		fill(t, d, "a")
		text, err := d.Stat()
		no(t, err)
		if !strings.Contains(text, "batches: 1\n") {
			t.Errorf("it says %q", text)
		}
	})
}
