package kv

import "encoding/binary"

// KeyspacePrefix returns the eight bytes that all keys of a keyspace begin with.
func KeyspacePrefix(id uint64) []byte { return AppendKeyspace(nil, id) }

// AppendKeyspace appends the prefix of a keyspace to dst.
func AppendKeyspace(dst []byte, id uint64) []byte {
	return binary.BigEndian.AppendUint64(dst, id)
}

// KeyspaceSpan returns the range of all keys of a keyspace.
func KeyspaceSpan(id uint64) Span {
	prefix := KeyspacePrefix(id)
	return Span{Start: prefix, End: PrefixEnd(prefix)}
}
