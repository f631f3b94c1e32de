package leaf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"github.com/varvedb/varve/kv"
)

// Image is the versions of the keys of a leaf, as bytes without pointers, on disk
// and in memory alike. Integers are little endian but for the heads:
//
//	 0  4  number of versions
//	 4  4  length of the prefix that all keys have in common
//	 8  4  length of the lower bound
//	12  4  length of the upper bound; 2³²−1 is that there is none
//	16  8  all that was written up to this number is here
//	24  8  highest number of a version
//	32     lower bound, upper bound, prefix
//	       heads: for each version the first 4 bytes of the rest of its key, big
//	       endian, filled up with zeros
//	       offsets: for each version where it begins, from the end of the offsets, 4
//	       versions
//
// A version is the uvarint length of the rest of the key, the rest, the kind
// (1 put, 2 delete, 4 merge), the uvarint number, for a merge the uvarint operator,
// and but for deletes the uvarint length of the value and the value. Versions are
// ordered by key, those of one key from the newest to the oldest.
type Image struct {
	data      []byte
	n         int
	prefix    []byte
	low       []byte
	high      []byte // nil if there is no bound
	upTo      kv.Seq
	newestSeq kv.Seq
	heads     []byte
	offsets   []byte
	versions  []byte
}

const (
	imageHeader = 32
	noBound     = math.MaxUint32
)

// Bytes returns the bytes of the image, which must not be changed.
func (m *Image) Bytes() []byte { return m.data }

// Len returns the number of versions.
func (m *Image) Len() int { return m.n }

// Low returns the lower bound of the keys.
func (m *Image) Low() []byte { return m.low }

// High returns the upper bound of the keys, nil if there is none.
func (m *Image) High() []byte { return m.high }

// UpTo returns the number up to which all that was written to the leaf is here.
func (m *Image) UpTo() kv.Seq { return m.upTo }

// Newest returns the highest number of a version.
func (m *Image) Newest() kv.Seq { return m.newestSeq }

func (m *Image) head(i int) uint32 { return binary.BigEndian.Uint32(m.heads[4*i:]) }

// rest returns the key of version i without the prefix, and what follows it.
func (m *Image) rest(i int) (rest, after []byte) {
	b := m.versions[binary.LittleEndian.Uint32(m.offsets[4*i:]):]
	n, k := uvarint(b)
	return b[k : k+int(n)], b[k+int(n):]
}

// version decodes what follows a key.
func decodeVersion(b []byte) (v version) {
	v.kind = kv.OpKind(b[0])
	seq, k := uvarint(b[1:])
	v.seq, b = kv.Seq(seq), b[1+k:]
	if v.kind == kv.OpMerge {
		id, k := uvarint(b)
		v.merger, b = kv.MergerID(id), b[k:]
	}
	if v.kind != kv.OpDelete {
		n, k := uvarint(b)
		v.value = b[k : k+int(n) : k+int(n)]
	}
	return v
}

// uvarint is binary.Uvarint with a fast way for one byte.
func uvarint(b []byte) (uint64, int) {
	if b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// headOf returns the head of the rest of a key.
func headOf(rest []byte) uint32 {
	if len(rest) >= 4 {
		return binary.BigEndian.Uint32(rest)
	}
	var b [4]byte
	copy(b[:], rest)
	return binary.BigEndian.Uint32(b[:])
}

// find returns the first version whose key is not below key, and whether it is of
// that key. It does not allocate.
func (m *Image) find(key []byte) (i int, found bool) {
	if p := len(m.prefix); p > 0 {
		if len(key) < p || !bytes.Equal(key[:p], m.prefix) {
			if bytes.Compare(key, m.prefix) < 0 {
				return 0, false
			}
			return m.n, false
		}
		key = key[p:]
	}
	head := headOf(key)
	lo, hi := 0, m.n
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		h := m.head(mid)
		if h == head {
			rest, _ := m.rest(mid)
			if bytes.Compare(rest, key) < 0 {
				lo = mid + 1
			} else {
				hi = mid
			}
		} else if h < head {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < m.n && m.head(lo) == head {
		rest, _ := m.rest(lo)
		found = bytes.Equal(rest, key)
	}
	return lo, found
}

// builder makes an image.
type builder struct {
	keys   [][]byte // of versions
	list   []version
	bytes  int
	newest kv.Seq
}

// add adds a version, behind those before. It keeps the slices.
func (b *builder) add(key []byte, v version) {
	b.keys, b.list = append(b.keys, key), append(b.list, v)
	b.bytes += versionCost + len(key) + len(v.value)
	b.newest = max(b.newest, v.seq)
}

// versionCost is about what a version takes beside key and value.
const versionCost = 14

// build makes the image of versions from to before to.
func (b *builder) build(from, to int, low, high []byte, upTo kv.Seq) *Image {
	keys, list := b.keys[from:to], b.list[from:to]
	p := 0
	if len(keys) > 0 {
		p = commonPrefix(keys[0], keys[len(keys)-1])
	}
	size := imageHeader + len(low) + len(high) + p + 8*len(keys)
	for i, key := range keys {
		size += 24 + len(key) - p + len(list[i].value)
	}
	le := binary.LittleEndian
	data := make([]byte, imageHeader, size)
	le.PutUint32(data, uint32(len(keys)))
	le.PutUint32(data[4:], uint32(p))
	le.PutUint32(data[8:], uint32(len(low)))
	le.PutUint32(data[12:], noBound)
	if high != nil {
		le.PutUint32(data[12:], uint32(len(high)))
	}
	le.PutUint64(data[16:], uint64(upTo))
	data = append(append(data, low...), high...)
	if len(keys) > 0 {
		data = append(data, keys[0][:p]...)
	}
	for _, key := range keys {
		data = binary.BigEndian.AppendUint32(data, headOf(key[p:]))
	}
	at := len(data)
	data = append(data, make([]byte, 4*len(keys))...)
	start := len(data)
	var newest kv.Seq
	for i, key := range keys {
		le.PutUint32(data[at+4*i:], uint32(len(data)-start))
		data = appendVersion(data, key[p:], list[i])
		newest = max(newest, list[i].seq)
	}
	le.PutUint64(data[24:], uint64(newest))
	return parse(data)
}

func appendVersion(data, rest []byte, v version) []byte {
	data = append(binary.AppendUvarint(data, uint64(len(rest))), rest...)
	data = binary.AppendUvarint(append(data, byte(v.kind)), uint64(v.seq))
	if v.kind == kv.OpMerge {
		data = binary.AppendUvarint(data, uint64(v.merger))
	}
	if v.kind != kv.OpDelete {
		data = append(binary.AppendUvarint(data, uint64(len(v.value))), v.value...)
	}
	return data
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// parse finds the parts of an image whose lengths are right.
func parse(data []byte) *Image {
	le := binary.LittleEndian
	m := &Image{data: data, n: int(le.Uint32(data)), upTo: kv.Seq(le.Uint64(data[16:])), newestSeq: kv.Seq(le.Uint64(data[24:]))}
	rest := data[imageHeader:]
	take := func(n int) []byte {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	m.low = take(int(le.Uint32(data[8:])))
	if high := le.Uint32(data[12:]); high != noBound {
		m.high = take(int(high))
	}
	m.prefix = take(int(le.Uint32(data[4:])))
	m.heads, m.offsets = take(4*m.n), take(4*m.n)
	m.versions = rest
	return m
}

var errImage = errors.New("malformed leaf")

// Decode returns the image with the given bytes, which it keeps. It checks all of
// them, so that nothing that is done with the image can fail.
func Decode(data []byte) (*Image, error) {
	if len(data) < imageHeader {
		return nil, errImage
	}
	le := binary.LittleEndian
	need := uint64(imageHeader) + uint64(le.Uint32(data[4:])) + uint64(le.Uint32(data[8:])) + 8*uint64(le.Uint32(data))
	if high := le.Uint32(data[12:]); high != noBound {
		need += uint64(high)
	}
	if need > uint64(len(data)) {
		return nil, errImage
	}
	m := parse(data)
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// check checks the versions, their order and the bounds.
func (m *Image) check() error {
	at := 0
	var before []byte
	var seq, newest kv.Seq
	for i := range m.n {
		if int(binary.LittleEndian.Uint32(m.offsets[4*i:])) != at {
			return errImage
		}
		rest, v, n, ok := checkVersion(m.versions[at:])
		if !ok || m.head(i) != headOf(rest) {
			return errImage
		}
		if i > 0 {
			if c := bytes.Compare(before, rest); c > 0 || c == 0 && v.seq >= seq {
				return errImage
			}
		}
		newest = max(newest, v.seq)
		before, seq, at = rest, v.seq, at+n
	}
	if at != len(m.versions) || newest != m.newestSeq || !below(m.low, m.high) {
		return errImage
	}
	if m.n == 0 {
		return nil
	}
	first, _ := m.rest(0)
	if first = append(bytes.Clone(m.prefix), first...); bytes.Compare(first, m.low) < 0 {
		return errImage
	}
	if last := append(bytes.Clone(m.prefix), before...); !below(last, m.high) {
		return errImage
	}
	return nil
}

// checkVersion decodes the version with which b begins, and its length.
func checkVersion(b []byte) (rest []byte, v version, n int, ok bool) {
	all := len(b)
	number := func() uint64 {
		x, k := binary.Uvarint(b)
		if ok = ok && k > 0; !ok {
			return 0
		}
		b = b[k:]
		return x
	}
	part := func() []byte {
		x := number()
		if ok = ok && x <= uint64(len(b)); !ok {
			return nil
		}
		p := b[:x]
		b = b[x:]
		return p
	}
	ok = true
	rest = part()
	if ok = ok && len(b) > 0; !ok {
		return nil, v, 0, false
	}
	v.kind, b = kv.OpKind(b[0]), b[1:]
	v.seq = kv.Seq(number())
	ok = ok && v.seq > 0
	switch v.kind {
	case kv.OpMerge:
		id := number()
		ok = ok && id <= math.MaxUint32
		v.value = part()
	case kv.OpPut:
		v.value = part()
	case kv.OpDelete:
	default:
		ok = false
	}
	return rest, v, all - len(b), ok
}
