// Package pagecache keeps pages in memory within a bound of bytes, and on a log
// store as an image and a few fragments. What a page is, the user says with a
// [Materializer].
//
//	page := c.Allocate(p)                  // a handle; it is all that leads to the page
//	p, token, err := c.Get(page)           // from memory, or from disk
//	token, ok := c.Replace(page, token, q) // fails if somebody was first
//	token, ok, err = c.Merge(page, token, fragment)
//	location, err := c.Flush(page)         // now it can be evicted, and found again with Attach
//
// A page is a value that nobody changes: Replace and Merge put another in its
// place, by compare-and-swap on the token that Get returned. A user may let pages
// change inside all the same; see Materializer.Freeze. No method takes a lock but
// the eviction, which others do not wait for; a Get of a page in memory allocates
// nothing, and writes nothing to shared memory when the page was used lately.
//
// # On disk
//
// Flush writes what is not on disk yet: the fragments merged since the last time,
// as one record, or, when a page has Options.Fragments of these, its image. So a
// page is read with one read of exact size, and with Fragments more at most, which
// run at the same time. The cache keeps no table of pages: its user stores the
// locations, and knows which records nobody needs any more.
//
// # Eviction
//
// A hand goes round the pages in memory. It lets go of those that are on disk,
// durably, and were not used a second time since it passed: a page that a scan has
// read once goes before one that is used again and again.
package pagecache

import "github.com/varvedb/varve/bwtree/logstore"

// Materializer says what pages are. Its methods may be called concurrently.
type Materializer[P any] interface {
	// Recover makes a page of an image and of the fragments that were merged into
	// it, oldest first. The slices are its to keep. An error says what is wrong
	// with the bytes; Get makes it a *vfs.CorruptionError.
	Recover(image []byte, fragments [][]byte) (P, error)
	// Merge returns p with a fragment merged into it, and does not change p. It
	// may keep the fragment, which nobody changes.
	Merge(p P, fragment []byte) (P, error)
	// Image appends to dst the bytes of which Recover makes p.
	Image(dst []byte, p P) []byte
	// Size is how many bytes of memory p takes.
	Size(p P) int64
	// Freeze is asked before the cache lets go of p, whose image is on disk. A
	// user whose pages never change inside returns true. Otherwise it returns
	// whether p is still what was flushed, and if so lets nobody change it from
	// then on, for good.
	Freeze(p P) bool
}

// Location is where a page is on disk. The zero Location is nowhere.
type Location struct {
	Image     logstore.Ref
	Fragments []logstore.Ref // oldest first; not to be changed
}

// Refs returns all records of the page.
func (l Location) Refs() []logstore.Ref {
	if l.Image == (logstore.Ref{}) {
		return nil
	}
	return append([]logstore.Ref{l.Image}, l.Fragments...)
}

// Options are the settings of a cache. The zero value is good.
type Options struct {
	// Capacity is how many bytes of pages are kept, at most, as long as those that
	// were not flushed and synced leave room. 0 is 16 MiB; less than 0 keeps
	// nothing that need not stay.
	Capacity int64
	// Fragments is how many fragments a page has on disk beside its image before
	// the whole is written again. 0 is 1; less than 0 is none.
	Fragments int
}
