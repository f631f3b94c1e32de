package sst

import "github.com/zeebo/xxh3"

// Hash returns the hash of a key that filters and hash indexes use. Whoever
// looks a key up in several tables computes it once.
func Hash(key []byte) uint64 { return xxh3.Hash(key) }

// prefixHash returns the hash of a prefix, which is not that of an equal key.
func prefixHash(prefix []byte) uint64 { return ^xxh3.Hash(prefix) }

// A bucket of the hash index holds the number of a restart, or one of these.
const (
	bucketShared = 254 // several intervals have keys of the bucket
	bucketEmpty  = 255
	maxHashed    = 253 // restarts that a block with a hash index may have
)

// bucketOf returns the bucket, of n, into which a key falls.
func bucketOf(hash uint64, n int) int { return int(uint64(uint32(hash)) * uint64(n) >> 32) }

// bucketsFor returns how many buckets n keys get: one is empty in four or so.
func bucketsFor(keys int) int { return keys*4/3 + 1 }

// hashed is a key of a block that is being written.
type hashed struct {
	hash    uint64
	restart int
}

// appendBuckets appends the hash index of keys.
func appendBuckets(dst []byte, keys []hashed) []byte {
	n := bucketsFor(len(keys))
	start := len(dst)
	for range n {
		dst = append(dst, bucketEmpty)
	}
	buckets := dst[start:]
	for _, k := range keys {
		switch b := &buckets[bucketOf(k.hash, n)]; {
		case *b == bucketEmpty:
			*b = byte(k.restart)
		case int(*b) != k.restart:
			*b = bucketShared
		}
	}
	return dst
}
