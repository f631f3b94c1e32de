package cache

import (
	"sync"
	"sync/atomic"
)

// shard is a part of the cache with a capacity of its own.
type shard struct {
	table atomic.Pointer[table] // stored under mu
	hits  atomic.Int64          // see countHit
	_     [64]byte              // readers' fields have a cache line without writers'

	misses atomic.Int64

	mu          sync.Mutex
	capacity    int64
	small, main queue
	ghost       ghost
	pinned      int64             // bytes
	files       map[uint64]*block // first of the list of each file's blocks
	evictions   int64
	_           [64]byte
}

func (s *shard) init() {
	s.files = map[uint64]*block{}
	t := newTable(0)
	s.table.Store(t)
	s.ghost.resize(len(t.slots) / 2)
}

// add is Cache.Add.
func (s *shard) add(hash, file, offset uint64, value []byte, pin bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.table.Load().find(hash, file, offset); b != nil {
		if pin {
			s.pin(b)
		}
		return
	}
	b := &block{hash: hash, file: file, offset: offset, value: value}
	switch {
	case pin:
		s.insert(b)
		s.pin(b)
	case b.size() <= s.room():
		s.evictTo(s.room() - b.size())
		s.insert(b)
		s.enqueue(b)
	}
}

// insert makes a block findable.
func (s *shard) insert(b *block) {
	t := s.table.Load()
	if t.full() {
		t = t.renewed()
		s.table.Store(t)
		s.ghost.resize(len(t.slots) / 2)
	}
	t.insert(b)
	if first := s.files[b.file]; first != nil {
		b.behind, first.before = first, b
	}
	s.files[b.file] = b
}

// drop makes a block that is in no queue unreachable from the shard.
func (s *shard) drop(b *block) {
	s.table.Load().remove(b)
	switch {
	case b.before != nil:
		b.before.behind = b.behind
	case b.behind != nil:
		s.files[b.file] = b.behind
	default:
		delete(s.files, b.file)
	}
	if b.behind != nil {
		b.behind.before = b.before
	}
	b.before, b.behind = nil, nil
}

// pin takes a block that is in the table out of its queue, if it is in one, for
// ever.
func (s *shard) pin(b *block) {
	if b.pinned {
		return
	}
	if b.queue != nil {
		b.queue.remove(b)
	}
	b.pinned = true
	s.pinned += b.size()
	s.evictTo(s.room())
}

// evictFile is Cache.EvictFile.
func (s *shard) evictFile(file uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := s.files[file]; b != nil; b = s.files[file] {
		if b.pinned {
			s.pinned -= b.size()
		} else {
			b.queue.remove(b)
		}
		s.drop(b)
	}
}

// list returns the files that match.
func (s *shard) list(match func(file uint64) bool) (files []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for file := range s.files {
		if match(file) {
			files = append(files, file)
		}
	}
	return files
}

// usedBy is Cache.UsedBy.
func (s *shard) usedBy(match func(file uint64) bool) (bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for file, b := range s.files {
		for ; b != nil && match(file); b = b.behind {
			bytes += b.size()
		}
	}
	return bytes
}

func (s *shard) setCapacity(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.capacity = bytes
	s.evictTo(s.room())
}

// room returns how many bytes blocks that are not pinned may take. Pinned ones
// take from the capacity, but never all of it: a shard that cached nothing else
// would cost more reads than an eighth of its memory is worth.
func (s *shard) room() int64 { return max(s.capacity-s.pinned, s.capacity/8) }
