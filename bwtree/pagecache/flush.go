package pagecache

import (
	"encoding/binary"
	"errors"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/bwtree/logstore"
)

// A record begins with its kind. That of fragments is, for each, its length as a
// uvarint and its bytes.
const (
	kindImage     = 1
	kindFragments = 2
)

// Flush writes what is not on disk of a page, and returns where the page is then.
// It is durable once the log store has made its records stable; until then it must
// not be relied on after a crash. If others change the page meanwhile, what they
// made of it is not written: see Where. Errors are those of logstore.Store.Reserve;
// then nothing was written.
func (c *Cache[P]) Flush(page *Page[P]) (Location, error) {
	for {
		s := page.now.Load()
		if s.clean() || s.freed {
			return s.where, nil
		}
		where, err := c.write(s)
		if err != nil {
			return Location{}, err
		}
		if c.settle(page, s, where) {
			return where, nil
		}
	}
}

// Sync makes all that was flushed durable. Only then does the cache let go of it:
// a sync that fails may drop what was written before. Errors are those of
// logstore.Store.MakeStable.
func (c *Cache[P]) Sync() error {
	if err := c.store.Sync(); err != nil {
		return err
	}
	c.clock.stuck.Store(false)
	c.evict(nil)
	return nil
}

// write writes the image of a state, or its pending fragments.
func (c *Cache[P]) write(s *state[P]) (where Location, err error) {
	if s.dirty {
		where.Image, err = c.put(c.mat.Image([]byte{kindImage}, s.page))
		c.images.Add(1)
		return where, err
	}
	record := []byte{kindFragments}
	for _, f := range s.pending {
		record = append(binary.AppendUvarint(record, uint64(len(f))), f...)
	}
	ref, err := c.put(record)
	c.fragments.Add(1)
	n := len(s.where.Fragments)
	return Location{s.where.Image, append(s.where.Fragments[:n:n], ref)}, err
}

func (c *Cache[P]) put(record []byte) (logstore.Ref, error) {
	r, err := c.store.Reserve(len(record))
	if err != nil {
		return logstore.Ref{}, err
	}
	copy(r.Bytes(), record)
	return r.Complete(), nil
}

// settle notes where the content of a state is on disk, unless it was changed
// meanwhile. The page in memory stays the same.
func (c *Cache[P]) settle(page *Page[P], s *state[P], where Location) bool {
	next := &state[P]{page: s.page, memory: s.memory, where: where}
	step.At("settle")
	if !page.now.CompareAndSwap(s, next) {
		return false
	}
	c.clock.stuck.Store(false)
	c.evict(page)
	return true
}

var errFragments = errors.New("malformed fragments")

// splitFragments appends the fragments of a record to list.
func splitFragments(list [][]byte, record []byte) ([][]byte, error) {
	for len(record) > 0 {
		n, k := binary.Uvarint(record)
		if k <= 0 || n > uint64(len(record)-k) {
			return nil, errFragments
		}
		end := k + int(n)
		list = append(list, record[k:end:end])
		record = record[end:]
	}
	return list, nil
}

// Write writes the image of a page, even if it is on disk, if its content is still
// the one of the token; Flush does so only where it must. If others change the page
// meanwhile, the record that was written holds what it was before. Durability and
// errors are those of Flush.
func (c *Cache[P]) Write(page *Page[P], t Token[P]) (Location, error) {
	where, err := c.write(&state[P]{page: t.s.page, dirty: true})
	if err == nil {
		c.settle(page, t.s, where)
	}
	return where, err
}

// Put writes the image of content that is in no page. It is for who writes pages
// as they were earlier; Attach makes pages of what it returns. Durability and errors
// are those of Flush.
func (c *Cache[P]) Put(p P) (logstore.Ref, error) {
	c.images.Add(1)
	return c.put(c.mat.Image([]byte{kindImage}, p))
}
