package pagecache

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/vfs"
)

// load is Get for a page that is not in memory.
func (c *Cache[P]) load(page *Page[P]) (p P, t Token[P], err error) {
	for {
		s := page.now.Load()
		if s.resident() {
			return s.page, Token[P]{s}, nil
		}
		if s.freed {
			return p, t, fmt.Errorf("pagecache: the page was freed: %w", vfs.ErrClosed)
		}
		c.misses.Add(1)
		if p, err = c.read(s.where); err != nil {
			if page.now.Load() != s {
				continue // it has moved, and what it was may be gone
			}
			return p, t, err
		}
		next := c.inMemory(p, s.where)
		step.At("load")
		if page.now.CompareAndSwap(s, next) {
			page.again.Store(false)
			c.clock.stuck.Store(false)
			c.count(page, next)
			return p, Token[P]{next}, nil
		}
	}
}

// read reads a page, all its records at the same time.
func (c *Cache[P]) read(where Location) (p P, err error) {
	records := make([][]byte, 1+len(where.Fragments))
	errs := make([]error, len(records))
	if len(where.Fragments) > 0 {
		group := vfs.NewGroup(c.exec)
		for i, ref := range where.Fragments {
			group.Go("read a fragment", func() { records[i+1], errs[i+1] = c.record(ref, kindFragments) })
		}
		records[0], errs[0] = c.record(where.Image, kindImage)
		group.Wait()
	} else {
		records[0], errs[0] = c.record(where.Image, kindImage)
	}
	if err := errors.Join(errs...); err != nil {
		return p, err
	}
	var fragments [][]byte
	for i, rec := range records[1:] {
		if fragments, err = splitFragments(fragments, rec); err != nil {
			return p, c.damage(where.Fragments[i], err.Error())
		}
	}
	if p, err = c.mat.Recover(records[0], fragments); err != nil {
		return p, c.damage(where.Image, err.Error())
	}
	return p, nil
}

// record reads one record of a kind, without the byte that says which.
func (c *Cache[P]) record(ref logstore.Ref, kind byte) ([]byte, error) {
	data, outcome, err := c.store.Read(ref, nil)
	switch {
	case err != nil:
		return nil, err
	case outcome != logstore.OK:
		return nil, c.damage(ref, "the page is not there")
	case len(data) == 0 || data[0] != kind:
		return nil, c.damage(ref, "it is not what was written of the page")
	}
	return data[1:], nil
}

func (c *Cache[P]) damage(ref logstore.Ref, what string) error {
	return &vfs.CorruptionError{File: c.store.File(ref), Offset: ref.Addr.Offset(), What: what}
}
