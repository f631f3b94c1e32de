// Package stripe counts without all who count writing to one place.
package stripe

import "sync/atomic"

// Counter is a counter that many goroutines raise and few read. The zero value is
// ready to use.
type Counter struct {
	parts [16]struct {
		n atomic.Int64
		_ [56]byte // to the next cache line
	}
}

// Add counts one, at a place that depends on key.
func (c *Counter) Add(key []byte) {
	i := 0
	if n := len(key); n > 0 {
		i = int(key[n-1]) % len(c.parts)
	}
	c.parts[i].n.Add(1)
}

// Load returns the count.
func (c *Counter) Load() (sum int64) {
	for i := range c.parts {
		sum += c.parts[i].n.Load()
	}
	return sum
}
