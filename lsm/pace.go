package lsm

import (
	"time"

	"github.com/varvedb/varve/vfs"
)

// pace spreads writing over time: a bucket that fills with a number of tokens a
// second and holds a tenth of a second's.
type pace struct {
	exec vfs.Executor
	rate int64 // tokens a second

	mu   vfs.Mutex // guards what follows
	free time.Time // from when on there are tokens for more
}

func newPace(exec vfs.Executor, rate int64) *pace {
	return &pace{exec: exec, rate: rate, mu: exec.NewMutex(), free: exec.Now()}
}

// burst is how much time's worth of tokens an idle bucket holds.
const burst = 100 * time.Millisecond

// wait takes n tokens, and returns when they are there.
func (p *pace) wait(n int) {
	p.mu.Lock()
	now := p.exec.Now()
	if full := now.Add(-burst); p.free.Before(full) {
		p.free = full
	}
	p.free = p.free.Add(time.Duration(int64(n) * int64(time.Second) / p.rate))
	ahead := p.free.Sub(now)
	p.mu.Unlock()
	if ahead > 0 {
		vfs.Sleep(p.exec, ahead)
	}
}
