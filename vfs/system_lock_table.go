//go:build aix || solaris || (!unix && !windows)

package vfs

import (
	"os"
	"path/filepath"
	"sync"
)

// processLocks are the locks of this process, by absolute name: how many shared
// ones, or -1 for an exclusive one. It is the only state of the package, since
// these platforms have no locks of their own and all values of System must
// exclude each other.
var processLocks struct {
	mu   sync.Mutex
	held map[string]int
}

// lockFile locks the file against others of this process.
func lockFile(f *os.File, shared bool) (unlock func() error, err error) {
	name, err := filepath.Abs(f.Name())
	if err != nil {
		return nil, err
	}
	locks := &processLocks
	locks.mu.Lock()
	defer locks.mu.Unlock()
	if n := locks.held[name]; n < 0 || n > 0 && !shared {
		return nil, errHeld
	}
	if locks.held == nil {
		locks.held = map[string]int{}
	}
	if shared {
		locks.held[name]++
	} else {
		locks.held[name] = -1
	}
	return func() error { unlockName(name); return nil }, nil
}

func unlockName(name string) {
	processLocks.mu.Lock()
	defer processLocks.mu.Unlock()
	if n := processLocks.held[name]; n > 1 {
		processLocks.held[name] = n - 1
		return
	}
	delete(processLocks.held, name)
}
