// Package sst holds the sorted tables of the LSM engine: immutable files of
// entries in the order of entry.Compare, with the range tombstones that go with
// them.
//
// A [Writer] turns rising entries and tombstone fragments into one file. A
// [Reader] answers point lookups from it, and its [Iter] walks it both ways.
//
// # What is guaranteed
//
//   - Every byte that is used was checked against a checksum that covers the
//     file number and the place of its block. Damage is a *vfs.CorruptionError
//     that names file and offset; it is never absence and never a shorter walk.
//   - A key and a value that were read stay as they are for as long as they are
//     referred to: blocks are immutable and left to the garbage collector, and
//     no block has to be released. A key of an Iter is valid until it moves.
//   - A lookup whose blocks are cached allocates nothing and takes no lock, and
//     neither does a step of an iterator within a block.
//   - A writer holds a data block, an index partition, its filter, the top index
//     and the tombstones in memory, and no more. What a reader allocates was
//     announced by a header whose checksum is right and bounded by MaxBlock and
//     by a multiple of what is really in the file.
//
// The bytes on disk are described in format.go. A Reader may be used by many
// goroutines at a time; a Writer and an Iter by one.
package sst
