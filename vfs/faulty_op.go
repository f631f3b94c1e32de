package vfs

// OpKind is a kind of disk operation.
type OpKind uint8

// The kinds of operations that a Faulty counts: the methods of FS, of the closer
// that Lock returns, of File and of Mapper.
const (
	OpCreate OpKind = iota
	OpOpen
	OpOpenWrite
	OpLink
	OpRename
	OpRemove
	OpMkdir
	OpList
	OpStat
	OpSyncDir
	OpLock
	OpUnlock
	OpUsage
	OpRead
	OpWrite
	OpTruncate
	OpSync
	OpPreallocate
	OpPunch
	OpSize
	OpCloseFile
	OpMap
)

var opNames = [...]string{
	OpCreate:      "create",
	OpOpen:        "open",
	OpOpenWrite:   "open for writing",
	OpLink:        "link",
	OpRename:      "rename",
	OpRemove:      "remove",
	OpMkdir:       "mkdir",
	OpList:        "list",
	OpStat:        "stat",
	OpSyncDir:     "sync directory",
	OpLock:        "lock",
	OpUnlock:      "unlock",
	OpUsage:       "usage",
	OpRead:        "read",
	OpWrite:       "write",
	OpTruncate:    "truncate",
	OpSync:        "sync",
	OpPreallocate: "preallocate",
	OpPunch:       "punch hole",
	OpSize:        "size",
	OpCloseFile:   "close",
	OpMap:         "map",
}

// String names the kind.
func (k OpKind) String() string {
	if int(k) < len(opNames) {
		return opNames[k]
	}
	return "unknown operation"
}

// Mutates reports whether operations of the kind change what a power cut at that
// moment could leave: content, names, or how much of them is durable. Locks do
// not count.
func (k OpKind) Mutates() bool {
	switch k {
	case OpCreate, OpLink, OpRename, OpRemove, OpMkdir, OpSyncDir,
		OpWrite, OpTruncate, OpSync, OpPreallocate, OpPunch:
		return true
	}
	return false
}

// Op is one operation on a Faulty.
type Op struct {
	Kind OpKind
	// Name is the file or directory, with which it was opened or which was
	// given; of Link and Rename the old name.
	Name string
	// NewName is the second name of Link and Rename.
	NewName string
	// Index counts all operations of the Faulty, from 0.
	Index int64
	// Offset and Length are those of Read, Write, Preallocate, Punch and Map;
	// Offset is the new size of Truncate.
	Offset, Length int64
}
