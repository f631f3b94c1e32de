package kvtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/varvedb/varve/vfs"
)

// CrashOptions say how much RunCrash tries. The zero value is right for every
// run of the tests.
type CrashOptions struct {
	// Seeds are the histories, each with random options of the engine. Default
	// are the first three, one under -short, or what VARVE_SEED names.
	Seeds []uint64
	// States is in how many random states the disk is left by each power cut,
	// besides with nothing unsynced and with everything. Default 3.
	States int
	// Recoveries is how often the power is cut again while each of these states
	// is opened, at different operations. Default 2; below 0, at each operation.
	Recoveries int
	// Every is how far apart the operations are at which the power is cut first,
	// from one that the seed chooses. Default 1, 3 under -short.
	Every int
}

func (o CrashOptions) filled() CrashOptions {
	o.Seeds = diskSeeds(o.Seeds, 3)
	if o.States == 0 {
		o.States = 3
	}
	if o.Recoveries == 0 {
		o.Recoveries = 2
	}
	o.Every = max(1, o.Every)
	return o
}

// RunCrash cuts the power at every disk operation of every scenario, and again
// while the store is opened after that, and checks what is left: all that was
// promised to survive, no part of a batch without the rest, no batch without
// those before it, no refused one, and a store that works. See CheckCrash.
func RunCrash(t *testing.T, e Engine, opt CrashOptions) {
	opt.Seeds, opt.Every = testSeeds(t, opt.Seeds, 3), testStep(opt.Every)
	for _, seed := range opt.Seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			one := opt
			one.Seeds = []uint64{seed}
			if err := CheckCrash(e, one); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// testSeeds returns the seeds of a test.
func testSeeds(t *testing.T, asked []uint64, n int) []uint64 {
	if len(asked) > 0 {
		return asked
	}
	if testing.Short() {
		n = 1
	}
	return seeds(t, n)
}

// testStep returns how far apart operations are tried.
func testStep(asked int) int {
	if asked == 0 && testing.Short() {
		return 3
	}
	return max(1, asked)
}

// CheckCrash is RunCrash for programs that want the error: the first failure,
// with how it is seen again.
func CheckCrash(e Engine, opt CrashOptions) error {
	opt = opt.filled()
	for _, seed := range opt.Seeds {
		begins, err := diskImages(e, seed)
		if err != nil {
			return &replayError{e.Name, "crash", seed, []string{"preparation"}, err}
		}
		for _, sc := range diskScenarios() {
			c := &crashTest{engine: e, opt: opt, seed: seed, scenario: sc, from: begins[sc.begin]}
			if err := c.everywhere(); err != nil {
				return &replayError{e.Name, "crash", seed, append([]string{fmt.Sprintf("seed %d", seed), sc.name}, c.where...), err}
			}
		}
	}
	return nil
}

// crashTest tries one scenario.
type crashTest struct {
	engine   Engine
	opt      CrashOptions
	seed     uint64
	scenario diskScenario
	from     diskImage
	where    []string // of the present try
}

// everywhere cuts the power at operation 0, 1, 2, … until the scenario ends
// before that.
func (c *crashTest) everywhere() error {
	for k := int64(c.seed % uint64(c.opt.Every)); ; k += int64(c.opt.Every) {
		c.where = []string{fmt.Sprintf("power cut at operation %d", k)}
		s, over, err := c.cut(k)
		if err != nil {
			return err
		}
		// Before an operation that changes nothing the disk is as it is at the
		// next one, where at least as much must have survived.
		if over || s.hit.Kind.Mutates() {
			if err := c.states(s, k); err != nil {
				return err
			}
		}
		if over {
			return nil
		}
	}
}

// cut runs the scenario and cuts the power at operation k, or at its end.
func (c *crashTest) cut(k int64) (s *diskSession, over bool, err error) {
	s = c.from.session(c.engine, c.seed)
	err = s.run(func() error {
		err := s.play(c.scenario, vfs.CrashAt(k))
		over = !s.faulty.Crashed()
		s.faulty.Crash()
		if !over {
			c.where[0] += fmt.Sprintf(" (%v %s)", s.hit.Kind, s.hit.Name)
			if !errors.Is(err, errWrongAnswer) {
				err = nil // the power is gone, so anything may fail
			}
		}
		s.abandon()
		return firstWrong(err, s.wrong)
	})
	return s, over, err
}

// diskState is one way in which a power cut leaves a disk.
type diskState struct {
	vfs.CrashOptions
	name string
}

func (c *crashTest) diskStates(k int64) []diskState {
	list := []diskState{
		{vfs.CrashOptions{Mode: vfs.KeepNone}, "nothing unsynced kept"},
		{vfs.CrashOptions{Mode: vfs.KeepAll}, "everything kept"},
	}
	add := func(mode vfs.CrashMode, n int) {
		for i := range n {
			opt := vfs.CrashOptions{Mode: mode, Seed: seedFor(c.seed, c.scenario.name, k, mode, i)}
			list = append(list, diskState{opt, fmt.Sprintf("%v %d", mode, i)})
		}
	}
	add(vfs.Mix, c.opt.States)
	if c.engine.Collateral {
		add(vfs.Collateral, c.opt.States)
	}
	return list
}

// states checks what can be left of the disk of s.
func (c *crashTest) states(s *diskSession, k int64) error {
	for i, st := range c.diskStates(k) {
		c.where = append(c.where[:1], st.name)
		survive := s.synced
		if st.Mode == vfs.KeepAll {
			survive = s.buffered // as if only the process had ended
		}
		r := &recovery{engine: c.engine, seed: seedFor(c.seed, k, i), options: s.options, past: s.diskHistory, survive: survive, copies: s.copies}
		disk := s.disk.CrashClone(st.CrashOptions)
		ops, err := r.check(disk)
		if err != nil {
			return err
		}
		for _, k2 := range c.again(ops, k, i) {
			c.where = append(c.where[:2], fmt.Sprintf("and again at operation %d of opening", k2))
			if err := r.checkAfter(disk, k2); err != nil {
				return err
			}
		}
	}
	return c.inPlace(s, k)
}

// inPlace lets only the process end: the store is opened on what the system has,
// not all of it durable, and the power is cut during that.
func (c *crashTest) inPlace(s *diskSession, k int64) error {
	c.where = append(c.where[:1], "only the process ended, then a power cut while it was opened")
	r := &recovery{engine: c.engine, seed: seedFor(c.seed, k, "in place"), options: s.options, past: s.diskHistory, survive: s.synced, copies: s.copies}
	if err := r.checkInPlace(s.disk); err != nil {
		return err
	}
	_, err := r.check(s.disk.CrashClone(vfs.CrashOptions{Seed: r.seed}))
	return err
}

// again chooses the operations of opening at which the power is cut again.
func (c *crashTest) again(ops, k int64, state int) (list []int64) {
	n := int64(c.opt.Recoveries)
	if n < 0 || n > ops {
		n = ops
	}
	for i := range n {
		// Evenly, from a start that moves on from one power cut to the next.
		start := int64(seedFor(c.seed, c.scenario.name, k, state) % uint64(ops))
		list = append(list, (start+i*ops/n)%ops)
	}
	return list
}
