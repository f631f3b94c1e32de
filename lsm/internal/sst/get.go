package sst

import "github.com/varvedb/varve/lsm/internal/entry"

// Get returns the first entry of key at or after trailer t: the newest that a
// reader whose search begins at t can see. ok is false if there is none. The
// value is valid for ever and must not be changed.
//
// Older entries, which the caller of a merge needs, are those that follow an
// Iter's SeekGE. Range tombstones are not looked at.
func (r *Reader) Get(key []byte, t entry.Trailer) (found entry.Trailer, value []byte, ok bool, err error) {
	found, value, ok, _, err = r.GetHashed(key, Hash(key), t)
	return found, value, ok, err
}

// GetHashed is Get for a key whose Hash is known. read reports whether a data block
// was looked into: if not, index or filter knew that the key is not there.
func (r *Reader) GetHashed(key []byte, hash uint64, t entry.Trailer) (found entry.Trailer, value []byte, ok, read bool, err error) {
	t = r.stored(t)
	i, err := r.partitionOf(key, t)
	if err != nil || i == len(r.parts) {
		return 0, nil, false, false, err
	}
	if may, err := r.filtered(i, hash); err != nil || !may {
		return 0, nil, false, false, err
	}
	h, err := r.blockOf(i, key, t)
	if err != nil {
		return 0, nil, false, false, err
	}
	content, err := r.block(h, true)
	if err != nil {
		return 0, nil, false, false, err
	}
	b, parsed := parseBlock(content)
	if !parsed {
		return 0, nil, false, true, r.corrupt(h.offset, errBlock)
	}
	var at hit
	ok, err = b.get(key, hash, t, &at)
	if err != nil {
		return 0, nil, false, true, r.corrupt(h.offset, err)
	}
	if !ok {
		return 0, nil, false, true, nil
	}
	return r.actual(at.trailer), at.value, true, true, nil
}

// MayContain reports whether the table may have entries of key.
func (r *Reader) MayContain(key []byte) (bool, error) {
	i, err := r.partitionOf(key, entry.Newest)
	if err != nil || i == len(r.parts) {
		return false, err
	}
	return r.filtered(i, Hash(key))
}

// MayContainPrefix reports whether the table may have entries of keys that start
// with prefix. It says so of each prefix that is shorter than those in the
// filters, and within the keys of the table.
//
// The filter of one partition decides. It is the one that would have the first
// of the keys; if it has none of them, its last key is above them all.
func (r *Reader) MayContainPrefix(prefix []byte) (bool, error) {
	i, err := r.partitionOf(prefix, entry.Newest)
	if err != nil || i == len(r.parts) {
		return false, err
	}
	n := int(r.props.PrefixLength)
	if n == 0 || len(prefix) < n {
		return true, nil
	}
	return r.filtered(i, prefixHash(prefix[:n]))
}

// partitionOf returns the partition that has the first entry at or after
// (key, t), or the number of partitions.
func (r *Reader) partitionOf(key []byte, t entry.Trailer) (int, error) {
	i, err := r.top.searchRestarts(key, t)
	if err != nil {
		return 0, r.corrupt(r.footer.top.offset, err)
	}
	return i, nil
}

// filtered asks the filter of a partition for a hash.
func (r *Reader) filtered(i int, hash uint64) (may bool, err error) {
	h := r.parts[i].filter
	if h.length == 0 {
		return true, nil
	}
	content, err := r.block(h, true)
	if err != nil {
		return false, err
	}
	may, ok := mayContain(content, hash)
	if !ok {
		return false, r.corrupt(h.offset, errFilter)
	}
	return may, nil
}

// blockOf returns the data block in partition i that has the first entry at or
// after (key, t). There is one, by the top index.
func (r *Reader) blockOf(i int, key []byte, t entry.Trailer) (handle, error) {
	x, err := r.index(i, true)
	if err != nil {
		return handle{}, err
	}
	j, err := x.searchRestarts(key, t)
	if err == nil && j == x.count {
		err = errMisled
	}
	if err != nil {
		return handle{}, r.corrupt(r.parts[i].index.offset, err)
	}
	return r.dataHandle(i, x, j)
}

// ApproximateOffset returns about where in the file the entries from key on
// start, in bytes. The difference of two is about what the entries between take.
// If the index cannot be read it is as exact as the partitions are.
func (r *Reader) ApproximateOffset(key []byte) int64 {
	i, err := r.partitionOf(key, entry.Newest)
	if err != nil || i == len(r.parts) {
		return r.limit
	}
	h, err := r.blockOf(i, key, entry.Newest)
	if err != nil {
		return r.parts[i].start
	}
	return h.offset
}
