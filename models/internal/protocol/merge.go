package protocol

import "github.com/varvedb/varve/models/internal/explore"

// The protocol by which a page is merged into the one left of it. The right leaf is
// sealed with a successor that says so. Whoever meets it seals the left leaf, kills
// the empty slots of both and publishes a successor that has absorbed them, unless
// the left leaf has another successor, which is installed first. Installing takes the
// right page out of the index, if the left page still has that leaf, then swaps the
// left page, and last frees the right one.
//
// The range is open again once the left page is swapped, and may be split anew at the
// same separator, while some helper has loaded the left leaf and done nothing yet, and
// while the right page still has its leaf. So a helper that has loaded the left leaf
// asks the index whether it still leads to the page that is to be merged.
//
// There are pages of adjacent ranges, as many as there are keys, each with a leaf that
// holds its key; mergers, who each merge the page of a key; writers, whose change finds
// room or makes a successor, which is two leaves where a leaf holds several keys; and
// one who reads a key, or scans all. Each of them helps with what it meets, and may
// stop anywhere for as long as it likes.

// MergeBug is a mistake that the merge model can be told to make.
type MergeBug int

// The mistakes.
const (
	NoMergeBug MergeBug = iota
	// AbsorbUnsealed absorbs the left leaf without sealing it.
	AbsorbUnsealed
	// MergeAgain does not ask whether the index still leads to the page that is to be
	// merged: a late helper merges it into a leaf that was split off since.
	MergeAgain
	// ScanTheSplit lets a scan take a leaf for the whole that is being split, while
	// the index leads to its right half already.
	ScanTheSplit
)

const (
	mergeProcesses = 5
	mergeLeaves    = 10
	mergePages     = 6
	mergeKeys      = 3
	freed          = 99 // a page without a leaf
)

// mergeLeaf is a leaf with one slot, for the keys from low up to high. Items are a bit
// for each key that is there at the start, and one for each writer.
type mergeLeaf struct {
	low, high       uint8
	base            uint8 // set of items
	slot            uint8 // 0 empty, item+1, or dead
	claimed, sealed bool
	next            uint8 // kind of the successor
	left            uint8 // the successor
	page            uint8 // the one of the right half, or the absorbed one
}

// The kinds of successors.
const (
	nextNone     = iota
	nextPlain    // one leaf
	nextSplit    // two, the upper of which has a new page
	nextAbsorbed // one, with what the page right of it had
	nextInto     // it is merged into the page left of it
)

// mergeStep is where a process is.
type mergeStep uint8

const (
	mSee mergeStep = iota
	mRoute
	mLoad
	// Of a writer and of a merger:
	mClaim
	mPublish
	mKill
	mSucceed
	// Of who reads:
	mSeeNewest
	mCheckNext
	mLook
	// Of who installs a successor:
	mLoadIndex
	mCheckPage
	mChange
	mSwap
	mFree
	// Of who merges a page into its neighbour:
	mCheckRight
	mLoadLeft
	mCurrent
	mCheckLeft
	mSealLeft
	mKillLeft
	mKillRight
	mAbsorb
	mDone
)

// mergeProcess is a process: the leaf that it works on, the one that it merges into its
// neighbour, and the one whose successor it installs.
type mergeProcess struct {
	at       mergeStep
	work     place
	merging  place
	installs place
	helps    bool // merging is set

	has   bool // the index had the separator when it was loaded,
	stale bool // and has changed since

	key     uint8
	seen    uint8 // items that were visible
	found   uint8
	carried bool // its change is in a successor that it has published
}

// place is a page and the leaf that was read of it.
type place struct{ page, leaf uint8 }

// mergeState is the shared memory and the processes.
type mergeState struct {
	leaves [mergeLeaves]mergeLeaf
	pages  [mergePages]uint8 // the leaf, or freed
	index  [mergeKeys]uint8  // the page from a key on, 0 for none, but for key 0
	used   uint8             // leaves
	handed uint8             // pages
	done   uint8             // items whose puts have returned
	procs  [mergeProcesses]mergeProcess
	wrong  bool
}

// MergeCase says who there is.
type MergeCase struct {
	Keys    int     // and pages at the start: 2 or 3
	Full    bool    // no leaf has room: each put makes a successor
	Writers []uint8 // the keys that they put
	Mergers []uint8 // the keys whose pages they merge
	Get     []uint8 // the keys that are asked for
	Scan    bool    // somebody reads all
}

// mergeModel is a case with a mistake.
type mergeModel struct {
	MergeCase
	bug MergeBug
}

// Merge returns the model of merging.
func Merge(bug MergeBug, c MergeCase) explore.Model[mergeState] {
	m := mergeModel{c, bug}
	n := len(c.Writers) + len(c.Mergers) + len(c.Get)
	if c.Scan {
		n++
	}
	parkable := make([]int, n)
	for i := range parkable {
		parkable[i] = i
	}
	return explore.Model[mergeState]{
		Start:     m.start(n),
		Processes: n,
		Next:      m.next,
		Finished:  func(s mergeState, p int) bool { return s.procs[p].at == mDone },
		Wrong:     func(s mergeState) string { return m.wrong(&s, n) },
		Parkable:  parkable,
	}
}

func (m *mergeModel) start(processes int) mergeState {
	s := mergeState{handed: uint8(m.Keys), done: 1<<m.Keys - 1}
	for k := range uint8(m.Keys) {
		s.pages[k], s.index[k] = m.leaf(&s, k, k+1, 1<<k), k
	}
	for n := range processes {
		s.procs[n] = mergeProcess{at: mRoute, key: m.keyOf(n)}
		if m.scans(n) {
			s.procs[n].at = mSee
		}
	}
	return s
}

// keyOf returns the key that a process is about.
func (m *mergeModel) keyOf(n int) uint8 {
	for _, list := range [][]uint8{m.Writers, m.Mergers, m.Get} {
		if n < len(list) {
			return list[n]
		}
		n -= len(list)
	}
	return 0
}

func (m *mergeModel) writes(n int) bool { return n < len(m.Writers) }

func (m *mergeModel) merges(n int) bool {
	return !m.writes(n) && n < len(m.Writers)+len(m.Mergers)
}

func (m *mergeModel) scans(n int) bool {
	return n == len(m.Writers)+len(m.Mergers)+len(m.Get)
}

// item returns what a writer puts.
func (m *mergeModel) item(n int) uint8 { return 1 << (m.Keys + n) }

// from returns the items of the keys from one on.
func (m *mergeModel) from(key uint8) (items uint8) {
	for k := key; k < uint8(m.Keys); k++ {
		items |= 1 << k
	}
	for n, k := range m.Writers {
		if k >= key {
			items |= m.item(n)
		}
	}
	return items
}

// content returns the items of a leaf.
func (l *mergeLeaf) content() uint8 {
	if l.slot == 0 || l.slot == dead {
		return l.base
	}
	return l.base | 1<<(l.slot-1)
}

// wrong says what must not be.
func (m *mergeModel) wrong(s *mergeState, processes int) string {
	if s.wrong {
		return "what was visible is not read, or twice"
	}
	if what := m.misplaced(s); what != "" {
		return what
	}
	for _, p := range s.procs[:processes] {
		if p.at != mDone {
			return ""
		}
	}
	var all uint8
	for k := range uint8(m.Keys) {
		l := &s.leaves[s.pages[s.route(k)]]
		all |= l.content() & m.from(k) &^ m.from(l.high)
	}
	if all != m.from(0) {
		return "a write is lost"
	}
	return ""
}

// misplaced says whether a page is in two places, or nowhere: leaves to which the
// index leads lie side by side, but where one is being split or merged.
func (m *mergeModel) misplaced(s *mergeState) string {
	for k := uint8(0); k < uint8(m.Keys); k++ {
		if k > 0 && s.index[k] == 0 {
			continue
		}
		if s.pages[s.index[k]] == freed {
			return "the index leads to a page that was freed"
		}
		end := k + 1
		for end < uint8(m.Keys) && s.index[end] == 0 {
			end++
		}
		l := &s.leaves[s.pages[s.index[k]]]
		split := l.next == nextSplit && s.leaves[l.left].high == end && s.index[end] == l.page
		absorbed := l.next == nextAbsorbed && s.leaves[l.left].high == end
		if l.low != k || l.high != end && !split && !absorbed {
			return "a page holds other keys than those for which the index leads to it"
		}
	}
	return ""
}

// route returns the page of a key.
func (s *mergeState) route(key uint8) uint8 {
	for ; key > 0; key-- {
		if s.index[key] != 0 {
			return s.index[key]
		}
	}
	return 0
}

func (m *mergeModel) next(s mergeState, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	switch {
	case p.at < mClaim:
		m.find(&s, n, step)
	case p.at < mSeeNewest:
		m.write(&s, n, step)
	case p.at < mLoadIndex:
		m.read(&s, n, step)
	case p.at < mCheckRight:
		m.install(&s, n, step)
	case p.at < mDone:
		m.merge(&s, n, step)
	}
}

// find looks for the leaf that holds the key of a process.
func (m *mergeModel) find(s *mergeState, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	switch p.at {
	case mSee:
		p.seen, p.at = s.done, mRoute
		step("see what is visible", *s)
	case mRoute:
		p.work.page, p.at = s.route(p.key), mLoad
		if m.merges(n) && p.work.page == 0 {
			p.finish()
		}
		step("route", *s)
	case mLoad:
		p.work.leaf = s.pages[p.work.page]
		m.loaded(s, n)
		step("load the leaf", *s)
	}
}

// loaded says what a process does with the leaf that it has loaded.
func (m *mergeModel) loaded(s *mergeState, n int) {
	p := &s.procs[n]
	if p.work.leaf == freed {
		p.again()
		return
	}
	l := &s.leaves[p.work.leaf]
	switch {
	case p.key >= l.high && l.next != nextNone:
		s.beginInstall(n, p.work)
	case p.key >= l.high:
		p.again()
	case m.scans(n) && m.bug == ScanTheSplit:
		p.at = mLook
	case m.scans(n):
		p.at = mCheckNext
	case !m.writes(n) && !m.merges(n):
		p.at = mSeeNewest
	default:
		p.at = mClaim
	}
}

// again begins anew, with nothing in hand.
func (p *mergeProcess) again() {
	*p = mergeProcess{at: mRoute, key: p.key, seen: p.seen, found: p.found}
}

// finish ends a process. It forgets what it knew, so that equal states are equal.
func (p *mergeProcess) finish() { *p = mergeProcess{at: mDone} }

// write is what a writer and a merger do with the leaf that they have found.
func (m *mergeModel) write(s *mergeState, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	l := &s.leaves[p.work.leaf]
	switch p.at {
	case mClaim:
		m.claim(s, n)
		step("claim or seal", *s)
	case mPublish:
		if l.slot == dead {
			p.again()
		} else {
			l.slot = uint8(m.Keys+n) + 1
			s.acknowledge(m, n)
		}
		step("publish", *s)
	case mKill:
		l.kill()
		p.at = mSucceed
		step("kill", *s)
	case mSucceed:
		m.succeed(s, n)
		step("succeed", *s)
	}
}

// claim takes the slot of a leaf, or seals it if that is taken.
func (m *mergeModel) claim(s *mergeState, n int) {
	p := &s.procs[n]
	l := &s.leaves[p.work.leaf]
	switch {
	case l.next != nextNone && m.merges(n):
		p.finish() // somebody wrote to it
	case l.next != nextNone:
		s.beginInstall(n, p.work)
	case m.merges(n):
		l.sealed, p.at = true, mSucceed
	case l.sealed || l.claimed:
		l.sealed, p.at = true, mKill
	default:
		l.claimed, p.at = true, mPublish
	}
}

func (s *mergeState) acknowledge(m *mergeModel, n int) {
	s.done |= m.item(n)
	s.procs[n].finish()
}

func (l *mergeLeaf) kill() {
	if l.slot == 0 && l.claimed {
		l.slot = dead
	}
}

// succeed publishes the successor of a sealed leaf, if there is none: with the change
// of a writer carried, or, by a merger, one that says that the leaf is merged.
func (m *mergeModel) succeed(s *mergeState, n int) {
	p := &s.procs[n]
	l := &s.leaves[p.work.leaf]
	switch {
	case m.merges(n) && l.next == nextNone:
		l.next = nextInto
	case m.merges(n):
		p.finish() // somebody wrote to it
		return
	case l.next == nextNone:
		m.split(s, l, l.content()|m.item(n))
		p.carried = true
	}
	s.beginInstall(n, p.work)
}

// split makes items the successor of a leaf, two leaves if they are of several keys.
func (m *mergeModel) split(s *mergeState, l *mergeLeaf, items uint8) {
	if l.high-l.low < 2 {
		l.next, l.left = nextPlain, m.leaf(s, l.low, l.high, items)
		return
	}
	l.next, l.left = nextSplit, m.leaf(s, l.low, l.low+1, items)
	l.page = s.handed
	s.handed++
	s.pages[l.page] = m.leaf(s, l.low+1, l.high, items)
}

// leaf makes a leaf of some keys and items, and returns its number.
func (m *mergeModel) leaf(s *mergeState, low, high, items uint8) uint8 {
	l := mergeLeaf{low: low, high: high, base: items & m.from(low) &^ m.from(high)}
	if m.Full {
		l.claimed, l.slot = true, dead
	}
	s.leaves[s.used] = l
	s.used++
	return s.used - 1
}

// beginInstall begins to help with the successor of a leaf.
func (s *mergeState) beginInstall(n int, at place) {
	p := &s.procs[n]
	if s.leaves[at.leaf].next == nextInto {
		p.merging, p.helps, p.at = at, true, mCheckRight
		return
	}
	p.installs, p.at = at, mLoadIndex
	if s.leaves[at.leaf].next == nextPlain {
		p.at = mSwap
	}
}

// installed goes on when a successor is installed, or was by others.
func (m *mergeModel) installed(s *mergeState, n int) {
	p := &s.procs[n]
	p.installs, p.has, p.stale = place{}, false, false
	if p.helps {
		p.at = mCheckRight // it was in the way
		return
	}
	m.helped(s, n)
}

// merged goes on when a page is merged, or was by others.
func (m *mergeModel) merged(s *mergeState, n int) {
	p := &s.procs[n]
	outer := p.merging != p.work && s.leaves[p.work.leaf].next == nextInto
	p.merging, p.helps = place{}, false
	if outer {
		s.beginInstall(n, p.work) // the neighbour was in the way
		return
	}
	m.helped(s, n)
}

// helped goes on when what was in the way of a process is done.
func (m *mergeModel) helped(s *mergeState, n int) {
	p := &s.procs[n]
	switch {
	case p.carried:
		s.acknowledge(m, n)
	case m.merges(n):
		p.finish()
	default:
		p.again()
	}
}

// install makes a successor the leaf that counts.
func (m *mergeModel) install(s *mergeState, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	l := &s.leaves[p.installs.leaf]
	switch p.at {
	case mLoadIndex:
		p.has, p.stale, p.at = s.index[l.separator(s)] != 0, false, mCheckPage
		step("load the index", *s)
	case mCheckPage:
		switch {
		case s.pages[p.installs.page] != p.installs.leaf:
			m.installed(s, n)
		case p.has == (l.next == nextSplit):
			p.has, p.stale, p.at = false, false, mSwap
		default:
			p.at = mChange
		}
		step("check the page", *s)
	case mChange:
		m.change(s, n)
		step("change the index", *s)
	case mSwap:
		swapped := s.pages[p.installs.page] == p.installs.leaf
		if swapped {
			s.pages[p.installs.page] = l.left
		}
		if swapped && l.next == nextAbsorbed {
			p.at = mFree
		} else {
			m.installed(s, n)
		}
		step("swap", *s)
	case mFree:
		s.pages[l.page] = freed
		m.installed(s, n)
		step("free the absorbed page", *s)
	}
}

// separator returns the lowest key of the right or absorbed leaf.
func (l *mergeLeaf) separator(s *mergeState) uint8 {
	if l.next == nextSplit {
		return s.leaves[l.left].high
	}
	return l.high
}

// change enters the right half in the index, or takes the absorbed page out of it.
func (m *mergeModel) change(s *mergeState, n int) {
	p := &s.procs[n]
	l := &s.leaves[p.installs.leaf]
	if p.stale {
		p.has, p.stale, p.at = false, false, mLoadIndex
		return
	}
	for i := range s.procs {
		if q := &s.procs[i]; q.at == mCheckPage || q.at == mChange {
			q.stale = true
		}
	}
	p.has, p.stale, p.at = false, false, mSwap
	if l.next == nextSplit {
		s.index[l.separator(s)] = l.page
	} else {
		s.index[l.separator(s)] = 0
	}
}

// merge does what is left to do to merge a page into the one left of it.
func (m *mergeModel) merge(s *mergeState, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	right := &s.leaves[p.merging.leaf]
	left := &s.leaves[p.installs.leaf]
	switch p.at {
	case mCheckRight:
		p.installs = place{page: s.route(right.low - 1)} // the index is loaded before
		p.at = mLoadLeft
		if s.pages[p.merging.page] != p.merging.leaf {
			p.installs = place{}
			m.merged(s, n)
		}
		step("check the right page", *s)
	case mLoadLeft:
		p.installs.leaf, p.at = s.pages[p.installs.page], mCurrent
		if p.installs.leaf == freed {
			p.installs, p.at = place{}, mCheckRight
		}
		step("load the left leaf", *s)
	case mCurrent:
		p.at = mCheckLeft
		if s.route(right.low) != p.merging.page && m.bug != MergeAgain {
			p.installs = place{}
			m.merged(s, n)
		}
		step("ask the index", *s)
	case mCheckLeft:
		switch {
		case left.next != nextNone:
			s.beginInstall(n, p.installs)
		case left.high != right.low:
			p.installs, p.at = place{}, mCheckRight
		default:
			p.at = mSealLeft
		}
		step("check the left leaf", *s)
	default:
		m.absorb(s, n, left, right)
		step("seal, kill or absorb", *s)
	}
}

// absorb makes a successor of the left leaf that has absorbed both.
func (m *mergeModel) absorb(s *mergeState, n int, left, right *mergeLeaf) {
	p := &s.procs[n]
	switch p.at {
	case mSealLeft:
		left.sealed = left.sealed || m.bug != AbsorbUnsealed
		p.at = mKillLeft
	case mKillLeft:
		if m.bug != AbsorbUnsealed {
			left.kill()
		}
		p.at = mKillRight
	case mKillRight:
		right.kill()
		p.at = mAbsorb
	case mAbsorb:
		if left.next == nextNone {
			left.next, left.page = nextAbsorbed, p.merging.page
			left.left = m.leaf(s, left.low, right.high, left.content()|right.content())
		}
		s.beginInstall(n, p.installs)
	}
}

// read is what those do who read.
func (m *mergeModel) read(s *mergeState, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	l := &s.leaves[p.work.leaf]
	switch p.at {
	case mSeeNewest:
		p.seen, p.at = s.done, mCheckNext
		step("see what is visible", *s)
	case mCheckNext:
		p.at = mLook
		if l.next != nextNone {
			s.beginInstall(n, p.work)
		}
		step("check for a successor", *s)
	case mLook:
		m.look(s, n)
		step("look", *s)
	}
}

// look reads a leaf from the key on. A scan goes on with the next one.
func (m *mergeModel) look(s *mergeState, n int) {
	p := &s.procs[n]
	l := &s.leaves[p.work.leaf]
	if !m.scans(n) {
		of := m.from(p.key) &^ m.from(p.key+1)
		s.wrong = p.seen&of&^l.content() != 0
		p.finish()
		return
	}
	found := l.content() & p.seen & m.from(p.key)
	s.wrong = p.found&found != 0
	p.found |= found
	if p.key = l.high; p.key < uint8(m.Keys) {
		p.again()
		return
	}
	s.wrong = s.wrong || p.found != p.seen
	p.finish()
}
