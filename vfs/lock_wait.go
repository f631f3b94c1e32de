package vfs

import (
	"context"
	"errors"
	"io"
	"time"
)

// WaitLock is FS.Lock for a caller that waits, up to timeout by the clock of
// exec, until whoever holds the lock lets it go. If ctx ends before, the error is
// that of the lock and of ctx.
func WaitLock(ctx context.Context, fsys FS, exec Executor, name string, opt LockOptions, timeout time.Duration) (io.Closer, error) {
	const pause = 20 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		lock, err := fsys.Lock(name, opt)
		if err == nil || !errors.Is(err, ErrLocked) || waited >= timeout {
			return lock, err
		}
		Sleep(exec, pause)
		if ctx.Err() != nil {
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// Sleep waits by the clock of exec.
func Sleep(exec Executor, d time.Duration) {
	mu := exec.NewMutex()
	over := exec.NewCond(mu)
	slept := false
	exec.AfterFunc(d, func() {
		mu.Lock()
		defer mu.Unlock()
		slept = true
		over.Broadcast()
	})
	mu.Lock()
	defer mu.Unlock()
	for !slept {
		over.Wait()
	}
}
