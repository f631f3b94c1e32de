package vfs

import "maps"

// CrashMode says which of the operations that were not synced reached the disk
// before the power failed.
type CrashMode int

const (
	// Mix lets the seed choose among KeepSome, in most cases, KeepNone and
	// KeepAll.
	Mix CrashMode = iota
	// KeepNone keeps nothing but what was synced.
	KeepNone
	// KeepAll keeps everything.
	KeepAll
	// KeepSome keeps each operation or not, as the seed has it.
	//
	// Of a file, each sector that unsynced writes touched is as before them, or
	// as after any of them; so writes are torn, and reordered within and between
	// files. Each truncate and each punched hole is kept or lost by itself. The
	// length is any of those that the file had since the last sync, so that it
	// may have grown without data; what was not kept there reads as zeros.
	//
	// Of the entries of directories each create, link, rename, unlink and mkdir
	// is kept or lost, a rename as a whole. An operation on an entry is kept only
	// with all earlier ones on that entry, the removal of a directory only with
	// all that was done in it, and the rename of a directory only with all that
	// was done before. What stands in a directory that was lost is lost.
	KeepSome
	// Collateral does what KeepSome does, and a sector that unsynced writes
	// touched may in addition have lost all the rest of its bytes, which are then
	// random, even those that were synced.
	Collateral
)

// String names the mode.
func (mode CrashMode) String() string {
	switch mode {
	case Mix:
		return "mix"
	case KeepNone:
		return "keep none"
	case KeepAll:
		return "keep all"
	case KeepSome:
		return "keep some"
	case Collateral:
		return "collateral"
	}
	return "unknown crash mode"
}

// CrashOptions choose one of the states in which a power cut could leave a disk.
// Two disks with the same history have the same state for the same options.
type CrashOptions struct {
	// Seed makes all choices that the other options leave open.
	Seed uint64
	// Sector is the unit that the disk writes as a whole, in bytes. By default
	// the seed chooses 512, 4096 or 16384.
	Sector int
	// Mode is by default Mix, which never does collateral damage.
	Mode CrashMode
}

// CrashClone returns a new disk in a state in which a power cut at this moment
// could leave this one, which goes on as if nothing had happened. All that is on
// the new disk is durable. It has the capacity of the old one, is not read-only,
// and no lock on it is held. What was synced is there: the content of a file as
// of its last Sync except where later operations changed it, and the entries of
// a directory as of its last SyncDir likewise.
//
// The two disks share pages until one writes to them, so that a clone costs
// little more than what was not synced. The clone of an untracked disk is an
// exact copy.
func (m *Mem) CrashClone(opt CrashOptions) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newCrash(m, opt)
	unlock := m.lockInodes()
	defer unlock()
	return c.clone()
}

// Clone returns a new disk with all that programs see on this one now, durable.
func (m *Mem) Clone() *Mem { return m.CrashClone(CrashOptions{Mode: KeepAll}) }

// crash is the making of a clone. Each choice is a hash of the seed and of what
// it is about, so none depends on the order in which they are made.
type crash struct {
	old, new *Mem
	mode     CrashMode
	sector   int64
	seed     uint64
	tables   map[*inode]map[string]*inode // entries of directories after the crash
	made     map[*inode]*inode            // from old to new
}

func newCrash(m *Mem, opt CrashOptions) *crash {
	c := &crash{
		old: m, new: newMem(m.tracked), mode: opt.Mode, sector: int64(opt.Sector), seed: mix(opt.Seed),
		tables: map[*inode]map[string]*inode{},
		made:   map[*inode]*inode{},
	}
	if c.sector <= 0 {
		c.sector = []int64{512, 4096, 16384}[c.roll(aboutSector, 0)%3]
	}
	if c.mode == Mix {
		c.mode = []CrashMode{KeepSome, KeepSome, KeepSome, KeepSome, KeepSome, KeepSome,
			KeepNone, KeepAll}[c.roll(aboutMode, 0)%8]
	}
	return c
}

// What a choice is about; see crash.roll.
const (
	aboutSector uint64 = iota
	aboutMode
	aboutEntryOps
	aboutEntryOp
	aboutFile
	aboutLength
	aboutDataOp
	aboutVersion
	aboutDamage
)

// roll makes a choice, which is about something of a file or an operation id.
func (c *crash) roll(about, id uint64) uint64 { return mix(mix(c.seed^about<<56) + id) }

// lockInodes stops all work on files and returns the function that lets it go on.
func (m *Mem) lockInodes() (unlock func()) {
	held := map[*inode]bool{}
	var lock func(n *inode)
	lock = func(n *inode) {
		if n == nil || held[n] {
			return
		}
		held[n] = true
		n.mu.Lock()
		if n.dir == nil {
			return
		}
		for _, child := range n.dir.entries {
			lock(child)
		}
		for _, child := range n.dir.stable {
			lock(child)
		}
	}
	lock(m.root)
	for i := range m.entryOps {
		lock(m.entryOps[i].target)
		lock(m.entryOps[i].from.dir)
		lock(m.entryOps[i].to.dir)
	}
	return func() {
		for n := range held {
			n.mu.Unlock()
		}
	}
}

func (c *crash) clone() *Mem {
	c.applyEntryOps()
	c.new.nextID, c.new.nextOp = c.old.nextID, c.old.nextOp
	c.new.capacity.Store(c.old.capacity.Load())
	c.new.root = c.inode(c.old.root)
	c.new.root.links = 1
	return c.new
}

// applyEntryOps finds out which entries there are.
func (c *crash) applyEntryOps() {
	ops := c.old.entryOps
	bias := c.roll(aboutEntryOps, 0) % 3 // how many of four operations are kept, less one
	keep := closure(ops, func(i int) bool {
		switch c.mode {
		case KeepNone:
			return false
		case KeepAll:
			return true
		}
		return c.roll(aboutEntryOp, ops[i].seq)%4 <= bias
	})
	for i := range ops {
		if keep[i] {
			ops[i].apply(c.table)
		}
	}
}

// table returns the entries of a directory, to be changed.
func (c *crash) table(dir *inode) map[string]*inode {
	t := c.tables[dir]
	if t == nil {
		from := dir.dir.stable
		if !dir.tracked {
			from = dir.dir.entries
		}
		t = maps.Clone(from)
		c.tables[dir] = t
	}
	return t
}

// inode returns the new inode for an old one, with all that is below it.
func (c *crash) inode(old *inode) *inode {
	if n := c.made[old]; n != nil {
		return n
	}
	n := &inode{id: old.id, tracked: old.tracked}
	c.made[old] = n
	if old.dir == nil {
		n.replace(c.content(old))
		c.new.used.Add(n.now.used)
		return n
	}
	n.dir = &directory{entries: map[string]*inode{}}
	for name, child := range c.table(old) {
		made := c.inode(child)
		made.links++
		n.dir.entries[name] = made
	}
	if n.tracked {
		n.dir.stable = maps.Clone(n.dir.entries)
	}
	return n
}
