//go:build !linux && !darwin && !freebsd && !dragonfly && !openbsd && !netbsd && !windows

package vfs

import (
	"errors"
	"os"
)

// usage is not known here.
func usage(dir string) (Usage, error) {
	if _, err := os.Stat(dir); err != nil {
		return Usage{}, err
	}
	return Usage{}, errors.ErrUnsupported
}
