package logstore_test

import (
	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// newerHeader writes the header of a format that is not known yet.
func newerHeader(f vfs.File) error {
	h := segfile.Header{Version: 99, Number: 1}
	_, err := f.WriteAt(h.Append(nil, "varveseg"), 0)
	return err
}
