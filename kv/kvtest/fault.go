package kvtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// FaultOptions say how much RunFault tries. The zero value is right for every
// run of the tests.
type FaultOptions struct {
	// Seeds are the histories, each with random options of the engine. Default
	// are the first two, one under -short, or what VARVE_SEED names.
	Seeds []uint64
	// Every is how far apart the operations are at which the disk fails, from
	// one that the seed chooses. Default 1, 3 under -short.
	Every int
}

// RunFault lets the disk fail at every operation of every scenario, in each way
// that disks fail: once, for good, by a short read or write, by a sync that drops
// what it should have written, by being full until there is room again, by
// becoming read-only. No call may panic or hang, answers must be right or errors,
// what was promised to survive must be there however the store is opened again,
// and what was refused must not. See CheckFault.
func RunFault(t *testing.T, e Engine, opt FaultOptions) {
	opt.Seeds, opt.Every = testSeeds(t, opt.Seeds, 2), testStep(opt.Every)
	for _, seed := range opt.Seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			if err := CheckFault(e, FaultOptions{Seeds: []uint64{seed}, Every: opt.Every}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// CheckFault is RunFault for programs that want the error: the first failure,
// with how it is seen again.
func CheckFault(e Engine, opt FaultOptions) error {
	for _, seed := range diskSeeds(opt.Seeds, 2) {
		begins, err := diskImages(e, seed)
		if err != nil {
			return &replayError{e.Name, "fault", seed, []string{"preparation"}, err}
		}
		for _, sc := range diskScenarios() {
			for _, f := range faults() {
				c := &faultTest{engine: e, every: max(1, opt.Every), seed: seed, scenario: sc, from: begins[sc.begin], fault: f}
				if err := c.everywhere(); err != nil {
					steps := append([]string{fmt.Sprintf("seed %d", seed), sc.name, f.name}, c.where...)
					return &replayError{e.Name, "fault", seed, steps, err}
				}
			}
		}
	}
	return nil
}

// fault is a way in which a disk fails.
type fault struct {
	name string
	// suits says at which operations it can happen.
	suits func(vfs.Op) bool
	// strike returns the error of the operation, or changes the disk.
	strike func(*vfs.Mem, vfs.Op) error
	// lasts makes it happen to all suitable operations from then on.
	lasts bool
	// drops says that what was only handed to the system may be lost.
	drops bool
	// mend takes the change of the disk back.
	mend func(*vfs.Mem)
	// harmless says that the store must read meanwhile and go on after mend.
	harmless bool
}

func ofKinds(list ...vfs.OpKind) func(vfs.Op) bool {
	return func(op vfs.Op) bool {
		for _, k := range list {
			if op.Kind == k {
				return true
			}
		}
		return false
	}
}

func faults() []fault {
	any := func(vfs.Op) bool { return true }
	mutates := func(op vfs.Op) bool { return op.Kind.Mutates() }
	grows := ofKinds(vfs.OpWrite, vfs.OpPreallocate, vfs.OpCreate, vfs.OpMkdir)
	with := func(err error) func(*vfs.Mem, vfs.Op) error {
		return func(*vfs.Mem, vfs.Op) error { return err }
	}
	short := func(err error) func(*vfs.Mem, vfs.Op) error {
		return func(_ *vfs.Mem, op vfs.Op) error { return vfs.ShortIO(int(op.Length/2), err) }
	}
	return []fault{
		{name: "one error", suits: any, strike: with(vfs.ErrInjected)},
		{name: "errors from then on", suits: any, strike: with(vfs.ErrInjected), lasts: true},
		{name: "writing fails from then on", suits: mutates, strike: with(vfs.ErrInjected), lasts: true},
		{name: "half a transfer", suits: ofKinds(vfs.OpRead, vfs.OpWrite), strike: short(vfs.ErrInjected)},
		{name: "a dropped sync", suits: ofKinds(vfs.OpSync), strike: with(vfs.DroppedSync(nil)), drops: true},
		{name: "no space once", suits: grows, strike: with(vfs.ErrNoSpace), harmless: true},
		{name: "no space after half a write", suits: ofKinds(vfs.OpWrite), strike: short(vfs.ErrNoSpace), harmless: true},
		{name: "a full disk", suits: grows, strike: fillDisk, mend: func(d *vfs.Mem) { d.SetCapacity(0) }, harmless: true},
		{name: "a read-only disk", suits: mutates, strike: freezeDisk, mend: func(d *vfs.Mem) { d.SetReadOnly(false) }},
	}
}

func fillDisk(disk *vfs.Mem, _ vfs.Op) error { disk.SetCapacity(1); return nil }

func freezeDisk(disk *vfs.Mem, _ vfs.Op) error { disk.SetReadOnly(true); return nil }

// faultTest tries one scenario with one fault.
type faultTest struct {
	engine   Engine
	every    int
	seed     uint64
	scenario diskScenario
	from     diskImage
	fault    fault
	where    []string
}

// everywhere lets the fault happen at the suitable operation 0, 1, 2, … until the
// scenario has no more of them.
func (c *faultTest) everywhere() error {
	for k := int(c.seed % uint64(c.every)); ; k += c.every {
		struck, err := c.at(k)
		if err != nil || !struck {
			return err
		}
	}
}

// hook returns a hook with which the fault happens at the suitable operation k.
func (c *faultTest) hook(s *diskSession, k int, struck *bool) func(vfs.Op) error {
	n := 0
	return func(op vfs.Op) error {
		if !c.fault.suits(op) {
			return nil
		}
		n++
		if n <= k || n > k+1 && !c.fault.lasts {
			return nil
		}
		if !*struck {
			c.where[0] += fmt.Sprintf(" (%v %s)", op.Kind, op.Name)
		}
		*struck = true
		return c.fault.strike(s.disk, op)
	}
}

// at runs the scenario with the fault at the suitable operation k, and looks at
// what is left.
func (c *faultTest) at(k int) (struck bool, err error) {
	list := endings()
	if !c.fault.harmless {
		i := seedFor(c.seed, c.scenario.name, c.fault.name, k) % uint64(len(list))
		list = list[i : i+1]
	}
	for _, end := range list {
		c.where = []string{fmt.Sprintf("at suitable operation %d", k), end.name}
		s := c.from.session(c.engine, c.seed)
		if struck, err = c.strike(s, k, end); err != nil || !struck {
			return struck, err
		}
		if err := c.reopen(s, k); err != nil {
			return struck, err
		}
	}
	return struck, nil
}

// ending is what is done after the scenario in which the disk failed.
type ending struct {
	name string
	run  func(*faultTest, *diskSession) error
}

func endings() []ending {
	return []ending{
		{"then closed", (*faultTest).closeAtOnce},
		{"then synced, then cut off", (*faultTest).syncAndCut},
		{"then used on", (*faultTest).goOn},
	}
}

// strike runs the scenario with the fault, and then the ending.
func (c *faultTest) strike(s *diskSession, k int, end ending) (struck bool, err error) {
	err = s.run(func() error {
		now := false
		err := s.play(c.scenario, c.hook(s, k, &now))
		struck = now
		switch {
		case !struck:
			s.arm(nil) // background work may go on
			return firstWrong(err, s.close(), s.wrong)
		case errors.Is(err, errWrongAnswer):
			return err
		case s.store != nil:
			if err := s.readBack(); err != nil && (c.fault.harmless || errors.Is(err, errWrongAnswer)) {
				return fmt.Errorf("read meanwhile: %w", err)
			}
			err = end.run(c, s)
		default:
			err = nil
		}
		c.mend(s)
		return firstWrong(err, s.wrong)
	})
	return struck, err
}

// mend ends the fault.
func (c *faultTest) mend(s *diskSession) {
	s.arm(nil)
	if c.fault.mend != nil {
		c.fault.mend(s.disk)
	}
}

// closeAtOnce closes the store while the disk still fails.
func (c *faultTest) closeAtOnce(s *diskSession) error {
	if err := s.close(); errors.Is(err, errWrongAnswer) {
		return err
	}
	return nil
}

// syncAndCut syncs when the fault is over, and ends without a close.
func (c *faultTest) syncAndCut(s *diskSession) error {
	c.mend(s)
	err := s.sync()
	for i := 0; i < 100 && errors.Is(err, kv.ErrNoSpace); i++ {
		s.sim.Yield()
		err = s.sync()
	}
	s.faulty.Crash()
	s.abandon()
	if err != nil && c.fault.harmless && !s.broken {
		return fmt.Errorf("sync after: %w", err)
	}
	return nil
}

// goOn uses the store when the fault is over.
func (c *faultTest) goOn(s *diskSession) error {
	c.mend(s)
	must := c.fault.harmless && !s.broken
	if err := s.readBack(); err != nil {
		return fmt.Errorf("read after: %w", err)
	}
	err := s.put(kv.Sync, "after", "the fault")
	for i := 0; i < 100 && errors.Is(err, kv.ErrNoSpace); i++ {
		s.sim.Yield() // a task in the background met the fault and is not done with it
		err = s.put(kv.Sync, "after", "the fault")
	}
	if err != nil && must {
		return fmt.Errorf("write after: %w", err)
	}
	if err := firstWrong(s.put(kv.Process, "after", "sync me"), s.sync()); err != nil && must {
		return fmt.Errorf("sync after: %w", err)
	}
	if err := s.readBack(); err != nil {
		return fmt.Errorf("read after: %w", err)
	}
	if s.wrong != nil {
		return s.wrong
	}
	if err := s.close(); errors.Is(err, errWrongAnswer) || err != nil && must {
		return fmt.Errorf("close after: %w", err)
	}
	return s.wrong
}

// reopen opens the store after a power cut, on the disk as it is, and after a
// power cut behind that.
func (c *faultTest) reopen(s *diskSession, k int) error {
	roll := seedFor(c.seed, c.scenario.name, c.fault.name, k)
	inPlace := s.buffered
	if c.fault.drops {
		inPlace = s.synced
	}
	for i, st := range []struct {
		name    string
		disk    func() *vfs.Mem
		survive kv.Seq
	}{
		{"after a power cut, nothing unsynced kept", func() *vfs.Mem { return s.disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone}) }, s.synced},
		{"after a power cut", func() *vfs.Mem { return s.disk.CrashClone(vfs.CrashOptions{Seed: roll}) }, s.synced},
		{"opened again", s.disk.Clone, inPlace},
		{"opened again, then after a power cut", func() *vfs.Mem { return s.disk.CrashClone(vfs.CrashOptions{Seed: roll}) }, s.synced},
	} {
		c.where = append(c.where[:2], st.name)
		r := &recovery{engine: c.engine, seed: seedFor(c.seed, k, i), options: s.options, past: s.diskHistory, survive: st.survive, copies: s.copies}
		if i == 2 {
			if err := firstWrong(r.checkReadOnly(s.disk), r.checkInPlace(s.disk)); err != nil {
				return err
			}
		}
		if _, err := r.check(st.disk()); err != nil {
			return err
		}
	}
	return nil
}
