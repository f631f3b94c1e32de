package main

import (
	"bufio"
	"cmp"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/varvedb/varve"
)

func (t *tour) load() error {
	t.title("Load it: thousands of records a batch, each batch atomic and on disk before the next")
	total := len(t.data.files) + len(t.data.symbols) + 2*len(t.data.features)
	b := t.newBar("loading", int64(total), false)
	defer b.done()
	loaded := int64(0)
	tick := func() { loaded++; b.set(loaded) }
	begin := time.Now()
	names, packages := t.summarise()
	err := cmp.Or(
		t.c.Files.PutAll(pairs(t.data.files, tick, func(f sourceFile) (string, sourceFile) { return f.Path, f })),
		t.c.Symbols.PutAll(pairs(t.data.symbols, tick, func(s symbol) (symbolKey, symbolInfo) {
			return symbolKey{s.Package, s.Name}, symbolInfo{s.Kind, s.File}
		})),
		t.c.API.ByRelease.PutAll(pairs(t.data.features, tick, func(f feature) (featureKey, string) {
			return featureKey{f.Release, f.Package, f.Name}, fmt.Sprintf("go1.%d", f.Release)
		})),
		t.c.API.Since.PutAll(pairs(t.data.features, tick, func(f feature) (string, int) {
			return f.Package + ", " + f.Name, f.Release
		})),
		t.c.Packages.PutAll(maps.All(packages)),
		t.c.Names.AddAll(maps.Keys(names)),
		t.c.State.Set(tourState{t.data.from, loaded, time.Now()}),
		t.c.Log.Push("loaded "+t.data.from),
	)
	if err != nil {
		return err
	}
	all := loaded + int64(len(packages)+len(names)+2)
	took := time.Since(begin)
	t.say("%s records in %s (%s records/s), %s on disk", count(all), short(took),
		count(int64(float64(all)/took.Seconds())), size(t.db.Metrics().DiskBytes))
	return nil
}

// pairs makes key and value of each element.
func pairs[T, K, V any](list []T, tick func(), f func(T) (K, V)) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, e := range list {
			tick()
			if k, v := f(e); !yield(k, v) {
				return
			}
		}
	}
}

// summarise returns the different names of symbols and adds up the packages.
func (t *tour) summarise() (map[string]bool, map[string]packageInfo) {
	names, packages := map[string]bool{}, map[string]packageInfo{}
	for _, s := range t.data.symbols {
		names[s.Name] = true
		p := packages[s.Package]
		p.Symbols++
		packages[s.Package] = p
	}
	for _, f := range t.data.files {
		p := packages[f.Package]
		p.Files, p.Bytes = p.Files+1, p.Bytes+f.Bytes
		packages[f.Package] = p
	}
	for _, f := range t.data.features {
		if _, ok := packages[f.Package]; !ok {
			packages[f.Package] = packageInfo{}
		}
	}
	return names, packages
}

func (t *tour) query() error {
	t.title("Ask: points, ranges, prefixes, neighbours, both directions")
	begin := time.Now()
	since, ok, err := t.c.API.Since.Get("strings, func Cut(string, string) (string, string, bool)")
	if err != nil {
		return err
	}
	t.say("since when is there strings.Cut?    go1.%d (found: %v) in %s", since, ok, short(time.Since(begin)))

	begin = time.Now()
	cut := t.c.API.Since.Prefix("strings, func Cut")
	var found []string
	for line, release := range cut.All() {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "strings, func "), "(")
		found = append(found, fmt.Sprintf("%s (go1.%d)", name, release))
	}
	t.say("strings.Cut* by prefix:             %s, in %s", quoteList(found, 8), short(time.Since(begin)))

	begin = time.Now()
	newest := t.c.API.ByRelease.PrefixFields(featureKey{Release: 21}, 1)
	packages := map[string]int{}
	n := 0
	for k := range newest.All() {
		packages[k.Package]++
		n++
	}
	t.say("what did Go 1.21 add?               %s lines in %s packages: %s; in %s",
		count(n), count(len(packages)), quoteList(slices.Sorted(maps.Keys(packages)), 6), short(time.Since(begin)))

	return cmp.Or(cut.Err(), newest.Err(), t.queryFiles())
}

func (t *tour) queryFiles() error {
	begin := time.Now()
	files := t.c.Files.Range(varve.From("net/"), varve.Below("net0"))
	n, bytes := 0, int64(0)
	for _, f := range files.All() {
		n++
		bytes += f.Bytes
	}
	t.say("files from net/ to net0:            %s with %s, in %s", count(n), size(bytes), short(time.Since(begin)))

	begin = time.Now()
	last := t.c.Names.Backward().Limit(3)
	t.say("the last three names:               %s, in %s", quoteList(slices.Collect(last.All()), 3), short(time.Since(begin)))

	begin = time.Now()
	floor, _, ok, err := t.c.Files.Floor("strings/c")
	if err != nil {
		return err
	}
	if ok {
		t.say("the file at or before strings/c:    %s, in %s", floor, short(time.Since(begin)))
	}

	begin = time.Now()
	distinct, err := t.c.Names.Len()
	t.say("different names:                    %s, from a counter kept in each commit, in %s", count(distinct), short(time.Since(begin)))
	return cmp.Or(files.Err(), last.Err(), err, t.pages())
}

// pages reads two pages by token.
func (t *tour) pages() error {
	first, token, err := t.c.API.Since.Page(nil, 50)
	if err != nil {
		return err
	}
	second, _, err := t.c.API.Since.Page(token, 50)
	if len(first) > 0 && len(second) > 0 {
		t.say("two pages of 50 by token:           from %q to %q", first[0].Key, second[len(second)-1].Key)
	}
	return err
}

func (t *tour) transact() error {
	t.title("One transaction over several collections: all or nothing")
	name, _, err := t.firstPackage()
	if err != nil {
		return err
	}
	undone := fmt.Errorf("changed my mind")
	err = t.db.Update(t.ctx, func(tx *varve.Tx) error {
		if err := t.c.Packages.In(tx).Delete(name); err != nil {
			return err
		}
		return cmp.Or(t.c.Log.In(tx).Push("dropped "+name), undone)
	})
	if err != undone {
		return err
	}
	_, there, err := t.c.Packages.Get(name)
	if err != nil {
		return err
	}
	t.say("a transaction that failed left %q where it was: %v", name, there)

	begin := time.Now()
	err = t.db.Update(t.ctx, func(tx *varve.Tx) error {
		info, _, err := t.c.Packages.In(tx).Remove(name)
		return cmp.Or(err,
			t.c.Packages.In(tx).Put("renamed/"+name, info),
			t.c.Log.In(tx).Push("renamed "+name))
	})
	if err != nil {
		return err
	}
	n, err := t.c.Packages.Len()
	t.say("moved %q and noted it in the log, on disk, in %s; still %s packages", name, short(time.Since(begin)), count(n))
	return err
}

func (t *tour) firstPackage() (string, packageInfo, error) {
	c := t.c.Packages.All().Limit(1)
	for name, info := range c.All() {
		return name, info, c.Err()
	}
	return "", packageInfo{}, c.Err()
}

func (t *tour) conflict() error {
	t.title("Conflicts: who read what another has changed runs again")
	const workers, rounds = 8, 25
	var attempts atomic.Int64
	begin := time.Now()
	err := parallel(workers, func(int) error {
		for range rounds {
			err := t.db.UpdateWith(t.ctx, varve.Process, func(tx *varve.Tx) error {
				attempts.Add(1)
				n, _, err := t.c.Visits.In(tx).Get("counter")
				runtime.Gosched() // let the others in between
				return cmp.Or(err, t.c.Visits.In(tx).Put("counter", n+1))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	n, _, err := t.c.Visits.Get("counter")
	t.say("%d goroutines each added 1, %d times: the counter is %d, after %d attempts, in %s",
		workers, rounds, n, attempts.Load(), short(time.Since(begin)))
	if err == nil && n != workers*rounds {
		err = fmt.Errorf("%d increments are lost", workers*rounds-n)
	}
	return err
}

// parallel runs f on n goroutines and returns the first error.
func parallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return cmp.Or(errs...)
}

func (t *tour) snapshot() error {
	t.title("A snapshot beside writes: readers never wait, and never see half")
	snap, err := t.db.Snapshot(t.ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	before, err := t.c.API.Since.At(snap).Len()
	if err != nil {
		return err
	}
	if err := t.c.API.Since.Clear(); err != nil {
		return err
	}
	after, err := t.c.API.Since.Len()
	if err != nil {
		return err
	}
	still, err := t.c.API.Since.At(snap).Len()
	if err != nil {
		return err
	}
	t.say("%s entries, then Clear in O(1): %d now, and still %s in the snapshot", count(before), after, count(still))
	begin := time.Now()
	err = t.c.API.Since.PutAll(t.c.API.Since.At(snap).All().All())
	t.say("put back from the snapshot in %s", short(time.Since(begin)))
	return err
}

func (t *tour) groupCommit() error {
	t.title("Durable writes share syncs")
	for _, workers := range []int{1, 16} {
		const writes = 320
		syncs := t.db.Metrics().LogSyncs
		begin := time.Now()
		err := parallel(workers, func(w int) error {
			for i := range writes / workers {
				if err := t.c.Visits.Put(strconv.Itoa(w)+"/"+strconv.Itoa(i), i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		took := time.Since(begin)
		t.say("%3d writes from %2d goroutines, each on disk when it returned: %s with %d syncs, %s writes/s",
			writes, workers, short(took), t.db.Metrics().LogSyncs-syncs, count(int(writes/took.Seconds())))
	}
	return nil
}

func (t *tour) crash() error {
	t.title("Kill a process in the middle of its writes")
	dir := filepath.Join(t.dir, "crash")
	acknowledged, err := t.killChild(dir)
	if err != nil {
		return err
	}
	begin := time.Now()
	db, err := varve.Open(dir, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	took := time.Since(begin)
	v, err := varve.OpenValue[int](db, "counter")
	if err != nil {
		return err
	}
	n, _, err := v.Get()
	if err != nil {
		return err
	}
	t.say("killed after it had acknowledged %d writes; opened again in %s: it holds %d", acknowledged, short(took), n)
	if n < acknowledged {
		return fmt.Errorf("%d acknowledged writes are lost", acknowledged-n)
	}
	return db.Verify(t.ctx, nil)
}

// killChild starts a process that counts in a database of its own, kills it, and
// returns the last number that it has acknowledged.
func (t *tour) killChild(dir string) (acknowledged int, err error) {
	cmd, err := childCommand(t.ctx, "tour", "count-until-killed", "--db", dir)
	if err != nil {
		return 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			break // cut off by the kill
		}
		if acknowledged = n; n == 200 {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if acknowledged < 200 {
		return 0, fmt.Errorf("the process ended by itself after %d writes", acknowledged)
	}
	return acknowledged, nil
}
