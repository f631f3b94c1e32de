//go:build cgo_peers

package kvbench

// cgoEntrants are the peers in C and C++, which need their libraries with
// headers (librocksdb, liblmdb).
func cgoEntrants() []Entrant {
	return []Entrant{
		{Name: "rocksdb", CGo: true, Unsynced: Buffered, Notes: "filters outside of the cache; one crossing to C per call", open: openRocks},
		{Name: "lmdb", CGo: true, Unsynced: Buffered, Notes: "maps its file; no group commit", open: func(c Config) (Engine, error) { return openLMDB(c, false) }},
		{Name: "lmdb-wm", CGo: true, Unsynced: Buffered, Notes: "lmdb with MDB_WRITEMAP", open: func(c Config) (Engine, error) { return openLMDB(c, true) }},
	}
}
