package version

// Options say how a tree is kept in shape. Fields that are 0 have their default.
type Options struct {
	// L0Trigger is the number of tables in level 0 from which it is compacted.
	// Default 4.
	L0Trigger int
	// BaseBytes is the most that the base level is to hold. Default 64 MiB.
	BaseBytes int64
	// Multiplier is how much larger each level is than the one above. Default 10,
	// at least 2.
	Multiplier int
	// TargetFileSize is where a compaction begins a new table. Default 16 MiB.
	TargetFileSize int64
	// MaxGrandparentBytes is the most that a table may overlap of the level
	// below its own, as all of that is rewritten when it is compacted: a table
	// with more is not moved as it is. Default 10 times TargetFileSize.
	MaxGrandparentBytes int64
	// MaxCompactionBytes is where a compaction takes no more input than it must.
	// Default 25 times TargetFileSize.
	MaxCompactionBytes int64
}

// withDefaults returns o with defaults in place of what is 0 or makes no sense.
func (o Options) withDefaults() Options {
	if o.L0Trigger <= 0 {
		o.L0Trigger = 4
	}
	if o.BaseBytes <= 0 {
		o.BaseBytes = 64 << 20
	}
	if o.Multiplier == 0 {
		o.Multiplier = 10
	}
	o.Multiplier = max(o.Multiplier, 2)
	if o.TargetFileSize <= 0 {
		o.TargetFileSize = 16 << 20
	}
	if o.MaxGrandparentBytes <= 0 {
		o.MaxGrandparentBytes = 10 * o.TargetFileSize
	}
	if o.MaxCompactionBytes <= 0 {
		o.MaxCompactionBytes = 25 * o.TargetFileSize
	}
	return o
}
