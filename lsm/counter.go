package lsm

import "sync/atomic"

// counter counts without all who count writing to one place.
type counter struct {
	parts [16]struct {
		n atomic.Int64
		_ [56]byte // to the next cache line
	}
}

// add counts one, at a place that depends on key, and returns the count there.
func (c *counter) add(key []byte) int64 {
	i := 0
	if n := len(key); n > 0 {
		i = int(key[n-1]) % len(c.parts)
	}
	return c.parts[i].n.Add(1)
}

func (c *counter) load() (sum int64) {
	for i := range c.parts {
		sum += c.parts[i].n.Load()
	}
	return sum
}
