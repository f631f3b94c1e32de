package kvtest

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"path"
	"strconv"
	"strings"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// onBrokenDisk is the reference engine as it would be if its calls of the file
// system were others.
func onBrokenDisk(wrap func(vfs.FS) vfs.FS) Engine {
	return Engine{Name: "broken", Open: func(ctx context.Context, env Env) (kv.Store, error) {
		env.FS = wrap(env.FS)
		return openDiskRef(ctx, env)
	}}
}

// brokenFS leaves some calls out, or does them at another time.
type brokenFS struct {
	vfs.FS
	noSyncDir    bool
	lateSync     bool                   // a file is synced only after it was renamed
	renameInTwo  bool                   // the target is removed first
	noSync       func(name string) bool // of which files Sync does nothing
	forgivesSync bool                   // a Sync that failed is tried again
	noSums       bool                   // checksums of the log always match
}

func (b *brokenFS) SyncDir(dir string) error {
	if b.noSyncDir {
		return nil
	}
	return b.FS.SyncDir(dir)
}

func (b *brokenFS) Rename(oldname, newname string) error {
	if b.renameInTwo {
		if _, err := b.FS.Stat(newname); err == nil {
			if err := firstWrong(b.FS.Remove(newname), b.FS.SyncDir(path.Dir(newname))); err != nil {
				return err
			}
		}
	}
	err := b.FS.Rename(oldname, newname)
	if err != nil || !b.lateSync {
		return err
	}
	if err := b.FS.SyncDir(path.Dir(newname)); err != nil {
		return err
	}
	f, err := b.FS.OpenWrite(newname)
	if err != nil {
		return err
	}
	return firstWrong(f.Sync(), f.Close())
}

func (b *brokenFS) Create(name string) (vfs.File, error) { return b.wrap(b.FS.Create(name)) }

func (b *brokenFS) OpenWrite(name string) (vfs.File, error) { return b.wrap(b.FS.OpenWrite(name)) }

func (b *brokenFS) Open(name string) (vfs.File, error) { return b.wrap(b.FS.Open(name)) }

func (b *brokenFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &brokenFile{f, b}, nil
}

type brokenFile struct {
	vfs.File
	fs *brokenFS
}

func (f *brokenFile) Sync() error {
	switch {
	case f.fs.noSync != nil && f.fs.noSync(path.Base(f.Name())):
		return nil
	case f.fs.lateSync && strings.HasSuffix(f.Name(), ".tmp"):
		return nil
	}
	err := f.File.Sync()
	if err != nil && f.fs.forgivesSync {
		err = f.File.Sync()
	}
	return err
}

func (f *brokenFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	number, isLog := strings.CutSuffix(path.Base(f.Name()), ".log")
	if f.fs.noSums && isLog && off == 0 {
		id, _ := strconv.ParseUint(number, 10, 64)
		repairSums(id, p[:min(n, 32<<10)])
	}
	return n, err
}

// repairSums gives the fragments in the first block of a segment the checksums
// that they should have. The format is that of package journal.
func repairSums(segment uint64, block []byte) {
	le := binary.LittleEndian
	for at := 64; at+16 <= len(block); {
		end := at + 16 + int(le.Uint16(block[at+4:]))
		if block[at+6] == 0 || end > len(block) {
			return
		}
		place := le.AppendUint64(le.AppendUint64(nil, segment), uint64(at))
		table := crc32.MakeTable(crc32.Castagnoli)
		le.PutUint32(block[at:], crc32.Update(crc32.Checksum(place, table), table, block[at+4:end]))
		at = end
	}
}
