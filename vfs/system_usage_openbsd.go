package vfs

import "syscall"

func usage(dir string) (Usage, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return Usage{}, err
	}
	block := int64(st.F_bsize)
	return Usage{Total: int64(st.F_blocks) * block, Free: max(0, int64(st.F_bavail)) * block}, nil
}
