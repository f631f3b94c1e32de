// Package leak knows the handles that are open and who opened them, so that a
// forgotten iterator or snapshot is reported instead of silently holding on to
// what it reads.
package leak

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Tracker holds the open handles of one store. It is safe for concurrent use.
type Tracker struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[*Handle]struct{}
}

// Handle is the tracker's note of something open. The thing itself points to
// its Handle, never the other way round, so that it can be collected.
type Handle struct {
	tracker *Tracker
	kind    string
	callers [depth]uintptr
	release func()
	cleanup runtime.Cleanup
}

// depth is how many callers of an opening are kept.
const depth = 16

// New returns a tracker that logs what is forgotten to log.
func New(log *slog.Logger) *Tracker {
	return &Tracker{log: log, open: make(map[*Handle]struct{})}
}

// Open notes that thing, of the given kind, is open. When Close of the handle is
// called, or thing is collected without, release is called, once; it must not
// refer to thing.
func Open[T any](t *Tracker, thing *T, kind string, release func()) *Handle {
	h := &Handle{tracker: t, kind: kind, release: release}
	runtime.Callers(3, h.callers[:])
	h.cleanup = runtime.AddCleanup(thing, (*Handle).forgotten, h)
	t.mu.Lock()
	t.open[h] = struct{}{} // from here on CloseAll may close it
	t.mu.Unlock()
	runtime.KeepAlive(thing)
	return h
}

// Close notes that the thing is closed and releases what it held. It is
// idempotent.
func (h *Handle) Close() {
	if h.take() {
		h.cleanup.Stop()
		h.release()
	}
}

// Closed reports whether Close was called.
func (h *Handle) Closed() bool {
	h.tracker.mu.Lock()
	defer h.tracker.mu.Unlock()
	_, open := h.tracker.open[h]
	return !open
}

func (h *Handle) forgotten() {
	if h.take() {
		h.tracker.log.Error("varve: "+h.kind+" was not closed", "opened", h.stack())
		h.release()
	}
}

func (h *Handle) take() bool {
	h.tracker.mu.Lock()
	defer h.tracker.mu.Unlock()
	_, open := h.tracker.open[h]
	delete(h.tracker.open, h)
	return open
}

// Count returns how many handles of a kind are open.
func (t *Tracker) Count(kind string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for h := range t.open {
		if h.kind == kind {
			n++
		}
	}
	return n
}

// CloseAll closes what is open and returns an *Error that tells what it was, or
// nil.
func (t *Tracker) CloseAll() error {
	t.mu.Lock()
	handles := make([]*Handle, 0, len(t.open))
	for h := range t.open {
		handles = append(handles, h)
	}
	t.mu.Unlock()
	if len(handles) == 0 {
		return nil
	}
	e := &Error{}
	for _, h := range handles {
		e.Opened = append(e.Opened, h.kind+" opened by "+h.stack())
		h.Close()
	}
	slices.Sort(e.Opened)
	return e
}

// Error says what was left open.
type Error struct {
	Opened []string // for each, its kind and the stack that opened it
}

// Error lists the first few.
func (e *Error) Error() string {
	const shown = 5
	list := e.Opened[:min(shown, len(e.Opened))]
	return fmt.Sprintf("closed with %d iterators or snapshots left open: %s", len(e.Opened), strings.Join(list, "; "))
}

func (h *Handle) stack() string {
	var b strings.Builder
	frames := runtime.CallersFrames(h.callers[:])
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			fmt.Fprintf(&b, "%s (%s:%d) < ", f.Function, f.File, f.Line)
		}
		if !more {
			return strings.TrimSuffix(b.String(), " < ")
		}
	}
}
