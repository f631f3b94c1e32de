package lsm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/varvedb/varve/lsm/internal/version"
)

// property is a number, or a text, that a store tells of itself.
type property struct {
	name  string
	value func(*Store) string
}

func number(f func(*Store) int64) func(*Store) string {
	return func(s *Store) string { return strconv.FormatInt(f(s), 10) }
}

// properties are all of them, but for those of levels. The names are stable.
var properties = []property{
	{"block-cache.capacity", number(func(s *Store) int64 { return s.readers.cache.Stats().Capacity })},
	{"block-cache.evictions", number(func(s *Store) int64 { return s.readers.cache.Stats().Evictions })},
	{"block-cache.hits", number(func(s *Store) int64 { return s.readers.cache.Stats().Hits })},
	{"block-cache.misses", number(func(s *Store) int64 { return s.readers.cache.Stats().Misses })},
	{"block-cache.usage", number(func(s *Store) int64 { return s.readers.cache.Stats().Used })},
	{"compaction.debt", number(func(s *Store) int64 { return version.Measure(s.version(), s.picker.Options).Debt })},
	{"compaction.done", number(func(s *Store) int64 { return s.compactions.Load() })},
	{"compaction.read-bytes", number(func(s *Store) int64 { return s.compactedIn.Load() })},
	{"compaction.running", number(func(s *Store) int64 { return s.runningCompactions() })},
	{"compaction.written-bytes", number(func(s *Store) int64 { return s.compactedOut.Load() })},
	{"flush.bytes", number(func(s *Store) int64 { return s.flushBytes.Load() })},
	{"flush.done", number(func(s *Store) int64 { return s.flushes.Load() })},
	{"latency.apply", func(s *Store) string { return s.Metrics().ApplyTime.String() }},
	{"latency.compaction", func(s *Store) string { return s.compactTime.Load().String() }},
	{"latency.flush", func(s *Store) string { return s.flushTime.Load().String() }},
	{"latency.get", func(s *Store) string { return s.getTime.Load().String() }},
	{"latency.sync", func(s *Store) string { return s.Metrics().SyncTime.String() }},
	{"log.bytes", number(func(s *Store) int64 { return s.Metrics().LogBytes })},
	{"log.syncs", number(func(s *Store) int64 { return s.Metrics().LogSyncs })},
	{"memtables", number(func(s *Store) int64 { return int64(1 + len(s.current.Load().frozen)) })},
	{"memtables.bytes", number((*Store).memBytes)},
	{"reads.gets", number(func(s *Store) int64 { return s.gets.load() })},
	{"reads.iterators", number(func(s *Store) int64 { return s.iterators.Load() })},
	{"stalls.slowdowns", number(func(s *Store) int64 { return s.slowdowns.Load() })},
	{"stalls.stops", number(func(s *Store) int64 { return s.stops.Load() })},
	{"tables", number(func(s *Store) int64 { return int64(s.version().NumFiles()) })},
	{"tables.bytes", number(func(s *Store) int64 { return s.version().TotalSize() })},
	{"tables.list", func(s *Store) string { return s.version().String() }},
	{"tables.open", number(func(s *Store) int64 { return s.readers.count() })},
	{"writes.batches", number(func(s *Store) int64 { return s.Metrics().Batches })},
	{"writes.bytes", number(func(s *Store) int64 { return s.Metrics().BytesIn })},
	{"writes.conflicts", number(func(s *Store) int64 { return s.Metrics().Conflicts })},
}

const (
	levelFiles = "tables.at-level-" // and the level
	levelBytes = "bytes.at-level-"
)

// Properties returns the names that Property knows, sorted. They are stable.
func Properties() []string {
	var names []string
	for _, p := range properties {
		names = append(names, p.name)
	}
	for level := range version.NumLevels {
		names = append(names, levelFiles+strconv.Itoa(level), levelBytes+strconv.Itoa(level))
	}
	slices.Sort(names)
	return names
}

// Property returns a number that the store counts, or a description of its
// tables, as text; see Properties for the names. Bytes are those of files, or of
// memory that is held. It may be called concurrently.
func (s *Store) Property(name string) (string, error) {
	for _, p := range properties {
		if p.name == name {
			return p.value(s), nil
		}
	}
	for level := range version.NumLevels {
		switch strings.TrimSuffix(name, strconv.Itoa(level)) {
		case levelFiles:
			return strconv.Itoa(len(s.version().Levels[level])), nil
		case levelBytes:
			return strconv.FormatInt(s.version().Size(level), 10), nil
		}
	}
	return "", fmt.Errorf("lsm: no property is called %q", name)
}

func (s *Store) version() *version.Version { return s.current.Load().tables.Version }

func (s *Store) memBytes() (sum int64) {
	for _, m := range s.current.Load().mems(nil) {
		sum += m.bytes()
	}
	return sum
}

func (s *Store) runningCompactions() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.running))
}
