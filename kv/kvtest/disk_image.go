package kvtest

import (
	"fmt"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// diskImage is a disk from which runs begin, and what was done on it.
type diskImage struct {
	disk *vfs.Mem
	past *diskHistory
}

// diskImages makes the disks of one seed.
func diskImages(e Engine, seed uint64) (map[beginning]diskImage, error) {
	made := map[beginning]diskImage{}
	empty := diskImage{disk: vfs.NewMem(), past: &diskHistory{}}
	made[beginEmpty] = empty
	for _, next := range []struct {
		begin beginning
		from  beginning
		run   func(*diskSession) error
	}{
		{beginClean, beginEmpty, func(s *diskSession) error { return firstWrong(s.fill(12), s.close()) }},
		{beginUnclean, beginClean, func(s *diskSession) error { return s.fill(5) }},
	} {
		s := made[next.from].session(e, seed)
		err := s.run(func() error {
			if err := s.reopen(); err != nil {
				return err
			}
			err := next.run(s)
			s.faulty.Crash()
			s.abandon()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("without any fault: %w", err)
		}
		made[next.begin] = diskImage{disk: s.disk.Clone(), past: s.newHistory(s.all())}
	}
	return made, nil
}

// session returns a machine with a copy of the disk. Every fifth seed is for the
// default options.
func (im diskImage) session(e Engine, seed uint64) *diskSession {
	s := &diskSession{machine: newMachine(e, seedFor(seed, "machine"), im.disk.Clone()), diskHistory: im.past.newHistory(im.past.base)}
	if seed%5 != 2 {
		s.options = seedFor(seed, "options")
	}
	return s
}

// fill makes n writes of all kinds, each at least handed to the system.
func (s *diskSession) fill(n int) error {
	for i := range n {
		b := new(kv.Batch)
		b.Put(dataKey(fmt.Sprint("k", i)), bytesOf(byte('A'+i), 20+i*37%400))
		b.Put(dataKey("newest"), fmt.Append(nil, i))
		b.Merge(kv.MergeAdd, dataKey("sum"), kv.AppendAdd(nil, int64(i)))
		if i%4 == 3 {
			b.Delete(dataKey(fmt.Sprint("k", i-2)))
			b.DeleteRange(dataKey("l"), dataKey("lz"))
		}
		if err := s.apply(s.store, b, kv.WriteOptions{Durability: kv.Durability(i % 2)}); err != nil {
			return err
		}
		if i == n/2 {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// abandon ends the store on a machine without power.
func (s *diskSession) abandon() {
	if s.store != nil {
		// It cannot do more than end; that it does end is what is asked.
		_ = s.store.Close()
		s.store = nil
	}
}
