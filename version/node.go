package version

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A node is stored under its id and never changes. Its bytes are
//
//	kind      1 byte: the format (1) in the upper half, the kind in the lower
//	height    1 byte: 0 in leaves, and for large values
//	entries   uvarint count, then the entries in strictly ascending key order
//	checksum  4 bytes: CRC-32C over birth, number (big-endian) and the above
//
// An entry of a leaf is
//
//	uvarint length, key; uvarint stamp; uvarint 2·length, value
//	uvarint length, key; uvarint stamp; uvarint 2·length+1, id, 16 bytes sum
//
// where the second form has its value in a node of its own, and sum is the
// fingerprint of the entry. An entry of an inner node is
//
//	uvarint length, smallest key below; id; uvarint count; 16 bytes sum
//
// with the number of entries below the child and their fingerprint. A node of
// a large value has the value in place of count and entries.
const (
	nodeLeaf  = 0x11
	nodeInner = 0x12
	nodeValue = 0x13

	nodeOverhead = 2 + 4 // kind, height, checksum
)

// maxHeight bounds trees: with two children a node it would still hold more
// than fits a disk.
const maxHeight = 60

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is an entry of a leaf. Its slices lie in the node.
type entry struct {
	key   []byte
	stamp CommitID // the commit that last wrote it
	value []byte   // if big is zero
	big   NodeID   // where a large value is
	size  uint64   // bytes of the value
	sum   Sum      // if big is not zero
}

// kid is a child of an inner node. Its slices lie in the node.
type kid struct {
	min   []byte // smallest key below
	id    NodeID
	count uint64 // entries below
	sum   Sum    // of the entries below
}

// node is a decoded leaf or inner node: its bytes and where the entries begin.
// It is immutable, but for its seat, and shared by all readers.
type node struct {
	id     NodeID
	height uint8
	data   []byte   // up to the checksum
	at     []uint32 // offsets of the entries
	seat   seat     // in the cache
}

func (n *node) leaf() bool { return n.height == 0 }
func (n *node) len() int   { return len(n.at) }

// memory is about how much of the heap the node holds, in bytes.
func (n *node) memory() int { return len(n.data) + 4*len(n.at) + 128 }

// key returns the key of entry i, or the smallest key below child i.
func (n *node) key(i int) []byte {
	b := n.data[n.at[i]:]
	if size := int(b[0]); size < 0x80 {
		return b[1 : 1+size : 1+size]
	}
	key, _, _ := takeBytes(b)
	return key
}

// encoded returns the bytes of entry or child i.
func (n *node) encoded(i int) []byte {
	if i+1 < len(n.at) {
		return n.data[n.at[i]:n.at[i+1]]
	}
	return n.data[n.at[i]:]
}

// entry returns entry i of a leaf.
func (n *node) entry(i int) entry {
	e, _, _ := takeEntry(n.data[n.at[i]:])
	return e
}

// kid returns child i of an inner node.
func (n *node) kid(i int) kid {
	k, _, _ := takeKid(n.data[n.at[i]:])
	return k
}

// search returns the first entry whose key is not below key, and whether it
// has that key.
func (n *node) search(key []byte) (i int, found bool) {
	lo, hi := 0, len(n.at)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if bytes.Compare(n.key(mid), key) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(n.at) && bytes.Equal(n.key(lo), key)
}

// child returns the child below which key is, or would be put.
func (n *node) child(key []byte) int {
	i, found := n.search(key)
	if found || i == 0 {
		return i
	}
	return i - 1
}

func takeEntry(data []byte) (e entry, rest []byte, ok bool) {
	if e.key, rest, ok = takeBytes(data); !ok {
		return e, nil, false
	}
	stamp, rest, ok := takeUvarint(rest)
	if !ok {
		return e, nil, false
	}
	e.stamp = CommitID(stamp)
	size, rest, ok := takeUvarint(rest)
	if !ok {
		return e, nil, false
	}
	e.size = size >> 1
	if size&1 == 0 {
		if e.size > uint64(len(rest)) {
			return e, nil, false
		}
		e.value = rest[:e.size:e.size]
		return e, rest[e.size:], true
	}
	if e.big, rest, ok = takeID(rest); !ok {
		return e, nil, false
	}
	e.sum, rest, ok = takeSum(rest)
	return e, rest, ok
}

func appendEntry(dst []byte, e *entry) []byte {
	dst = appendBytes(dst, e.key)
	dst = binary.AppendUvarint(dst, uint64(e.stamp))
	if e.big == (NodeID{}) {
		dst = binary.AppendUvarint(dst, uint64(len(e.value))<<1)
		return append(dst, e.value...)
	}
	dst = binary.AppendUvarint(dst, e.size<<1|1)
	return appendSum(appendID(dst, e.big), e.sum)
}

func takeKid(data []byte) (k kid, rest []byte, ok bool) {
	if k.min, rest, ok = takeBytes(data); !ok {
		return k, nil, false
	}
	if k.id, rest, ok = takeID(rest); !ok {
		return k, nil, false
	}
	if k.count, rest, ok = takeUvarint(rest); !ok || k.count == 0 {
		return k, nil, false
	}
	k.sum, rest, ok = takeSum(rest)
	return k, rest, ok
}

func appendKid(dst []byte, k *kid) []byte {
	dst = appendID(appendBytes(dst, k.min), k.id)
	return appendSum(binary.AppendUvarint(dst, k.count), k.sum)
}

// seal appends the checksum to the bytes of a node.
func seal(id NodeID, data []byte) []byte {
	return binary.LittleEndian.AppendUint32(data, nodeChecksum(id, data))
}

func nodeChecksum(id NodeID, data []byte) uint32 {
	var where [12]byte
	binary.BigEndian.PutUint64(where[:], uint64(id.Birth))
	binary.BigEndian.PutUint32(where[8:], id.Seq)
	return crc32.Update(crc32.Checksum(where[:], castagnoli), castagnoli, data)
}

// unseal checks what every stored node begins and ends with, and returns it
// without the checksum.
func unseal(id NodeID, data []byte) ([]byte, error) {
	if len(data) < nodeOverhead {
		return nil, fmt.Errorf("it has %d bytes, too few for a node", len(data))
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if got := nodeChecksum(id, body); got != sum {
		return nil, fmt.Errorf("checksum %08x, expected %08x", got, sum)
	}
	if format := body[0] >> 4; format != 1 {
		return nil, fmt.Errorf("format %d, this version knows 1", format)
	}
	return body, nil
}

// decodeNode checks and decodes the bytes of a leaf or inner node, which it
// keeps. It takes memory in proportion to the bytes.
func decodeNode(id NodeID, data []byte) (*node, error) {
	body, err := unseal(id, data)
	if err != nil {
		return nil, err
	}
	return parseNode(id, body)
}

// parseNode is decodeNode for bytes without their checksum.
func parseNode(id NodeID, body []byte) (*node, error) {
	n := &node{id: id, height: body[1], data: body}
	leaf := body[0] == nodeLeaf && n.height == 0
	if !leaf && (body[0] != nodeInner || n.height == 0 || n.height > maxHeight) {
		return nil, fmt.Errorf("kind %#x with height %d", body[0], n.height)
	}
	count, rest, ok := takeUvarint(body[2:])
	if !ok || count == 0 || count > uint64(len(rest)) {
		return nil, fmt.Errorf("it says to have %d entries", count)
	}
	n.at = make([]uint32, count)
	var last []byte
	for i := range n.at {
		n.at[i] = uint32(len(body) - len(rest))
		key, next, ok := skipEntry(rest, leaf)
		if !ok {
			return nil, fmt.Errorf("entry %d is cut off at byte %d", i, n.at[i])
		}
		if i > 0 && bytes.Compare(key, last) <= 0 {
			return nil, fmt.Errorf("entry %d at byte %d is out of order", i, n.at[i])
		}
		last, rest = key, next
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes behind the last entry", len(rest))
	}
	return n, nil
}

func skipEntry(data []byte, leaf bool) (key, rest []byte, ok bool) {
	if leaf {
		e, rest, ok := takeEntry(data)
		return e.key, rest, ok
	}
	k, rest, ok := takeKid(data)
	return k.min, rest, ok
}

// decodeValue checks the bytes of a large value and returns it.
func decodeValue(id NodeID, data []byte) ([]byte, error) {
	body, err := unseal(id, data)
	if err != nil {
		return nil, err
	}
	if body[0] != nodeValue || body[1] != 0 {
		return nil, fmt.Errorf("kind %#x where a value is expected", body[0])
	}
	return body[2:], nil
}
