package version

import (
	"encoding/binary"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// rowNode begins the keys of nodes within a keyspace: birth and number follow,
// big-endian, so that the nodes of a commit lie together, and those of the newest
// at the end of the keyspace.
const rowNode = '~'

func appendNodeKey(dst []byte, space uint64, id NodeID) []byte {
	dst = append(kv.AppendKeyspace(dst, space), rowNode)
	dst = binary.BigEndian.AppendUint64(dst, uint64(id.Birth))
	return binary.BigEndian.AppendUint32(dst, id.Seq)
}

// NodeKey returns the key under which a node is stored in a keyspace: for those
// who keep trees of their own, to delete nodes that a change has replaced.
func NodeKey(keyspace uint64, id NodeID) []byte { return appendNodeKey(nil, keyspace, id) }

// birthSpan is the range of the nodes that a commit wrote.
func birthSpan(space uint64, birth CommitID) kv.Span {
	start := append(kv.KeyspacePrefix(space), rowNode)
	start = binary.BigEndian.AppendUint64(start, uint64(birth))
	return kv.Span{Start: start, End: kv.PrefixEnd(start)}
}

// pages reads the nodes of a keyspace through the cache. It belongs to one
// goroutine.
type pages struct {
	r     kv.Reader
	space uint64
	cache *Cache
	key   []byte
}

// node returns a leaf or inner node of the given height.
func (p *pages) node(id NodeID, height uint8) (*node, error) { return p.fetch(id, height, true) }

// fetch is node, and keeps what was not in the cache there if keep is set.
func (p *pages) fetch(id NodeID, height uint8, keep bool) (*node, error) {
	n := p.cache.get(p.space, id)
	if n == nil {
		data, err := p.read(id)
		if err != nil {
			return nil, err
		}
		if n, err = decodeNode(id, data); err != nil {
			return nil, p.damaged(id, err.Error())
		}
		if keep {
			p.cache.put(p.space, n)
		}
	}
	if n.height != height {
		return nil, p.damaged(id, fmt.Sprintf("it has height %d, its parent says %d", n.height, height))
	}
	return n, nil
}

// value returns the value of an entry; it belongs to the caller only if it was
// large.
func (p *pages) value(e *entry) ([]byte, error) {
	if e.big == (NodeID{}) {
		return e.value, nil
	}
	data, err := p.read(e.big)
	if err != nil {
		return nil, err
	}
	v, err := decodeValue(e.big, data)
	if err == nil && uint64(len(v)) != e.size {
		err = fmt.Errorf("the value has %d bytes, its entry says %d", len(v), e.size)
	}
	if err != nil {
		return nil, p.damaged(e.big, err.Error())
	}
	return v, nil
}

func (p *pages) read(id NodeID) ([]byte, error) {
	p.key = appendNodeKey(p.key[:0], p.space, id)
	data, ok, err := p.r.Get(p.key, nil)
	if err == nil && !ok {
		err = p.damaged(id, missingNode)
	}
	return data, err
}

const missingNode = "it is missing"

// damaged is the error for a node that is not what was written.
func (p *pages) damaged(id NodeID, what string) error {
	return &kv.CorruptionError{
		File:   fmt.Sprintf("node %s, written by commit %d, in keyspace %d", id, uint64(id.Birth), p.space),
		Offset: -1, What: what,
	}
}
