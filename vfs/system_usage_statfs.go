//go:build linux || darwin || freebsd || dragonfly

package vfs

import "syscall"

func usage(dir string) (Usage, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return Usage{}, err
	}
	block := int64(st.Bsize)
	return Usage{Total: int64(st.Blocks) * block, Free: max(0, int64(st.Bavail)) * block}, nil
}
