package commit

import (
	"context"
	"sync/atomic"

	"github.com/varvedb/varve/kv"
)

// Keyspace is that of kv.Store; all is what the store holds.
func (p *Pipeline) Keyspace(all kv.Reader, id uint64, opt kv.KeyspaceOptions) (kv.Keyspace, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, kv.ErrClosed
	}
	if _, known := p.unlogged[id]; !known {
		p.unlogged[id] = opt.NoLog
	}
	return &keyspace{all: all, id: id, modified: p.resolver.Track(id)}, nil
}

// keyspace is a kv.Keyspace.
type keyspace struct {
	all      kv.Reader
	id       uint64
	modified *atomic.Uint64
}

func (k *keyspace) ID() uint64           { return k.id }
func (k *keyspace) LastModified() kv.Seq { return kv.Seq(k.modified.Load()) }

// Stats reads the whole keyspace.
func (k *keyspace) Stats(ctx context.Context) (st kv.KeyspaceStats, err error) {
	it := k.all.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(k.id), NoFill: true})
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		st.Keys++
		st.Bytes += int64(len(it.Key()) + len(it.Value()))
		if st.Keys%1024 == 0 && ctx.Err() != nil {
			return st, ctx.Err()
		}
	}
	st.Exact = true
	return st, it.Err()
}
