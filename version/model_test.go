package version

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/lsm"
	"github.com/varvedb/varve/vfs"
)

// modelCommit is a commit as the model knows it: a whole copy.
type modelCommit struct {
	content map[string]string
	parents []CommitID
	dropped bool // by retention
}

type modelBranch struct {
	name    string
	head    CommitID
	working map[string]string
}

// model is a version map that keeps whole copies of everything.
type model struct {
	commits  map[CommitID]*modelCommit
	branches map[BranchID]*modelBranch
	tags     map[string]CommitID
	lost     []CommitID
	keep     int
}

func (m *model) content(id CommitID) map[string]string {
	if id == 0 {
		return map[string]string{}
	}
	return m.commits[id].content
}

func (m *model) commit(b *modelBranch, id CommitID, content map[string]string, parents ...CommitID) {
	m.add(id, content, parents...)
	b.head, b.working = id, maps.Clone(content)
}

// add keeps a commit.
func (m *model) add(id CommitID, content map[string]string, parents ...CommitID) {
	parents = slices.DeleteFunc(parents, func(p CommitID) bool { return p == 0 })
	m.commits[id] = &modelCommit{content: maps.Clone(content), parents: parents}
}

func (m *model) lose(id CommitID) {
	if id == 0 {
		return
	}
	m.lost = append(m.lost, id)
	m.expire()
}

func (m *model) expire() {
	if n := len(m.lost) - m.keep; n > 0 {
		m.lost = m.lost[n:]
	}
}

// reachable returns the commits that something needs.
func (m *model) reachable(from ...CommitID) map[CommitID]bool {
	seen := map[CommitID]bool{}
	for todo := slices.Clone(from); len(todo) > 0; {
		id := todo[0]
		todo = todo[1:]
		if id != 0 && !seen[id] {
			seen[id] = true
			todo = append(todo, m.commits[id].parents...)
		}
	}
	return seen
}

func (m *model) heads() []CommitID { return append(m.named(), m.lost...) }

// named returns the commits that branches and tags name.
func (m *model) named() (list []CommitID) {
	for _, b := range m.branches {
		list = append(list, b.head)
	}
	return append(list, slices.Collect(maps.Values(m.tags))...)
}

// bases returns the best common ancestors, by the definition.
func (m *model) bases(a, b CommitID) (list []CommitID) {
	ra, rb := m.reachable(a), m.reachable(b)
	var common []CommitID
	for id := range ra {
		if rb[id] {
			common = append(common, id)
		}
	}
	for _, id := range common {
		best := !slices.ContainsFunc(common, func(o CommitID) bool { return o != id && m.reachable(o)[id] })
		if best {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// merged is what a merge with "source wins" gives, key by key.
func (m *model) merged(bases []map[string]string, source, target map[string]string) map[string]string {
	if len(bases) == 0 {
		bases = []map[string]string{{}}
	}
	keys := map[string]bool{}
	for _, side := range append([]map[string]string{source, target}, bases...) {
		for k := range side {
			keys[k] = true
		}
	}
	out := map[string]string{}
	for k := range keys {
		s, inS := source[k]
		t, inT := target[k]
		a, inA := bases[0][k]
		agreed := true
		for _, b := range bases[1:] {
			v, in := b[k]
			agreed = agreed && in == inA && v == a
		}
		v, in := s, inS
		if agreed && inS == inA && s == a {
			v, in = t, inT
		}
		if in {
			out[k] = v
		}
	}
	return out
}

// world is a version map beside its model.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	on    engine
	disk  *vfs.Mem
	store kv.Store
	m     *Map[string, string]
	model *model
	clock time.Time
	names int
	did   string
}

// engine opens a store in the directory db of a disk.
type engine func(disk *vfs.Mem) (kv.Store, error)

// engines have settings so small that they flush, compact and clean.
var engines = map[string]engine{
	"ref": onRef,
	"lsm": func(disk *vfs.Mem) (kv.Store, error) {
		return lsm.Open(ctx, &lsm.Options{Dir: "db", FS: disk, WriteBuffer: 64 << 10, BlockSize: 1 << 10, BlockCache: 256 << 10, LevelBase: 256 << 10, TargetFile: 64 << 10})
	},
	"bwtree": func(disk *vfs.Mem) (kv.Store, error) {
		return bwtree.Open(ctx, &bwtree.Options{Dir: "db", FS: disk, Fanout: 8, Deltas: 4, LeafBytes: 1 << 10, CacheBytes: 256 << 10, RedoBytes: 256 << 10})
	},
}

func onRef(disk *vfs.Mem) (kv.Store, error) {
	return ref.Open(ctx, &ref.Options{Dir: "db", FS: disk})
}

func newWorld(t *testing.T, seed uint64) *world { return newWorldOn(t, onRef, seed) }

func newWorldOn(t *testing.T, on engine, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 5)), on: on, disk: vfs.NewMem(), clock: time.Unix(1e9, 0),
		model: &model{commits: map[CommitID]*modelCommit{}, branches: map[BranchID]*modelBranch{},
			tags: map[string]CommitID{}, keep: 4}}
	w.open()
	w.model.branches[1] = &modelBranch{name: "main", working: map[string]string{}}
	w.check(w.m.KeepReflog(w.model.keep))
	return w
}

func (w *world) open() {
	w.store = must(w.on(w.disk))(w.t)
	opt := &Options{Cache: NewCache(256 << 10), Now: func() time.Time {
		w.clock = w.clock.Add(time.Second)
		return w.clock
	}}
	w.m = must(Open[string, string](OnStore(w.store, testSpace, kv.Sync), opt))(w.t)
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", w.did, err)
	}
}

func (w *world) branch() (*Branch[string, string], *modelBranch) {
	id := pick(w.rng, slices.Sorted(maps.Keys(w.model.branches)))
	return w.m.BranchByID(id), w.model.branches[id]
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

func (w *world) visible() []CommitID {
	var list []CommitID
	for id := range w.model.reachable(w.model.heads()...) {
		if !w.model.commits[id].dropped {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

func (w *world) key() string { return fmt.Sprintf("k%03d", w.rng.IntN(300)) }

// dirty reports whether a branch of the model has uncommitted edits.
func (w *world) dirty(b *modelBranch) bool { return !maps.Equal(b.working, w.model.content(b.head)) }

// step does one random operation on both.
func (w *world) step() {
	b, mb := w.branch()
	switch n := w.rng.IntN(100); {
	case n < 38:
		w.edit(b, mb)
	case n < 40:
		w.patch(b, mb)
	case n < 56:
		w.commit(b, mb)
	case n < 59:
		w.did = "discard"
		w.check(b.Discard())
		mb.working = maps.Clone(w.model.content(mb.head))
	case n < 65:
		w.fork(b, mb)
	case n < 75:
		w.merge(b, mb)
	case n < 79:
		w.rollback(b, mb)
	case n < 81:
		w.reset(b, mb)
	case n < 85:
		w.pick(b, mb)
	case n < 87:
		w.rebase(b, mb)
	case n < 89:
		w.squash(b, mb)
	case n < 92:
		w.remove(b, mb)
	case n < 95:
		w.tag()
	case n < 97:
		w.truncate()
	case n < 98:
		w.reopen()
	default:
		w.did = "keep reflog"
		w.model.keep = w.rng.IntN(5)
		w.check(w.m.KeepReflog(w.model.keep))
		w.model.expire()
	}
}

func (w *world) edit(b *Branch[string, string], mb *modelBranch) {
	w.did = "edit"
	var e Edits[string, string]
	for range 1 + w.rng.IntN(1+w.rng.IntN(30)) {
		k := w.key()
		if w.rng.IntN(3) == 0 {
			e.Delete(k)
			delete(mb.working, k)
			continue
		}
		v := strconv.Itoa(w.rng.IntN(4))
		if w.rng.IntN(30) == 0 {
			v += string(make([]byte, w.rng.IntN(1500)))
		}
		e.Put(k, v)
		mb.working[k] = v
	}
	w.check(b.Apply(&e))
}

func (w *world) commit(b *Branch[string, string], mb *modelBranch) {
	w.did = "commit"
	id, err := b.Commit("m", nil)
	if !w.dirty(mb) {
		w.expect(err, ErrUnchanged)
		return
	}
	w.check(err)
	w.model.commit(mb, id, mb.working, mb.head)
}

func (w *world) expect(err, target error) {
	w.t.Helper()
	if !errors.Is(err, target) {
		w.t.Fatalf("%s: %v, expected %v", w.did, err, target)
	}
}

func (w *world) fork(b *Branch[string, string], mb *modelBranch) {
	w.did = "fork"
	if len(w.model.branches) > 6 {
		return
	}
	w.names++
	name := fmt.Sprint("b", w.names)
	var made *Branch[string, string]
	var err error
	next := &modelBranch{name: name, head: mb.head}
	switch w.rng.IntN(3) {
	case 0:
		made, err = b.Fork(name)
		next.working = maps.Clone(mb.working)
	case 1:
		made, err = b.ForkHead(name)
		next.working = maps.Clone(w.model.content(mb.head))
	default:
		list := w.visible()
		next.head = 0
		if len(list) > 0 {
			next.head = pick(w.rng, list)
		}
		made, err = w.m.CreateBranch(name, next.head)
		next.working = maps.Clone(w.model.content(next.head))
	}
	w.check(err)
	w.model.branches[made.ID()] = next
}

func (w *world) merge(b *Branch[string, string], mb *modelBranch) {
	w.did = "merge"
	from, mf := w.branch()
	forward := FastForward(w.rng.IntN(2))
	res, err := b.Merge(from, &MergeOptions[string, string]{FastForward: forward})
	bases := w.model.bases(mb.head, mf.head)
	switch {
	case mb == mf:
		w.expect(err, ErrSame)
	case w.dirty(mb) || w.dirty(mf):
		w.expect(err, ErrUncommitted)
	case mf.head == 0:
		w.expect(err, ErrNoCommit)
	case slices.Equal(bases, []CommitID{mf.head}):
		w.check(err)
		w.want(res.Kind == UpToDate && res.Commit == mb.head)
	case mb.head == 0 || forward == WhenPossible && slices.Equal(bases, []CommitID{mb.head}):
		w.check(err)
		w.want(res.Kind == FastForwarded && res.Commit == mf.head)
		mb.head, mb.working = mf.head, maps.Clone(w.model.content(mf.head))
	default:
		w.check(err)
		w.want(res.Kind == Merged && slices.Equal(res.Bases, bases))
		var contents []map[string]string
		for _, id := range bases {
			contents = append(contents, w.model.content(id))
		}
		content := w.model.merged(contents, w.model.content(mf.head), w.model.content(mb.head))
		w.model.commit(mb, res.Commit, content, mb.head, mf.head)
	}
}

func (w *world) want(ok bool) {
	w.t.Helper()
	if !ok {
		w.t.Fatalf("%s went another way than in the model", w.did)
	}
}

func (w *world) rollback(b *Branch[string, string], mb *modelBranch) {
	w.did = "rollback"
	list := w.visible()
	if len(list) == 0 {
		return
	}
	to := pick(w.rng, list)
	if below := slices.Sorted(maps.Keys(w.model.reachable(mb.head))); len(below) > 0 && w.rng.IntN(4) > 0 {
		to = below[max(0, len(below)-1-w.rng.IntN(4))]
	}
	if w.model.commits[to].dropped {
		w.expect(b.Rollback(to), ErrNoCommit)
		return
	}
	err := b.Rollback(to)
	switch {
	case mb.head == 0:
		w.expect(err, ErrNoCommit)
	case w.dirty(mb):
		w.expect(err, ErrUncommitted)
	case !w.model.reachable(mb.head)[to]:
		w.expect(err, ErrUnrelated)
	default:
		w.check(err)
		w.move(mb, to)
	}
}

// move points a branch elsewhere.
func (w *world) move(mb *modelBranch, to CommitID) {
	old := mb.head
	mb.head, mb.working = to, maps.Clone(w.model.content(to))
	if old != to {
		w.model.lose(old)
	}
}

func (w *world) reset(b *Branch[string, string], mb *modelBranch) {
	w.did = "reset"
	if list := w.visible(); len(list) > 0 {
		to := pick(w.rng, list)
		w.check(b.Reset(to))
		w.move(mb, to)
	}
}

func (w *world) pick(b *Branch[string, string], mb *modelBranch) {
	w.did = "cherry-pick or revert"
	list := w.visible()
	if len(list) == 0 {
		return
	}
	id := pick(w.rng, list)
	c := w.model.commits[id]
	before := map[string]string{}
	if len(c.parents) > 0 {
		before = w.model.content(c.parents[0])
	}
	undo := w.rng.IntN(2) == 0
	base, source := before, c.content
	made, err := CommitID(0), error(nil)
	if undo {
		base, source = source, base
		made, err = b.Revert(id, nil)
	} else {
		made, err = b.CherryPick(id, nil)
	}
	content := w.model.merged([]map[string]string{base}, source, w.model.content(mb.head))
	switch {
	case w.dirty(mb):
		w.expect(err, ErrUncommitted)
	case maps.Equal(content, w.model.content(mb.head)):
		w.expect(err, ErrUnchanged)
	default:
		w.check(err)
		w.model.commit(mb, made, content, mb.head)
	}
}

// patch brings what two commits differ in to a branch, by way of a stream.
func (w *world) patch(b *Branch[string, string], mb *modelBranch) {
	w.did = "apply a patch"
	list := append(w.visible(), 0)
	from, to := pick(w.rng, list), pick(w.rng, list)
	var stream bytes.Buffer
	_, err := w.m.WritePatch(&stream, from, to)
	w.check(err)
	p, err := w.m.ReadPatch(&stream)
	w.check(err)
	if w.rng.IntN(2) == 0 {
		p, from, to = p.Reverse(), to, from
	}
	res, err := b.ApplyPatch(p, nil)
	content := w.model.merged([]map[string]string{w.model.content(from)}, w.model.content(to), w.model.content(mb.head))
	switch {
	case w.dirty(mb):
		w.expect(err, ErrUncommitted)
	case maps.Equal(content, w.model.content(mb.head)):
		w.check(err)
		w.want(res.Kind == UpToDate && res.Commit == mb.head)
	default:
		w.check(err)
		w.want(res.Kind == Applied)
		w.model.commit(mb, res.Commit, content, mb.head)
	}
}

func (w *world) rebase(b *Branch[string, string], mb *modelBranch) {
	w.did = "rebase"
	list := w.visible()
	if len(list) == 0 {
		return
	}
	onto := pick(w.rng, list)
	err := b.Rebase(onto, nil)
	if w.dirty(mb) {
		w.expect(err, ErrUncommitted)
		return
	}
	w.check(err)
	// The commits that were made are read back; what they hold is computed.
	in := w.model.reachable(onto)
	var own []CommitID
	for id := mb.head; id != 0 && !in[id]; {
		own = append(own, id)
		if p := w.model.commits[id].parents; len(p) > 0 {
			id = p[0]
		} else {
			id = 0
		}
	}
	content := w.model.content(onto)
	tip := onto
	for _, id := range slices.Backward(own) {
		c := w.model.commits[id]
		before := map[string]string{}
		if len(c.parents) > 0 {
			before = w.model.content(c.parents[0])
			if c.parents[0] == tip {
				tip, content = id, c.content
				continue
			}
		}
		next := w.model.merged([]map[string]string{before}, c.content, content)
		if !maps.Equal(next, content) {
			content, tip = next, 0
		}
	}
	log := b.Log(true)
	var made []Commit
	for c := range log.All() {
		if w.model.commits[c.ID] != nil {
			break
		}
		made = append(made, c)
	}
	w.check(log.Err())
	for _, c := range slices.Backward(made) {
		got := collect(w.t, must(w.m.At(c.ID))(w.t).All())
		w.model.add(c.ID, got, c.Parents...)
	}
	head := must(b.Head())(w.t)
	w.want(maps.Equal(w.model.content(head), content))
	w.move(mb, head)
}

func collect(t testing.TB, c *Cursor[string, string]) map[string]string {
	m := maps.Collect(c.All())
	check(t, c.Err())
	return m
}

func (w *world) squash(b *Branch[string, string], mb *modelBranch) {
	w.did = "squash"
	after := CommitID(0)
	if below := slices.Sorted(maps.Keys(w.model.reachable(mb.head))); len(below) > 0 && w.rng.IntN(3) > 0 {
		after = pick(w.rng, below)
		if w.model.commits[after].dropped {
			return
		}
	}
	id, err := b.Squash(after, "squashed", nil)
	switch {
	case w.dirty(mb):
		w.expect(err, ErrUncommitted)
	case maps.Equal(w.model.content(after), w.model.content(mb.head)):
		w.expect(err, ErrUnchanged)
	default:
		w.check(err)
		w.model.add(id, w.model.content(mb.head), after)
		w.move(mb, id)
	}
}

func (w *world) remove(b *Branch[string, string], mb *modelBranch) {
	w.did = "remove branch"
	err := b.Remove()
	if b.ID() == 1 {
		w.expect(err, ErrMain)
		return
	}
	w.check(err)
	delete(w.model.branches, b.ID())
	w.model.lose(mb.head)
}

func (w *world) tag() {
	w.did = "tag"
	names := slices.Sorted(maps.Keys(w.model.tags))
	if len(names) > 3 || len(names) > 0 && w.rng.IntN(3) == 0 {
		name := pick(w.rng, names)
		w.check(w.m.DeleteTag(name))
		delete(w.model.tags, name)
		return
	}
	if list := w.visible(); len(list) > 0 {
		w.names++
		name, id := fmt.Sprint("t", w.names), pick(w.rng, list)
		w.check(w.m.Tag(name, id, "a tag"))
		w.model.tags[name] = id
	}
}

func (w *world) truncate() {
	w.did = "truncate"
	keep := Retention{Last: 1 + w.rng.IntN(6)}
	n, err := w.m.Truncate(keep)
	w.check(err)
	stay, named := map[CommitID]bool{}, map[CommitID]bool{}
	for _, id := range w.model.heads() {
		named[id] = true
		for n := keep.Last; id != 0 && n > 0; n-- {
			stay[id] = true
			if p := w.model.commits[id].parents; len(p) > 0 {
				id = p[0]
			} else {
				id = 0
			}
		}
	}
	for id := range w.model.reachable(w.model.heads()...) {
		if c := w.model.commits[id]; !stay[id] && !named[id] && !c.dropped {
			c.dropped = true
			n--
		}
	}
	w.want(n == 0)
	// A hidden commit that one other descends from is gone: its descendants
	// come from what it came from.
	w.forgetDropped()
}

// forgetDropped takes commits out of the model as retention does.
func (w *world) forgetDropped() {
	for {
		children := map[CommitID][]CommitID{}
		live := w.model.reachable(w.model.heads()...)
		for id := range live {
			for _, p := range w.model.commits[id].parents {
				children[p] = append(children[p], id)
			}
		}
		var gone CommitID
		for _, id := range slices.Sorted(maps.Keys(live)) {
			if w.model.commits[id].dropped && len(children[id]) == 1 {
				gone = id
				break
			}
		}
		if gone == 0 {
			return
		}
		child := w.model.commits[children[gone][0]]
		at := slices.Index(child.parents, gone)
		child.parents = distinct(slices.Concat(child.parents[:at], w.model.commits[gone].parents, child.parents[at+1:]))
		delete(w.model.commits, gone)
	}
}

// reopen closes the store, or cuts its power, and opens it again.
func (w *world) reopen() {
	w.did = "reopen"
	after := w.disk
	if w.rng.IntN(2) == 0 {
		after = w.disk.CrashClone(vfs.CrashOptions{Seed: w.rng.Uint64(), Mode: vfs.CrashMode(w.rng.IntN(3))})
	}
	w.check(w.store.Close())
	w.disk = after
	w.open()
}

// compare holds the map against its model.
func (w *world) compare(all bool) {
	t := w.t
	t.Helper()
	w.forgetDropped()
	report, err := Verify(context.Background(), w.store, testSpace)
	if err != nil {
		t.Fatalf("after %s: %v", w.did, err)
	}
	live := w.model.reachable(w.model.heads()...)
	ghosts := 0
	for id := range live {
		if w.model.commits[id].dropped {
			ghosts++
		}
	}
	if report.Ghosts != ghosts || report.Commits != len(live)-ghosts {
		t.Fatalf("after %s: %d commits and %d ghosts, the model has %d and %d", w.did, report.Commits, report.Ghosts, len(live)-ghosts, ghosts)
	}
	if lost := len(live) - len(w.model.reachable(w.model.named()...)); report.Lost != lost {
		t.Fatalf("after %s: the reflog alone keeps %d commits, in the model %d", w.did, report.Lost, lost)
	}
	for id, mb := range w.model.branches {
		b := w.m.BranchByID(id)
		info := must(b.Info())(t)
		if info.Head != mb.head || info.Name != mb.name {
			t.Fatalf("after %s: branch %d is %v", w.did, id, info)
		}
		if !all && w.rng.IntN(4) > 0 {
			continue
		}
		w.compareBranch(b, mb)
	}
	if all {
		for _, id := range w.visible() {
			w.compareCommit(id)
		}
	}
}

func (w *world) compareBranch(b *Branch[string, string], mb *modelBranch) {
	t := w.t
	if got := collect(t, b.All()); !maps.Equal(got, mb.working) {
		t.Fatalf("after %s: branch %s holds %v, expected %v", w.did, mb.name, got, mb.working)
	}
	if dirty := must(b.Dirty())(t); dirty != w.dirty(mb) {
		t.Fatalf("after %s: branch %s dirty: %v", w.did, mb.name, dirty)
	}
	keys := slices.Sorted(maps.Keys(mb.working))
	if n := must(b.Len())(t); int(n) != len(keys) {
		t.Fatalf("after %s: branch %s counts %d of %d", w.did, mb.name, n, len(keys))
	}
	k := w.key()
	at, there := slices.BinarySearch(keys, k)
	v, ok, err := b.Get(k)
	if err != nil || ok != there || v != mb.working[k] {
		t.Fatal("get", k, v, ok, err)
	}
	if rank := must(b.Rank(k))(t); int(rank) != at {
		t.Fatalf("rank of %s is %d, expected %d", k, rank, at)
	}
	got, _, ok, err := b.Select(int64(at))
	if err != nil || ok != (at < len(keys)) || ok && got != keys[at] {
		t.Fatal("select", at, got, ok, err)
	}
	diff := map[string]string{}
	d := b.Uncommitted()
	for x := range d.All() {
		old, now := x.Old, x.New
		if !x.InOld {
			old = "-"
		}
		if !x.InNew {
			now = "-"
		}
		diff[x.Key] = old + "→" + now
	}
	check(t, d.Err())
	if want := mapDiff(w.model.content(mb.head), mb.working); !maps.Equal(diff, want) {
		t.Fatalf("uncommitted: %v, expected %v", diff, want)
	}
}

func (w *world) compareCommit(id CommitID) {
	t := w.t
	c := w.model.commits[id]
	st := must(w.m.At(id))(t)
	if !slices.Equal(st.Commit().Parents, c.parents) {
		t.Fatalf("after %s: the parents of commit %d are %v, expected %v", w.did, id, st.Commit().Parents, c.parents)
	}
	if got := collect(t, st.All()); !maps.Equal(got, c.content) || int(st.Len()) != len(c.content) {
		t.Fatalf("after %s: commit %d holds %v, expected %v", w.did, id, got, c.content)
	}
	if ids := must(w.m.MergeBases(id, pick(w.rng, w.visible())))(t); len(ids) > 8 {
		t.Fatal("merge bases", ids)
	}
}

func (w *world) run(steps int) {
	for i := range steps {
		w.step()
		w.compare(i%20 == 19 || w.did == "truncate" || w.did == "reopen")
	}
	w.compare(true)
	w.checkDead()
	check(w.t, w.store.Close())
}

// checkDead holds each dead list against the two trees.
func (w *world) checkDead() {
	r := must(w.store.Snapshot(context.Background()))(w.t)
	s := reading(r, testSpace, NewCache(0))
	data, _, err := r.Get(rowKey(testSpace, rowMeta), nil)
	check(w.t, err)
	s.sums.secret = must(decodeMeta(data))(w.t).secret
	check(w.t, s.scan(rowKey(testSpace, rowEdge), func(key, value []byte) (bool, error) {
		p, c := must(s.anyCommit(CommitID(keyNumber(key, 0))))(w.t), must(s.anyCommit(CommitID(keyNumber(key, 1))))(w.t)
		dead := map[NodeID]bool{}
		for _, id := range must(decodeDead(value))(w.t) {
			dead[id] = true
		}
		inP, inC := nodesOf(w.t, s.Tree, p.Root), nodesOf(w.t, s.Tree, c.Root)
		for id := range inP {
			if !inC[id] && !dead[id] {
				w.t.Fatalf("node %s is not handed on from %d to %d, and not on the dead list", id, p.ID, c.ID)
			}
		}
		return true, nil
	}))
	check(w.t, r.Close())
}

// TestRandomHistoriesAgreeWithWholeCopies does all that a map can do, at random,
// beside a model that keeps whole copies; after each step it recounts the stored
// nodes. VARVE_SEED and VARVE_STEPS choose other histories than the usual.
func TestRandomHistoriesAgreeWithWholeCopies(t *testing.T) {
	steps, seeds := 400, []uint64{1, 2, 3, 4}
	if testing.Short() {
		steps = 100
	}
	if s := os.Getenv("VARVE_STEPS"); s != "" {
		steps = must(strconv.Atoi(s))(t)
	}
	if s := os.Getenv("VARVE_SEED"); s != "" {
		seeds = []uint64{must(strconv.ParseUint(s, 10, 64))(t)}
	}
	for name, on := range engines {
		for _, seed := range seeds {
			t.Run(fmt.Sprint(name, " seed=", seed), func(t *testing.T) { newWorldOn(t, on, seed).run(steps) })
		}
	}
}

// TestSoakHistories is the long run of make soak: histories of 10,000 steps with
// ever new seeds, on each engine in turn.
func TestSoakHistories(t *testing.T) {
	text := os.Getenv("VARVE_SOAK")
	if text == "" {
		t.Skip("VARVE_SOAK is not set: this is the long run of make soak")
	}
	length := must(time.ParseDuration(text))(t)
	for seed, begin := uint64(time.Now().Unix()), time.Now(); time.Since(begin) < length && !t.Failed(); seed++ {
		for name, on := range engines {
			t.Run(fmt.Sprint(name, " seed=", seed), func(t *testing.T) { newWorldOn(t, on, seed).run(10_000) })
		}
	}
}
