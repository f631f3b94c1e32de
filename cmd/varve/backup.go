package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

func (a *app) backup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Write all collections to a file, while others may write",
		Long: "backup writes all collections, as of now, to a file that restore reads; - is the standard output. The file\n" +
			"gets its name when it is complete and on disk; one that has the name already is replaced then.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && isTerminal(a.out) {
				return usagef("a backup is not text: send the output to a file or a program, or name a file")
			}
			return a.with(reading, func(db *varve.DB) error {
				if args[0] == "-" {
					return a.writeBackup(cmd.Context(), db, a.out)
				}
				return a.backupFile(cmd.Context(), db, args[0])
			})
		},
	}
}

func (a *app) writeBackup(ctx context.Context, db *varve.DB, w io.Writer) (err error) {
	b := a.newBar("backup", db.Metrics().LiveBytes, true)
	defer func() { b.end(err) }()
	return db.Backup(ctx, w, func(p kv.Progress) { b.set(p.Done) })
}

func (a *app) backupFile(ctx context.Context, db *varve.DB, name string) (err error) {
	begin := time.Now()
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(a.writeBackup(ctx, db, f), f.Sync())
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	if err := syncParent(name); err != nil {
		return err
	}
	took := time.Since(begin)
	return a.result(map[string]any{"file": name, "bytes": info.Size(), "seconds": took.Seconds()},
		"backed up to %s: %s in %s", name, size(info.Size()), short(took))
}

// syncParent makes the name of a file or directory durable.
func syncParent(name string) error {
	return vfs.System().SyncDir(filepath.ToSlash(filepath.Dir(name)))
}

func (a *app) restore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE|-",
		Short: "Make a new database from a backup",
		Long: "restore makes a new database in the directory of --db, which must be empty or not there, from a backup;\n" +
			"- is the standard input. A directory that was not there gets its name when all is in it and on disk.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.dir == "" {
				return errNoDir
			}
			if args[0] == "-" {
				return a.restoreFrom(cmd.Context(), a.in, 0)
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			return a.restoreFrom(cmd.Context(), f, info.Size())
		},
	}
}

func (a *app) restoreFrom(ctx context.Context, r io.Reader, bytes int64) error {
	begin := time.Now()
	dir, err := filepath.Abs(a.dir)
	if err != nil {
		return err
	}
	there, err := isEmpty(dir)
	if err != nil {
		return err
	}
	restore := a.restoreBeside
	if there {
		restore = a.fill // it may be one that cannot be replaced, as a mounted disk
	}
	n, err := restore(ctx, dir, r, bytes)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	return a.result(map[string]any{"db": a.dir, "collections": n, "seconds": took.Seconds()},
		"restored %s to %s in %s", counted(int64(n), "collection", "collections"), a.dir, short(took))
}

// restoreBeside fills another directory and renames it: half a restored database
// would open as a whole one.
func (a *app) restoreBeside(ctx context.Context, dir string, r io.Reader, bytes int64) (n int, err error) {
	work := dir + ".restoring"
	if there, err := isEmpty(work); there || err != nil {
		return 0, errors.Join(err, fmt.Errorf("%s is left from a restore that was interrupted: remove it first", work))
	}
	if n, err = a.fill(ctx, work, r, bytes); err != nil {
		return 0, errors.Join(err, os.Remove(work))
	}
	if err := os.Rename(work, dir); err != nil {
		return 0, err
	}
	return n, syncParent(dir)
}

// fill restores a backup into a directory, which stays empty if that fails, and
// returns how many collections there are.
func (a *app) fill(ctx context.Context, dir string, r io.Reader, bytes int64) (collections int, err error) {
	b := a.newBar("restore", bytes, true)
	db, err := varve.Restore(ctx, dir, nil, r, func(p kv.Progress) { b.set(p.Done) })
	b.end(err)
	if err != nil {
		return 0, errors.Join(err, empty(dir))
	}
	list, err := db.Collections("")
	return len(list), errors.Join(err, db.Close())
}

// empty removes what is in a directory.
func empty(dir string) error {
	list, err := os.ReadDir(dir)
	for _, e := range list {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// isEmpty reports whether there is a directory; that it holds something is an
// error.
func isEmpty(dir string) (there bool, err error) {
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err == nil && len(list) > 0:
		return true, fmt.Errorf("restore to %s: it holds %s: %w", dir, list[0].Name(), varve.ErrExist)
	}
	return true, err
}
