// Package kvbench measures key-value engines side by side, fairly on a noisy
// machine: one engine per process, every result verified. An engine that loses
// or garbles a record fails its run.
//
// [Run] measures one engine in a process of its own, which is the same program
// started again; so main and TestMain of a program that calls Run begin with
// [Child].
//
// # What is measured
//
//   - Keys have 16 bytes, a prefix of 8 (1,000 distinct) and a suffix of 8; they
//     are ordered by index, but spread over all 64 bits. Keys that are missing lie
//     between those that exist: ranges do not reveal them, filters must.
//   - Values follow from index and version, are stamped, and half compressible.
//   - Get copies the value out for everyone; iterators do not copy.
//   - A timed operation includes making the key, making or checking the value
//     (the stamp always, all bytes each 64th time) and one look at the clock.
//   - Fills leave the last Flush out of ops/s; CPU, bytes written and bytes
//     allocated have it in.
//   - Read workloads load the records in random order, flush, compact and warm
//     up. Workloads that share a database settle it again when more than an
//     eighth was written.
//   - Bytes written are those that the process sent to the block layer: a page
//     that is dirtied again before it is written counts once.
//
// # Settings
//
// Cache, write buffer, filter bits, compression, sync and background threads are
// equal where an engine has such a setting; the file of each engine says what
// differs and why.
package kvbench
