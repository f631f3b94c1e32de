package lsm

// Balanced returns the options that are right for most: the zero value. The store
// holds at most 64 MiB.
func Balanced() Options { return Options{} }

// WriteHeavy returns options for stores that are written far more than read:
// large memtables, more tables in level 0 before writers are slowed down, quick
// compression, several compactions at once. The store holds up to 512 MiB. Fields
// may be changed after.
func WriteHeavy() Options {
	return Options{Memory: 512 << 20, WriteBuffer: 128 << 20, L0Trigger: 8, L0Slowdown: 20, L0Stop: 36, Compression: []Compression{LZ4},
		LevelBase: 256 << 20, TargetFile: 32 << 20, MaxCompactions: 4, MaxSubcompactions: 4, SegmentBytes: 64 << 20}
}

// ReadHeavy returns options for stores that are read far more than written: a
// large cache, larger filters, few tables to look into. The store holds up to
// 384 MiB. Fields may be changed after.
func ReadHeavy() Options {
	return Options{Memory: 384 << 20, WriteBuffer: 32 << 20, BlockCache: 256 << 20, BloomBits: 14, L0Trigger: 2}
}
