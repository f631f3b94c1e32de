package lsm

import "bytes"

// Decision is what a Filter says of a value.
type Decision int

// The decisions.
const (
	Keep   Decision = iota
	Remove          // the key, as a delete would
	Change          // to the value that is returned
)

// Filter is asked about a key and its value when a compaction writes it to a
// level below which nothing older of the key is, and all snapshots see it: so
// nothing that it removes comes back. Which values are met, and when, is up to
// compaction: a filter cleans up and must not be counted on otherwise. What it
// changes is no write: it has no sequence number, and conditions do not see it.
//
// It is called concurrently, by background tasks, and must neither change nor
// keep its arguments. Level is the one that is written.
type Filter func(level int, key, value []byte) (Decision, []byte)

// filter asks the filter about a value.
func (w *rewriter) filter(key, val []byte) (keep bool, result []byte) {
	d, changed := w.store.opt.Filter(w.compaction.Output, key, val)
	switch d {
	case Remove:
		return false, nil
	case Change:
		return true, bytes.Clone(changed)
	}
	return true, val
}
