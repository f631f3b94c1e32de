package vfs

import "golang.org/x/sys/unix"

func usage(dir string) (Usage, error) {
	var st unix.Statvfs_t
	if err := unix.Statvfs(dir, &st); err != nil {
		return Usage{}, err
	}
	block := int64(st.Frsize)
	return Usage{Total: int64(st.Blocks) * block, Free: int64(st.Bavail) * block}, nil
}
