package sst

import "github.com/varvedb/varve/lsm/internal/entry"

// fail ends the walk.
func (it *Iter) fail(err error) bool {
	it.leave()
	it.err = err
	return false
}

// failBlock ends the walk because of what is wrong with the current block: err,
// unless the cursor found something.
func (it *Iter) failBlock(err error) bool {
	if it.cur.err != nil {
		err = it.cur.err
	}
	return it.fail(it.r.corrupt(it.block.offset, err))
}

// failIndex ends the walk because of what is wrong with the index block.
func (it *Iter) failIndex(err error) bool {
	return it.fail(it.r.corrupt(it.r.parts[it.part].index.offset, err))
}

// locate sets part and entry to the block that has the first entry at or after
// (key, t). found is false if there is none. ok is false if the walk ended.
func (it *Iter) locate(key []byte, t entry.Trailer) (found, ok bool) {
	if !it.ready() {
		return false, false
	}
	i, err := it.r.partitionOf(key, t)
	if err != nil {
		return false, it.fail(err)
	}
	if i == len(it.r.parts) {
		return false, true
	}
	if !it.openIndex(i) {
		return false, false
	}
	j, err := it.x.searchRestarts(key, t)
	if err == nil && j == it.x.count {
		err = errMisled
	}
	if err != nil {
		return false, it.failIndex(err)
	}
	it.entry = j
	return true, true
}

// openIndex makes the index block of a partition the current one.
func (it *Iter) openIndex(i int) bool {
	if it.part == i {
		return true
	}
	x, err := it.r.index(i, !it.opt.NoFill)
	if err != nil {
		it.part = -1
		return it.fail(err)
	}
	it.x, it.part = x, i
	return true
}

// indexEntry returns entry j of the current index block.
func (it *Iter) indexEntry(j int) (indexEntry, bool) {
	e, err := it.x.at(j, it.r.parts[it.part].dataLimit())
	if err != nil {
		return e, it.failIndex(err)
	}
	return e, true
}

// open puts the cursor into data block j of the current partition.
func (it *Iter) open(j int) bool {
	h, err := it.r.dataHandle(it.part, it.x, j)
	if err != nil {
		return it.fail(err)
	}
	it.entry = j
	if it.block == h {
		return true
	}
	it.block = handle{}
	content, err := it.load(h)
	if err != nil {
		return it.fail(err)
	}
	b, ok := parseBlock(content)
	if !ok || b.count == 0 {
		return it.fail(it.r.corrupt(h.offset, errBlock))
	}
	it.cur.open(b)
	it.block = h
	return true
}

// load returns the content of a data block, from the cache, from what was read
// ahead, or from the file.
func (it *Iter) load(h handle) ([]byte, error) {
	if c := it.r.cache; c != nil {
		if content, ok := c.Get(it.r.id, uint64(h.offset)); ok {
			return content, nil
		}
	}
	w, err := it.ahead.get(it.r, h)
	if err != nil {
		return nil, err
	}
	return it.r.load(h, w, !it.opt.NoFill)
}

// openFirst moves to the first entry of data block j, or stops before it.
func (it *Iter) openFirst(j int) bool {
	if it.opt.Upper != nil || it.opt.Lazy {
		e, ok := it.indexEntry(j)
		if !ok || it.beyond(&e) {
			return false
		}
		if it.opt.Lazy {
			return it.postpone(j, &e)
		}
	}
	if !it.open(j) {
		return false
	}
	if !it.cur.first() {
		return it.failBlock(errMisled)
	}
	it.valid = true
	return true
}

// openLast moves to the last entry of data block j, or stops before it.
func (it *Iter) openLast(j int) bool {
	if it.opt.Lower != nil {
		e, ok := it.indexEntry(j)
		if !ok || it.below(e.last) {
			return false
		}
	}
	if !it.open(j) {
		return false
	}
	if !it.cur.last() {
		return it.failBlock(errMisled)
	}
	it.valid = true
	return true
}

// nextBlock moves to the first entry after the current block, of one that is not
// passed over.
func (it *Iter) nextBlock() bool {
	it.leave()
	for it.err == nil {
		if it.entry++; it.entry >= it.x.count {
			if it.part+1 >= len(it.r.parts) || !it.openIndex(it.part+1) {
				return false
			}
			it.entry = 0
		}
		if !it.passes(it.entry) {
			return it.err == nil && it.openFirst(it.entry)
		}
	}
	return false
}

// previousBlock moves to the last entry before the current block, of one that is
// not passed over.
func (it *Iter) previousBlock() bool {
	it.leave()
	for it.err == nil {
		if it.entry--; it.entry < 0 {
			if it.part == 0 || !it.openIndex(it.part-1) {
				return false
			}
			it.entry = it.x.count - 1
		}
		if !it.passes(it.entry) {
			return it.err == nil && it.openLast(it.entry)
		}
	}
	return false
}
