package kvbench

import (
	"fmt"
	"strconv"
	"strings"
)

// workload measures one thing and may give several results.
type workload struct {
	name, help string
	loaded     bool // wants all records present and settled
	run        func(r *runner, name string, threads int) ([]*Result, error)
}

func workloads() []workload {
	return []workload{
		{"fillseq", "n puts, ascending keys, empty database", false, fill(fillOptions{seq: true})},
		{"fillrandom", "n puts, each key once, in random order, empty database", false, fill(fillOptions{})},
		{"fillbatch", "as fillrandom, atomic batches of 100 (an op is a record, latency is of the batch)", false, fill(fillOptions{batch: 100})},
		{"fillsync", "as fillrandom, every put durable when it returns (4 s at most)", false, fill(fillOptions{sync: true, maxSecs: 4})},
		{"overwrite", "n puts on random existing keys", true, overwrite},
		{"readrandom", "n gets of random existing keys, caches warm", true, readWarm(randomKeys)},
		{"readmissing", "n gets of keys that lie between existing ones", true, readWarm(missingKeys)},
		{"readhot", "n gets, zipfian 0.99 scattered over the key space", true, readWarm(hotKeys)},
		{"readsmallcache", "random gets, small cache, files in the page cache", true, readSmall},
		{"seeksmallcache", "seekrandom, small cache, files in the page cache", true, seekSmall},
		{"scansmallcache", "scan, small cache, files in the page cache", true, scanSmall},
		{"readcold", "random gets, small cache, pages of the files dropped before each burst", true, readCold},
		{"seekrandom", "new iterator, seek to a random key, 10 next (an op is all of this)", true, seekRandom},
		{"scan", "full scan forward (an op is an entry; latency is the mean of 100)", true, scan(false)},
		{"scanrev", "full scan backward", true, scan(true)},
		{"prefixscan", "iterator over a random one of 1,000 prefixes (an op is an entry; latency is of the prefix)", true, prefixScan},
		{"readwhilewriting", "random gets for 4 s while one writer overwrites at a fixed rate", true, readWhileWriting(false)},
		{"readwhilewriting-max", "the same with a writer that is not throttled", true, readWhileWriting(true)},
		{"ycsba", "50 % read, 50 % update, zipfian", true, ycsb(mix{read: 50, update: 50})},
		{"ycsbb", "95 % read, 5 % update, zipfian", true, ycsb(mix{read: 95, update: 5})},
		{"ycsbc", "100 % read, zipfian", true, ycsb(mix{read: 100})},
		{"ycsbd", "95 % read of the latest, 5 % insert", true, ycsb(mix{read: 95, insert: 5, latest: true})},
		{"ycsbe", "95 % scan of 1 to 100 entries, 5 % insert, zipfian", true, ycsb(mix{scan: 95, insert: 5})},
		{"ycsbf", "50 % read, 50 % read-modify-write, zipfian", true, ycsb(mix{read: 50})},
		{"deleterange", "100 range deletions of n/1000 keys each (an op is a key; latency is of the range)", true, deleteRange},
		{"deleterandom", "n/2 deletes of random keys", false, deleteRandom},
		{"large4k", "puts, then random gets, values of 4 KiB", false, large(4 << 10)},
		{"large64k", "puts, then random gets, values of 64 KiB", false, large(64 << 10)},
		{"reopen", "a process writes 3/4 of a write buffer durably and is killed; Open and first Get (ops are records)", false, reopen},
	}
}

// Case is a list of workloads that are measured in one process; those that are
// loaded share a database, so that destructive ones stand last.
type Case struct {
	Name      string
	Workloads []string // name@threads
	// Unsynced: writes that are not synced are measured, so that engines differ
	// in durability.
	Unsynced bool
	// SmallCache: data is larger than the cache. Resident engines do not count.
	SmallCache bool
}

// Cases lists the cases.
func Cases() []Case {
	return []Case{
		{Name: "fill", Unsynced: true, Workloads: []string{"fillseq@1", "fillrandom@1", "fillbatch@1", "overwrite@1"}},
		{Name: "sync", Workloads: []string{"fillsync@1", "fillsync@8", "fillsync@16"}},
		{Name: "read", Workloads: []string{"readrandom@1", "readrandom@2", "readrandom@8", "readmissing@1", "readhot@1",
			"seekrandom@1", "scan@1", "scanrev@1", "prefixscan@1"}},
		{Name: "mixed", Unsynced: true, Workloads: []string{"ycsbc@1", "ycsbb@1", "ycsbd@1", "ycsbe@1", "ycsbf@1", "ycsba@1", "ycsba@8",
			"readwhilewriting@1", "readwhilewriting-max@1", "deleterange@1", "deleterandom@1"}},
		{Name: "large", Unsynced: true, Workloads: []string{"large4k@1", "large64k@1", "reopen@1"}},
		{Name: "warm", SmallCache: true, Workloads: []string{"readsmallcache@1", "seeksmallcache@1", "scansmallcache@1"}},
		{Name: "cold", SmallCache: true, Workloads: []string{"readcold@1"}},
	}
}

// FindCase returns the case of that name.
func FindCase(name string) (Case, error) {
	var names []string
	for _, c := range Cases() {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Case{}, fmt.Errorf("unknown case %q, there are %s", name, strings.Join(names, " "))
}

// Help describes every workload in a line.
func Help() (lines []string) {
	for _, w := range workloads() {
		lines = append(lines, fmt.Sprintf("%-22s %s", w.name, w.help))
	}
	return lines
}

// runWorkload measures one name@threads.
func (r *runner) runWorkload(spec string) ([]*Result, error) {
	name, number, _ := strings.Cut(spec, "@")
	threads, err := strconv.Atoi(number)
	if err != nil || threads < 1 {
		return nil, fmt.Errorf("workload %q: want name@goroutines", spec)
	}
	for _, w := range workloads() {
		if w.name != name {
			continue
		}
		r.threads = threads
		if w.loaded {
			if err := r.load(); err != nil {
				return nil, fmt.Errorf("load: %w", err)
			}
		}
		return w.run(r, name, threads)
	}
	return nil, fmt.Errorf("unknown workload %q", name)
}
