package kvtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Lists are kept in two ways. The first whole lists are one key each, and an
// absent key is an empty list. The others are spread: the fragments of a list
// are the keys that begin with its number, each named for the position of its
// first element, so that every append makes a key where others look, and a
// transaction that joins the fragments removes and makes keys without changing
// the list.
const (
	wholeLists  = 4
	spreadLists = 3
	allLists    = wholeLists + spreadLists
)

func listKey(list int) []byte { return append(kv.KeyspacePrefix(3), byte(list)) }

func fragmentKey(list, at int) []byte {
	return binary.BigEndian.AppendUint16(listKey(list), uint16(at))
}

func elemBytes(elem int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(elem)) }

func decodeElems(b []byte) (list elems) {
	for ; len(b) >= 4; b = b[4:] {
		list = append(list, int(binary.BigEndian.Uint32(b)))
	}
	return list
}

// isoHistory runs clients on one store.
type isoHistory struct {
	exec    vfs.Executor
	store   kv.Store
	clock   atomic.Int64
	elem    atomic.Int64
	clients []*isoClient
	bad     errorList
}

func (h *isoHistory) run(e Engine, env Env, seed uint64, opt IsolationOptions) (err error) {
	if h.store, err = e.Open(context.Background(), env); err != nil {
		return err
	}
	group := vfs.NewGroup(h.exec)
	for i := range opt.Clients + 1 {
		h.clients = append(h.clients, &isoClient{h: h, id: i, rng: rand.New(rand.NewPCG(seed, uint64(i)))})
	}
	for _, c := range h.clients[:opt.Clients] {
		group.Go(fmt.Sprint("client ", c.id), func() { h.bad.add(c.run(opt.Txns)) })
	}
	group.Wait()
	last := h.clients[opt.Clients]
	err = errors.Join(h.bad.join(), last.transaction("reads all at the end", func(c *isoClient, tx *kv.Txn) error { return c.readAll(tx) }))
	return errors.Join(err, h.store.Close())
}

func (h *isoHistory) txns() (list []*isoTxn) {
	for _, c := range h.clients {
		list = append(list, c.done...)
	}
	return list
}

// isoClient runs one transaction after the other.
type isoClient struct {
	h    *isoHistory
	id   int
	rng  *rand.Rand
	now  *isoTxn
	done []*isoTxn
}

func (c *isoClient) run(n int) error {
	for range n {
		if err := c.one(); err != nil {
			return err
		}
	}
	return nil
}

// one runs one transaction of a random kind.
func (c *isoClient) one() error {
	switch c.rng.IntN(10) {
	case 0:
		return c.plainAppend()
	case 1:
		return c.swapAppend()
	case 2:
		return c.transaction("reads all", func(c *isoClient, tx *kv.Txn) error { return c.readAll(tx) })
	case 3:
		return c.transaction("joins fragments", func(c *isoClient, tx *kv.Txn) error { return c.join(tx, c.spread()) })
	}
	return c.transaction("reads and appends", (*isoClient).readAndAppend)
}

func (c *isoClient) whole() int  { return c.rng.IntN(wholeLists) }
func (c *isoClient) spread() int { return wholeLists + c.rng.IntN(spreadLists) }

// begin notes the beginning of a transaction.
func (c *isoClient) begin(what string) {
	c.now = &isoTxn{name: fmt.Sprintf("T%d.%d (%s)", c.id, len(c.done), what), start: c.h.clock.Add(1)}
	c.done = append(c.done, c.now)
}

// end notes the outcome of a transaction. Only what is neither a commit nor a
// conflict is an error.
func (c *isoClient) end(seq kv.Seq, err error) error {
	c.now.end = c.h.clock.Add(1)
	switch {
	case err == nil:
		c.now.committed, c.now.seq = true, seq
	case kv.Retryable(err):
	case errors.Is(err, kv.ErrUnknownOutcome):
		c.now.unknown = true
	default:
		return fmt.Errorf("%s: %w", c.now.name, err)
	}
	return nil
}

// options choose the cheap durability most of the time: no crash happens here.
func (c *isoClient) options() kv.WriteOptions {
	return kv.WriteOptions{Durability: []kv.Durability{kv.Process, kv.Process, kv.Buffered, kv.Sync}[c.rng.IntN(4)]}
}

func (c *isoClient) newElem(list int) []byte {
	elem := int(c.h.elem.Add(1))
	c.now.appends = append(c.now.appends, isoAppend{list, elem})
	return elemBytes(elem)
}

func (c *isoClient) note(list int, how string, got elems) {
	var own elems
	for _, a := range c.now.appends {
		if a.list == list {
			own = append(own, a.elem)
		}
	}
	c.now.reads = append(c.now.reads, isoRead{list, how, slices.Clone(got), own})
}

// pause lets others go on.
func (c *isoClient) pause() {
	m := c.h.exec.NewMutex()
	for range c.rng.IntN(4) {
		if m.TryLock() { // under Sim a point where another task may be chosen
			m.Unlock()
		}
	}
}

// plainAppend appends to some lists by merges, under no condition.
func (c *isoClient) plainAppend() error {
	c.begin("appends blindly")
	var b kv.Batch
	for range 1 + c.rng.IntN(3) {
		list := c.whole()
		b.Merge(mergeAppend, listKey(list), c.newElem(list))
	}
	seq, err := c.h.store.Apply(context.Background(), &b, c.options())
	return c.end(seq, err)
}

// swapAppend appends by compare-and-swap. That it was done means that the list
// was as expected at that moment.
func (c *isoClient) swapAppend() error {
	list := c.whole()
	old, ok, err := c.h.store.Get(listKey(list), nil)
	if err != nil {
		return err
	}
	c.pause()
	c.begin("compares and swaps")
	c.note(list, "compare", decodeElems(old))
	swapped, _, err := kv.CompareAndSwap(context.Background(), c.h.store, listKey(list), kv.KV{Value: old, Absent: !ok},
		kv.KV{Value: append(slices.Clone(old), c.newElem(list)...)}, c.options())
	if err == nil && !swapped {
		err = kv.ErrConflict
	}
	return c.end(0, err)
}

// transaction runs f in a transaction.
func (c *isoClient) transaction(what string, f func(*isoClient, *kv.Txn) error) error {
	c.begin(what)
	tx, err := kv.Begin(context.Background(), c.h.store)
	if err != nil {
		return c.end(0, err)
	}
	defer tx.Abort()
	c.now.snapshot = tx.Seq()
	if err := f(c, tx); err != nil {
		return c.end(0, err)
	}
	c.pause()
	if c.rng.IntN(12) == 0 {
		return c.end(0, errors.Join(kv.ErrConflict, tx.Abort()))
	}
	seq, err := tx.Commit(context.Background(), c.options())
	if len(c.now.appends) == 0 {
		seq = 0
	}
	return c.end(seq, err)
}

func (c *isoClient) readAndAppend(tx *kv.Txn) error {
	for range 1 + c.rng.IntN(4) {
		c.pause()
		var err error
		switch c.rng.IntN(7) {
		case 0:
			list := c.whole()
			tx.Merge(mergeAppend, listKey(list), c.newElem(list))
		case 1:
			err = c.rewrite(tx, c.whole())
		case 2, 3:
			err = c.push(tx, c.spread())
		case 4:
			_, err = c.readWhole(tx, c.whole())
		case 5:
			_, err = c.readSpread(tx, c.spread())
		case 6:
			err = c.readRange(tx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *isoClient) readWhole(tx *kv.Txn, list int) ([]byte, error) {
	val, _, err := tx.Get(listKey(list), nil)
	if err == nil {
		c.note(list, "get", decodeElems(val))
	}
	return val, err
}

// rewrite reads a whole list and puts it with one element more.
func (c *isoClient) rewrite(tx *kv.Txn, list int) error {
	val, err := c.readWhole(tx, list)
	tx.Put(listKey(list), append(val, c.newElem(list)...))
	return err
}

// readSpread reads a spread list by a scan.
func (c *isoClient) readSpread(tx *kv.Txn, list int) (elems, error) {
	var got elems
	it := tx.Iter(kv.IterOptions{Prefix: listKey(list)})
	for ok := it.First(); ok; ok = it.Next() {
		got = append(got, decodeElems(it.Value())...)
	}
	c.note(list, "scan", got)
	return got, it.Close()
}

// push appends to a spread list. It looks only at the last fragment, so all that
// keeps two of them apart is the range behind it.
func (c *isoClient) push(tx *kv.Txn, list int) error {
	it := tx.Iter(kv.IterOptions{Prefix: listKey(list)})
	at := 0
	if it.Last() {
		at = int(binary.BigEndian.Uint16(it.Key()[len(listKey(list)):])) + len(it.Value())/4
	}
	tx.Put(fragmentKey(list, at), c.newElem(list))
	return it.Close()
}

// join replaces the fragments of a list by one, or by two.
func (c *isoClient) join(tx *kv.Txn, list int) error {
	got, err := c.readSpread(tx, list)
	if err != nil || len(got) == 0 {
		return err
	}
	tx.DeleteRange(listKey(list), kv.PrefixEnd(listKey(list)))
	half := c.rng.IntN(len(got))
	putFragment(tx, list, 0, got[:half])
	putFragment(tx, list, half, got[half:])
	return nil
}

func putFragment(tx *kv.Txn, list, at int, part elems) {
	var val []byte
	for _, elem := range part {
		val = append(val, elemBytes(elem)...)
	}
	if len(part) > 0 {
		tx.Put(fragmentKey(list, at), val)
	}
}

// readRange reads several lists by one walk: a list without keys is empty.
func (c *isoClient) readRange(tx *kv.Txn) error {
	from := c.rng.IntN(allLists)
	return c.scan(tx, from, from+1+c.rng.IntN(allLists-from))
}

func (c *isoClient) readAll(tx *kv.Txn) error { return c.scan(tx, 0, allLists) }

func (c *isoClient) scan(tx *kv.Txn, from, to int) error {
	got := make([]elems, allLists)
	of := func(it kv.Iterator) int { return int(it.Key()[8]) } // behind the keyspace
	it := tx.Iter(kv.IterOptions{Lower: listKey(from), Upper: listKey(to)})
	if c.rng.IntN(2) == 0 {
		for ok := it.First(); ok; ok = it.Next() {
			got[of(it)] = append(got[of(it)], decodeElems(it.Value())...)
		}
	} else {
		for ok := it.Last(); ok; ok = it.Prev() {
			got[of(it)] = append(decodeElems(it.Value()), got[of(it)]...)
		}
	}
	for list := from; list < to; list++ {
		c.note(list, "range", got[list])
	}
	return it.Close()
}
