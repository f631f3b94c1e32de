package ethdb_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	eth "github.com/ethereum/go-ethereum/ethdb"
	"github.com/ethereum/go-ethereum/ethdb/memorydb"
	"github.com/varvedb/varve/conformance/ethdb"
	"github.com/varvedb/varve/kv"
)

// sideBySide is a database and go-ethereum's own, given the same operations.
type sideBySide struct {
	t         testing.TB
	got, want eth.KeyValueStore
	rng       *rand.Rand
}

func TestItHoldsWhatTheStoreOfGoEthereumHolds(t *testing.T) {
	each(t, func(t *testing.T, d *ethdb.Database, _ kv.Store) {
		s := sideBySide{t, d, memorydb.New(), rand.New(rand.NewPCG(1, 2))}
		for range 1500 {
			if s.step(); t.Failed() {
				return
			}
		}
	})
}

func (s *sideBySide) step() {
	switch s.rng.IntN(8) {
	case 0:
		s.get(s.key())
	case 1:
		s.iterate(s.key(), s.bound())
	case 2, 3:
		s.batch()
	case 4:
		start, end := s.bound(), s.bound()
		s.both(s.got.DeleteRange(start, end), s.want.DeleteRange(start, end))
	case 5:
		key := s.key()
		s.both(s.got.Delete(key), s.want.Delete(key))
	default:
		key, val := s.key(), s.value()
		s.both(s.got.Put(key, val), s.want.Put(key, val))
	}
}

// key returns one of few keys, with many that begin with others.
func (s *sideBySide) key() []byte {
	key := make([]byte, s.rng.IntN(4))
	for i := range key {
		key[i] = []byte{0, 'a', 'b', 0xff}[s.rng.IntN(4)]
	}
	return key
}

func (s *sideBySide) bound() []byte {
	if s.rng.IntN(4) == 0 {
		return nil
	}
	return s.key()
}

func (s *sideBySide) value() []byte {
	return bytes.Repeat([]byte{byte(s.rng.Uint32())}, s.rng.IntN(300))
}

func (s *sideBySide) both(got, want error) {
	s.t.Helper()
	no(s.t, got)
	no(s.t, want)
}

// batch fills a batch, which comes to one database directly or replayed on a
// second batch, to the other by Replay on it.
func (s *sideBySide) batch() {
	b := s.got.NewBatchWithSize(s.rng.IntN(100))
	defer b.Close()
	for range s.rng.IntN(30) {
		switch s.rng.IntN(6) {
		case 0:
			no(s.t, b.Delete(s.key()))
		case 1:
			no(s.t, b.DeleteRange(s.bound(), s.bound()))
		default:
			no(s.t, b.Put(s.key(), s.value()))
		}
	}
	no(s.t, b.Replay(s.want))
	if s.rng.IntN(2) == 0 {
		second := s.got.NewBatch()
		no(s.t, b.Replay(second))
		b = second
	}
	no(s.t, b.Write())
}

func (s *sideBySide) get(key []byte) {
	got, err := s.got.Get(key)
	want, missing := s.want.Get(key)
	if !bytes.Equal(got, want) || (err == nil) != (missing == nil) {
		s.t.Errorf("Get(%q) is %q, %v, not %q, %v", key, got, err, want, missing)
	}
}

func (s *sideBySide) iterate(prefix, start []byte) {
	got, want := s.got.NewIterator(prefix, start), s.want.NewIterator(prefix, start)
	defer want.Release()
	defer got.Release()
	for n := s.rng.IntN(100); n > 0; n-- {
		more := got.Next()
		if more != want.Next() || !bytes.Equal(got.Key(), want.Key()) || !bytes.Equal(got.Value(), want.Value()) {
			s.t.Errorf("from %q in %q, at %q with %d bytes, not at %q with %d", start, prefix,
				got.Key(), len(got.Value()), want.Key(), len(want.Value()))
		}
		if !more {
			break
		}
	}
	s.both(got.Error(), want.Error())
}
