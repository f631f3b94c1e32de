package kvbench

import "encoding/binary"

// Batch is a packed list of operations, each
//
//	op(1) klen(4) vlen(4) key val
//
// with the lengths in little-endian order. Peers in C read it as it is.
type Batch struct {
	Buf   []byte
	Count int
}

const (
	opPut    = 1
	opDelete = 2
)

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.Buf, b.Count = b.Buf[:0], 0 }

// Put adds an operation; it copies what it is given, as Delete does.
func (b *Batch) Put(k, v []byte) { b.add(opPut, k, v) }

// Delete adds an operation.
func (b *Batch) Delete(k []byte) { b.add(opDelete, k, nil) }

func (b *Batch) add(op byte, k, v []byte) {
	b.Buf = append(b.Buf, op)
	b.Buf = binary.LittleEndian.AppendUint32(b.Buf, uint32(len(k)))
	b.Buf = binary.LittleEndian.AppendUint32(b.Buf, uint32(len(v)))
	b.Buf = append(b.Buf, k...)
	b.Buf = append(b.Buf, v...)
	b.Count++
}

// Each calls f for every operation; the slices alias the batch.
func (b *Batch) Each(f func(del bool, k, v []byte) error) error {
	for p := b.Buf; len(p) > 0; {
		kl := int(binary.LittleEndian.Uint32(p[1:]))
		vl := int(binary.LittleEndian.Uint32(p[5:]))
		if err := f(p[0] == opDelete, p[9:9+kl:9+kl], p[9+kl:9+kl+vl:9+kl+vl]); err != nil {
			return err
		}
		p = p[9+kl+vl:]
	}
	return nil
}

// deleteByScan deletes [lo, hi) of an engine that cannot: an iterator collects
// the keys, batches of at most 1,000 delete them. It is not atomic.
func deleteByScan(e Engine, lo, hi []byte) error {
	it, err := e.NewIter(IterOptions{Lower: lo, Upper: hi})
	if err != nil {
		return err
	}
	var all Batch
	for ok := it.SeekGE(lo); ok; ok = it.Next() {
		all.Delete(it.Key())
	}
	if err := closeIter(it); err != nil {
		return err
	}
	var b Batch
	err = all.Each(func(_ bool, k, _ []byte) error {
		b.Delete(k)
		if b.Count < 1000 {
			return nil
		}
		defer b.Reset()
		return e.Write(&b)
	})
	if err == nil && b.Count > 0 {
		err = e.Write(&b)
	}
	return err
}

// closeIter closes the iterator and returns the first error it met.
func closeIter(it Iterator) error {
	err := it.Err()
	if e := it.Close(); err == nil {
		err = e
	}
	return err
}
