package vfs

// SetCapacity makes the disk bytes large, or as large as memory if bytes is 0.
// Room is given out in pages of 4 KiB. When it is used up, writes to new pages,
// Preallocate, Create and MkdirAll fail with ErrNoSpace; a write that has room
// for its first pages writes these. Overwriting, reserved ranges, renames,
// removals and locks go on, and removing, truncating and punching frees room.
// The capacity may be less than what is used.
func (m *Mem) SetCapacity(bytes int64) { m.capacity.Store(max(bytes, 0)) }

// SetReadOnly makes every operation that changes the disk fail with ErrReadOnly,
// or ends that. Sync and shared locks succeed.
func (m *Mem) SetReadOnly(readOnly bool) { m.readOnly.Store(readOnly) }

// Usage returns the capacity and what is free. A disk without limit says that
// it has 1 PiB.
func (m *Mem) Usage(dir string) (Usage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.find(dir); err != nil {
		return Usage{}, pathError("usage", dir, err)
	}
	total := m.capacity.Load()
	if total == 0 {
		total = 1 << 50
	}
	return Usage{Total: total, Free: max(0, total-m.used.Load()*pageSize)}, nil
}

// take takes up to want pages of the disk.
func (m *Mem) take(want int64) int64 {
	for {
		used, got := m.used.Load(), want
		if limit := m.capacity.Load(); limit > 0 {
			got = min(want, max(0, limit/pageSize-used))
		}
		if got == 0 || m.used.CompareAndSwap(used, used+got) {
			return got
		}
	}
}

func (m *Mem) full() bool {
	limit := m.capacity.Load()
	return limit > 0 && m.used.Load()*pageSize >= limit
}

// Corrupt replaces the content of a file by what damage makes of it, durably,
// past handles, capacity and read-only state. The slice is damage's to change.
func (m *Mem) Corrupt(name string, damage func(data []byte) []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.findFile(name)
	if err != nil {
		return pathError("corrupt", name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	data := make([]byte, n.now.size)
	n.now.readAt(data, 0)
	var c content
	c.writeAt(damage(data), 0)
	before := n.now.used
	n.replace(c)
	m.used.Add(c.used - before)
	return nil
}
