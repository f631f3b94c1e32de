// Package bwtree is the lock-free B+ tree engine: a tree whose leaves take changes
// as deltas, on a page cache, on a log store. It reads with one search in memory
// and at most one read of the disk, and its writers do not wait for each other.
//
// # How a batch is applied
//
// A batch becomes a descriptor and goes to the end of a queue by compare-and-swap,
// which orders it and numbers its operations. Whether its conditions hold depends
// on what is before it in the queue and in the tree alone, so anybody may decide
// it. A task, the logger, appends decided batches to the log in order and syncs
// them together; those that ask for no durability need not wait for it. Then the
// operations are added to the leaves, and the published pointer moves over the
// descriptor. Deciding, adding and publishing can be done by anybody, any number of
// times, with the same result: whoever needs a later batch helps the earlier ones.
// So with one goroutine stopped anywhere in a put all others finish. A put takes
// no lock; one that asks to be durable sleeps until the logger wakes it.
//
// # How a key is read
//
// An index that never changes leads from key to page; a newer one replaces it by
// compare-and-swap. A page's leaf is an image, searched by the first four bytes of
// the keys, and a few deltas. A reader takes the leaf, then the number of the
// newest visible operation, and begins anew if the leaf has a successor by then.
// A full leaf is sealed, and a writer that meets it makes the successor, splits it
// if need be, and puts its own change into it. models/ has the protocols.
//
// # Files
//
//	LOCK        the lock of the directory
//	TREE        what belongs to the store; replaced atomically
//	DIR-*       which pages there are and where, at some state
//	*.seg       pages, a log store
//	*.log       batches since, a journal
//
// docs/format.md has the bytes.
package bwtree
