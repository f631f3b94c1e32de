package kvtest

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// CorruptionOptions say how much RunCorruption tries. The zero value is right for
// every run of the tests.
type CorruptionOptions struct {
	// Seeds are the histories, each with random options of the engine. Default
	// are the first two, one under -short, or what VARVE_SEED names.
	Seeds []uint64
	// Places is at how many bytes each file is damaged, in each way: all, if it
	// has no more content than that. Default 3000, 400 under -short; below 0
	// there is no limit.
	Places int
}

// RunCorruption damages each file of a small store, one that was closed and one
// that was not, in each place: a byte flipped, a sector zeroed, two sectors
// swapped, cut off, prolonged, removed, an older copy put back, a file put in the
// place of another one of its kind. Opening, reading all and Verify must then give
// an error that names a file, or the right answer; of a store that was not closed
// also the state before its last writes, where nothing left proves that they were
// there. See CheckCorruption.
func RunCorruption(t *testing.T, e Engine, opt CorruptionOptions) {
	opt.Seeds = testSeeds(t, opt.Seeds, 2)
	if opt.Places == 0 && testing.Short() {
		opt.Places = 400
	}
	for _, seed := range opt.Seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			if err := CheckCorruption(e, CorruptionOptions{Seeds: []uint64{seed}, Places: opt.Places}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// CheckCorruption is RunCorruption for programs that want the error: the first
// failure, with how it is seen again.
func CheckCorruption(e Engine, opt CorruptionOptions) error {
	if opt.Places == 0 {
		opt.Places = 3000
	}
	for _, seed := range diskSeeds(opt.Seeds, 2) {
		victims, err := corruptible(e, seed)
		if err != nil {
			return &replayError{e.Name, "corruption", seed, []string{"preparation"}, err}
		}
		for _, v := range victims {
			for d := range v.damages(seed, opt.Places) {
				if err := v.try(e, seed, d); err != nil {
					return &replayError{e.Name, "corruption", seed, []string{fmt.Sprintf("seed %d", seed), v.name, d.name}, err}
				}
			}
		}
	}
	return nil
}

// victim is a disk that will be damaged.
type victim struct {
	name    string
	disk    *vfs.Mem
	options uint64
	past    *diskHistory
	stages  []*vfs.Mem // earlier states of the disk
	// What must be there without an error: after a damaged byte, and after
	// other damage, which can look like a log that ends earlier.
	least, leastOther kv.Seq
	tried             int
}

// corruptible makes the disks, with an untouched history of some length.
func corruptible(e Engine, seed uint64) ([]*victim, error) {
	begins, err := diskImages(e, seed)
	if err != nil {
		return nil, err
	}
	closed, err := corruptClean(e, seed, begins[beginClean])
	if err != nil {
		return nil, fmt.Errorf("without any damage: %w", err)
	}
	open, err := corruptUnclean(e, seed, closed)
	if err != nil {
		return nil, fmt.Errorf("without any damage: %w", err)
	}
	return []*victim{closed, open}, nil
}

func corruptClean(e Engine, seed uint64, from diskImage) (*victim, error) {
	v := &victim{name: "closed store", stages: []*vfs.Mem{from.disk}}
	s := from.session(e, seed)
	err := s.run(func() error {
		if err := firstWrong(s.reopen(), v.write(s, 3), s.flush(), v.write(s, 4)); err != nil {
			return err
		}
		return s.close()
	})
	v.seal(s, s.acked, s.acked)
	return v, err
}

// corruptUnclean goes on with a closed store and cuts it off. All but the last
// write is then proven by a later one to have been durable.
func corruptUnclean(e Engine, seed uint64, closed *victim) (*victim, error) {
	v := &victim{name: "store that was not closed", stages: append(closed.stages, closed.disk)}
	s := diskImage{closed.disk, closed.past.newHistory(closed.past.all())}.session(e, seed)
	var flushed, before kv.Seq
	err := s.run(func() error {
		if err := firstWrong(s.reopen(), v.write(s, 2), s.flush()); err != nil {
			return err
		}
		flushed = s.acked
		if err := v.write(s, 5); err != nil {
			return err
		}
		before = s.acked
		err := v.write(s, 1)
		s.faulty.Crash()
		s.abandon()
		return err
	})
	v.seal(s, before, flushed)
	return v, err
}

// write makes n durable writes and keeps the disk before each.
func (v *victim) write(s *diskSession, n int) error {
	for i := range n {
		v.stages = append(v.stages, s.disk.Clone())
		b := new(kv.Batch)
		b.Put(dataKey(fmt.Sprint("w", i)), bytesOf(byte('a'+len(v.stages)), 600+300*i))
		b.Delete(dataKey(fmt.Sprint("k", len(v.stages))))
		if err := s.apply(s.store, b, kv.WriteOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func (v *victim) seal(s *diskSession, least, leastOther kv.Seq) {
	v.disk, v.options, v.past = s.disk.Clone(), s.options, s.diskHistory
	v.least, v.leastOther = least, leastOther
}

// maxDamagedAlloc is more than opening and reading a small damaged store may
// allocate, in bytes.
const maxDamagedAlloc = 64 << 20

// try damages a copy of the disk, opens it and reads all.
func (v *victim) try(e Engine, seed uint64, d damage) error {
	disk := v.disk.Clone()
	if err := d.do(disk); err != nil {
		return err
	}
	v.tried++
	s := &diskSession{machine: newMachine(e, seedFor(seed, v.tried), disk), diskHistory: v.past, options: v.options}
	measured := v.tried%64 == 0
	var before, after runtime.MemStats
	if measured {
		runtime.ReadMemStats(&before)
	}
	err := s.run(func() error { return v.judge(s, d) })
	if measured {
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > maxDamagedAlloc && err == nil {
			err = fmt.Errorf("%d bytes were allocated", n)
		}
	}
	return err
}

// judge opens the damaged store, reads all and verifies.
func (v *victim) judge(s *diskSession, d damage) error {
	store, err := s.open(s.options, func(env *Env) {
		env.MustExist = v.tried%2 == 0
		env.ReadOnly = v.tried%3 == 0
	})
	if err != nil {
		return d.accepts(err)
	}
	s.store = store
	defer func() {
		s.faulty.Crash()
		s.abandon()
	}()
	got, err := readStore(store)
	if err != nil {
		return d.accepts(err)
	}
	least := v.least
	if !d.oneByte {
		least = v.leastOther
	}
	if err := s.check(got, least); err != nil {
		return fmt.Errorf("a wrong answer: %w", err)
	}
	if err := verifyDisk(store); err != nil {
		return d.accepts(err)
	}
	return nil
}

// accepts returns nil if err is one with which a store may meet the damage.
func (d *damage) accepts(err error) error {
	var corrupt *kv.CorruptionError
	switch {
	case errors.As(err, &corrupt):
		if !inStore(corrupt.File) {
			return fmt.Errorf("the error does not name a file of the store: %w", err)
		}
		return nil
	case errors.Is(err, kv.ErrForeign), errors.Is(err, kv.ErrNewerFormat), d.removes && errors.Is(err, kv.ErrNotExist):
		return nil
	}
	return fmt.Errorf("the error does not say that a file is damaged: %w", err)
}

func inStore(name string) bool {
	name = path.Clean(name)
	return name == diskDir || len(name) > len(diskDir) && name[:len(diskDir)+1] == diskDir+"/"
}
