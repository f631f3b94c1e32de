package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/version"
)

// versionBench measures the versioned map: loading in commits beside plain
// puts, opening, reading, diff and merge by the number of edits, blame.
type versionBench struct {
	keys, batch, rounds int
	dir, svg            string
	engine              varve.Engine
	sizes               []int // keys is one of them
	measured            map[measured][]float64
	order               []string
}

// measured is what was measured with how many keys.
type measured struct {
	what string
	keys int
}

func versionCommand(args []string) error {
	b := versionBench{measured: map[measured][]float64{}}
	flags := flag.NewFlagSet("version", flag.ContinueOnError)
	sizes := flags.String("keys", "100000", "keys, by commas; the targets are for 1,000,000")
	flags.IntVar(&b.batch, "batch", 1000, "edits in a commit")
	flags.IntVar(&b.rounds, "rounds", 3, "rounds; the median is shown")
	flags.StringVar(&b.dir, "dir", "", "directory on the disk to measure (default a temporary one)")
	flags.StringVar(&b.svg, "svg", "", "also write a plot to this file")
	engine := flags.String("engine", "lsm", "lsm, btree or ref")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, size := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 100 {
			return fmt.Errorf("%q keys: a number from 100 on is needed", size)
		}
		b.sizes = append(b.sizes, n)
	}
	switch *engine {
	case "lsm":
		b.engine = varve.LSM(nil)
	case "btree":
		b.engine = varve.BTree(nil)
	case "ref":
		b.engine = varve.Reference(nil)
	default:
		return fmt.Errorf("unknown engine %q", *engine)
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "varve-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		b.dir = dir
	}
	for round := range b.rounds {
		for _, b.keys = range b.sizes {
			if err := b.round(round); err != nil {
				return err
			}
		}
	}
	b.report()
	if b.svg == "" {
		return nil
	}
	return os.WriteFile(b.svg, b.plot(), 0o644)
}

// note keeps a measurement.
func (b *versionBench) note(what string, value float64) {
	if !slices.Contains(b.order, what) {
		b.order = append(b.order, what)
	}
	k := measured{what, b.keys}
	b.measured[k] = append(b.measured[k], value)
}

func (b *versionBench) round(n int) error {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for _, order := range []string{"sorted", "random"} {
		keys := make([]uint64, b.keys)
		for i := range keys {
			keys[i] = uint64(i)
		}
		if order == "random" {
			rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		}
		dir := filepath.Join(b.dir, fmt.Sprint(order, n))
		if err := b.loads(dir, order, keys); err != nil {
			return err
		}
		if order == "random" {
			if err := b.queries(dir, rng); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return b.blame(filepath.Join(b.dir, fmt.Sprint("blame", n)))
}

func (b *versionBench) open(dir string) (*varve.DB, error) {
	return varve.Open(dir, &varve.Options{Engine: b.engine, Durability: varve.Process})
}

func benchValue(k uint64) string { return fmt.Sprintf("value of key %08d", k) }

// loads fills a plain map, a versioned one, and one whose path is rewritten with
// each edit, in turn.
func (b *versionBench) loads(dir, order string, keys []uint64) error {
	db, err := b.open(filepath.Join(dir, "plain"))
	if err != nil {
		return err
	}
	plain, err := varve.OpenOrderedMap[uint64, string](db, "plain")
	if err != nil {
		return err
	}
	begin := time.Now()
	for part := range slices.Chunk(keys, b.batch) {
		err := plain.PutAll(func(yield func(uint64, string) bool) {
			for _, k := range part {
				if !yield(k, benchValue(k)) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
	}
	b.rate("load "+order+", plain map, batches", len(keys), begin)
	single, err := varve.OpenOrderedMap[uint64, string](db, "single")
	if err != nil {
		return err
	}
	some := keys[:max(1, len(keys)/4)]
	begin = time.Now()
	for _, k := range some {
		if err := single.Put(k, benchValue(k)); err != nil {
			return err
		}
	}
	b.rate("load "+order+", plain map, single puts", len(some), begin)
	if err := db.Close(); err != nil {
		return err
	}
	if err := b.loadVersions(dir, order, keys); err != nil {
		return err
	}
	return b.loadPaths(filepath.Join(dir, "paths"), order, keys)
}

func (b *versionBench) rate(what string, n int, begin time.Time) {
	b.note(what+" [1/s]", float64(n)/time.Since(begin).Seconds())
}

func (b *versionBench) loadVersions(dir, order string, keys []uint64) error {
	db, err := b.open(filepath.Join(dir, "version"))
	if err != nil {
		return err
	}
	m, err := varve.OpenVersionMap[uint64, string](db, "version")
	if err != nil {
		return err
	}
	main, err := m.Main()
	if err != nil {
		return err
	}
	load := func(keys []uint64) error {
		var e version.Edits[uint64, string]
		for part := range slices.Chunk(keys, b.batch) {
			e.Reset()
			for _, k := range part {
				e.Put(k, benchValue(k))
			}
			if _, err := main.CommitEdits(&e, "load", nil); err != nil {
				return err
			}
		}
		return nil
	}
	begin := time.Now()
	last := len(keys) - len(keys)/lastShare
	if err := load(keys[:last]); err != nil {
		return err
	}
	late := time.Now()
	if err := load(keys[last:]); err != nil {
		return err
	}
	b.rate("load "+order+", versioned, commits", len(keys), begin)
	b.rate("the last tenth of that, "+order, len(keys)-last, late)
	return db.Close()
}

// lastShare is the part of the keys, at the end, that is loaded with a path per
// edit.
const lastShare = 10

// loadPaths loads the first keys as a versioned map does, and then writes the path
// of the tree with each edit, as stores do that do not gather the edits of a
// commit. What a commit wrote and replaced itself is deleted; what is older belongs
// to the history.
func (b *versionBench) loadPaths(dir, order string, keys []uint64) error {
	db, err := b.open(dir)
	if err != nil {
		return err
	}
	p := pathLoader{store: db.Store(), cache: version.NewCache(0)}
	last := len(keys) - len(keys)/lastShare
	for part := range slices.Chunk(slices.Clone(keys[:last]), b.batch) {
		slices.Sort(part)
		if err := p.apply(part); err != nil {
			return err
		}
	}
	begin := time.Now()
	for i, k := range keys[last:] {
		if i%b.batch == 0 {
			p.commit = p.change
		}
		if err := p.apply([]uint64{k}); err != nil {
			return err
		}
	}
	b.rate("load "+order+", path per edit", len(keys)-last, begin)
	return db.Close()
}

// pathLoader writes a tree of its own.
type pathLoader struct {
	store  kv.Store
	cache  *version.Cache
	root   version.Root
	change version.CommitID // the last
	commit version.CommitID // the last change before the commit that is under way
}

// apply puts keys, which ascend, and writes the nodes.
func (p *pathLoader) apply(keys []uint64) error {
	const space = 1 << 40
	var edits []version.Edit
	for _, k := range keys {
		edits = append(edits, version.Edit{Key: fmt.Appendf(nil, "%016d", k), Value: []byte(benchValue(k))})
	}
	p.change++
	return kv.Update(context.Background(), p.store, kv.WriteOptions{Durability: kv.Process}, func(t *kv.Txn) error {
		c := version.NewTree(t, space, p.cache, version.Secret{1}).Change(t, p.change)
		next, err := c.Apply(p.root, edits)
		if err != nil {
			return err
		}
		for _, id := range c.Dead {
			if id.Birth > p.commit && len(keys) == 1 {
				t.Delete(version.NodeKey(space, id))
			}
		}
		t.Put(kv.KeyspacePrefix(space+1), fmt.Append(nil, next))
		p.root = next
		return nil
	})
}

// The rows of queries for each of editCounts.
const (
	diffRow  = "diff, %d edits [ms]"
	mergeRow = "merge, %d edits on either side [ms]"
)

var editCounts = []int{10, 1000, 100_000}

// queries measures on what loads has left.
func (b *versionBench) queries(dir string, rng *rand.Rand) error {
	plainDB, err := b.open(filepath.Join(dir, "plain"))
	if err != nil {
		return err
	}
	defer plainDB.Close()
	db, err := b.open(filepath.Join(dir, "version"))
	if err != nil {
		return err
	}
	defer db.Close()
	begin := time.Now()
	m, err := varve.OpenVersionMap[uint64, string](db, "version")
	if err != nil {
		return err
	}
	main, err := m.Main()
	if err != nil {
		return err
	}
	if _, _, err := main.Get(1); err != nil {
		return err
	}
	b.note("open and first get [ms]", time.Since(begin).Seconds()*1e3)
	plain, err := varve.OpenOrderedMap[uint64, string](plainDB, "plain")
	if err != nil {
		return err
	}
	st, err := main.State()
	if err != nil {
		return err
	}
	if err := b.gets(rng, plain.Get, st.Get, main.Get); err != nil {
		return err
	}
	for _, d := range editCounts {
		for turn := 0; turn < max(1, 20/d*10) && d <= b.keys/10; turn++ {
			if err := b.diffAndMerge(m, main, d, turn, rng); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *versionBench) gets(rng *rand.Rand, gets ...func(uint64) (string, bool, error)) error {
	const n = 100_000
	for i, name := range []string{"get, plain map [µs]", "get at a commit [µs]", "get on a branch [µs]"} {
		for _, warm := range []bool{true, false} {
			begin := time.Now()
			for range n {
				if _, ok, err := gets[i](rng.Uint64N(uint64(b.keys))); err != nil || !ok {
					return fmt.Errorf("get: %v %w", ok, err)
				}
			}
			if !warm {
				b.note(name, time.Since(begin).Seconds()*1e6/n)
			}
		}
	}
	return nil
}

func (b *versionBench) diffAndMerge(m *varve.VersionMap[uint64, string], main *version.Branch[uint64, string], d, turn int, rng *rand.Rand) error {
	name := fmt.Sprint("side", d, "-", turn)
	side, err := main.ForkHead(name)
	if err != nil {
		return err
	}
	base, err := main.Head()
	if err != nil {
		return err
	}
	edit := func(b2 *version.Branch[uint64, string], mark string) (version.CommitID, error) {
		set := map[uint64]string{}
		for len(set) < d {
			set[rng.Uint64N(uint64(b.keys))] = mark
		}
		var e version.Edits[uint64, string]
		e.PutAll(maps.All(set))
		return b2.CommitEdits(&e, mark, nil)
	}
	theirs, err := edit(side, "theirs "+name)
	if err != nil {
		return err
	}
	if _, err := edit(main, "ours "+name); err != nil {
		return err
	}
	begin := time.Now()
	diff := m.Diff(base, theirs)
	n := 0
	for range diff.All() {
		n++
	}
	if n != d || diff.Err() != nil {
		return fmt.Errorf("%d differences of %d: %w", n, d, diff.Err())
	}
	b.note(fmt.Sprintf(diffRow, d), time.Since(begin).Seconds()*1e3)
	begin = time.Now()
	res, err := main.Merge(side, nil)
	if err != nil || res.Changes == 0 {
		return fmt.Errorf("merge %v: %w", res, err)
	}
	b.note(fmt.Sprintf(mergeRow, d), time.Since(begin).Seconds()*1e3)
	return nil
}

// blame asks who wrote keys after 10,000 commits.
func (b *versionBench) blame(dir string) error {
	db, err := b.open(dir)
	if err != nil {
		return err
	}
	defer db.Close()
	m, err := varve.OpenVersionMap[uint64, string](db, "version")
	if err != nil {
		return err
	}
	main, err := m.Main()
	if err != nil {
		return err
	}
	begin := time.Now()
	const commits, keys = 10_000, 5_000
	for i := range uint64(commits) {
		var e version.Edits[uint64, string]
		e.Put(i%keys, fmt.Sprint("by ", i))
		if _, err := main.CommitEdits(&e, "one key", nil); err != nil {
			return err
		}
	}
	b.rate("commits of one key", commits, begin)
	st, err := main.State()
	if err != nil {
		return err
	}
	begin = time.Now()
	for k := range uint64(keys) {
		if _, ok, err := st.Blame(k); err != nil || !ok {
			return fmt.Errorf("blame: %v %w", ok, err)
		}
	}
	b.note("blame after 10,000 commits [µs]", time.Since(begin).Seconds()*1e6/keys)
	return nil
}

func (b *versionBench) report() {
	t := table{head: []string{fmt.Sprintf("versioned map, commits of %d, %s", b.batch, b.engine.Name())}}
	for _, keys := range b.sizes {
		t.head = append(t.head, fmt.Sprintf("%d keys", keys))
	}
	for _, what := range b.order {
		row := []string{what}
		for _, keys := range b.sizes {
			cell := "–"
			if v := b.measured[measured{what, keys}]; len(v) > 0 {
				cell = fmt.Sprintf("%s ±%.0f %%", short(median(v)), 50*(slices.Max(v)-slices.Min(v))/median(v))
			}
			row = append(row, cell)
		}
		t.rows = append(t.rows, row)
	}
	get := func(what string) float64 { return median(b.measured[measured{what, b.sizes[len(b.sizes)-1]}]) }
	for _, order := range []string{"sorted", "random"} {
		load := get("load " + order + ", versioned, commits [1/s]")
		most := map[string]float64{"sorted": 3, "random": 10}[order]
		t.note += atMost("load "+order+" beside plain batches", get("load "+order+", plain map, batches [1/s]")/load, most)
		t.note += atMost("load "+order+" beside plain puts", get("load "+order+", plain map, single puts [1/s]")/load, most)
		late := get("the last tenth of that, " + order + " [1/s]")
		t.note += target("load "+order+" against a path per edit", late/get("load "+order+", path per edit [1/s]"), 5) + "\n"
	}
	t.note += atMost("open, in ms", get("open and first get [ms]"), 10)
	t.note += atMost("get at a commit beside a plain get", get("get at a commit [µs]")/get("get, plain map [µs]"), 2)
	t.note += atMost("diff of 10 edits, in ms", get("diff, 10 edits [ms]"), 0.3)
	t.note += atMost("merge of 10 edits, in ms", get("merge, 10 edits on either side [ms]"), 0.3)
	t.note += atMost("blame, in µs", get("blame after 10,000 commits [µs]"), 20)
	t.note = strings.TrimSpace(t.note) + "\nWrites are not synced (durability Process); reads follow a walk over the same keys."
	t.print(os.Stdout)
}

// plot shows what a diff and a merge take by the edits between two versions, one
// line for each number of keys.
func (b *versionBench) plot() []byte {
	var lines []line
	for _, what := range []string{diffRow, mergeRow} {
		for _, keys := range b.sizes {
			l := line{name: fmt.Sprintf("%s, %s keys", what[:strings.Index(what, ",")], thousands(float64(keys)))}
			for _, d := range editCounts {
				if v := b.measured[measured{fmt.Sprintf(what, d), keys}]; len(v) > 0 {
					l.y = append(l.y, median(v))
				}
			}
			if len(l.y) > 0 {
				lines = append(lines, l)
			}
		}
	}
	var x []string
	for _, d := range editCounts {
		x = append(x, fmt.Sprint(d, " edits"))
	}
	return logPlot("Versions apart: diff and merge", "ms", x, lines)
}

func short(x float64) string {
	switch {
	case x >= 1000:
		return thousands(x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

func atMost(what string, measured, most float64) string {
	v := "met"
	if measured > most {
		v = "short"
	}
	return fmt.Sprintf("%s: measured %.2f, at most %.1f: %s\n", what, measured, most, v)
}
