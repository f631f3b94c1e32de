package varve

import (
	"context"
	"encoding/binary"

	"github.com/varvedb/varve/kv"
)

// reclaim starts the removal of discarded keyspaces in the background, unless it
// runs already.
func (db *DB) reclaim() {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.reclaiming || db.closed {
		return
	}
	db.reclaiming = true
	db.tasks.Go("reclaim", func() {
		for db.reclaimOne() {
		}
	})
}

// reclaimOne removes a piece of a discarded keyspace. It reports whether it
// should be called again; if not, it has ended the task.
func (db *DB) reclaimOne() bool {
	db.mu.Lock()
	stop := db.closed
	db.mu.Unlock()
	space, found, err := db.discarded()
	if err == nil && found && !stop {
		err = db.reclaimPiece(space)
	}
	if err != nil && !stop {
		db.opt.Logger.Warn("varve: giving back the room of a dropped collection failed; it is tried again at the next drop or opening", "err", err)
	}
	if err == nil && found && !stop {
		return true
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.reclaiming = false
	return false
}

// discarded returns a keyspace that is to be removed.
func (db *DB) discarded() (space uint64, found bool, err error) {
	it := db.store.Iter(kv.IterOptions{Prefix: catalogKey(rowReclaim, ""), KeysOnly: true})
	if found = it.First(); found {
		space = binary.BigEndian.Uint64(it.Key()[9:])
	}
	return space, found, it.Close()
}

// pieceKeys is how many keys are removed at once, so that an engine whose range
// deletes take time in proportion holds up nobody.
const pieceKeys = 4096

func (db *DB) reclaimPiece(space uint64) error {
	it := db.store.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(space), KeysOnly: true})
	span := kv.KeyspaceSpan(space)
	last := true
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n > pieceKeys {
			span.End, last = append([]byte(nil), it.Key()...), false
			break
		}
	}
	if err := it.Close(); err != nil {
		return err
	}
	var b kv.Batch
	b.DeleteRange(span.Start, span.End)
	if last {
		b.Delete(spaceRow(rowReclaim, space))
		b.Delete(countKey(space))
	}
	_, err := db.store.Apply(context.Background(), &b, kv.WriteOptions{Durability: kv.Buffered})
	return err
}
