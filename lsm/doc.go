// Package lsm is the log-structured merge engine: writes go to a log and to a
// sorted table in memory, from there to immutable table files, and compaction
// merges these in the background into levels of growing size. It holds data far
// larger than memory and is the engine for most programs.
//
// # How a batch is applied
//
// Package commit orders batches, logs them and shows them in order. A batch that
// is durable enough is added to the memtable that was active when it was ordered;
// when that one is full the log is cut, a new memtable takes over, and the full
// one is written to tables: of level 0, but where much of it lies between two keys
// that no table covers, that part goes as deep as nothing else is in its range.
//
// # How a key is read
//
// A reader takes the state of the store (memtables and version, an immutable set
// of tables), and after it the newest visible number; in the other order a key
// could be overwritten, flushed and compacted in between, and neither of its
// values be found. It then asks the memtables, the tables of level 0 from the
// newest on, and one table of each further level. A Get takes no lock and counts
// no references: should a table be compacted away and closed under it, it begins
// anew. Iterators pin their version, whose files stay until they move after the next
// flush; flushes and compactions keep what they see.
//
// # Files
//
//	LOCK              the lock of the directory
//	manifest-*.log    a journal of edits: which tables and segments belong to the store
//	*.log             the write-ahead log, a journal
//	*.sst             tables
//
// docs/format.md has the bytes.
//
// # Locks
//
// In this order: Store.install (one change of the manifest at a time), the lock of
// the commit pipeline, Store.mu. No file operation happens under the last two.
package lsm
