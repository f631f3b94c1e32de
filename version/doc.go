// Package version is a map with history, after Git's model: branches, commits,
// tags, merges, diffs, and every old state readable. It lives in one keyspace
// of any [kv.Store].
//
// # Trees
//
// A state of the map is a copy-on-write B+ tree, [Tree], whose nodes never
// change; so states share what they have in common. Each node is named by the
// commit that wrote it and a number. Each child pointer carries the number of
// entries below, which gives Len, Rank and Select at every commit in O(log n),
// and their fingerprint ([Sum]), which tells in O(1) whether two states are
// equal.
package version
