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
)

func (a *app) backup() *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Write all collections to a file, while others may write",
		Long: "backup writes all collections, as of now, to a file that restore reads; - is the standard output. The file\n" +
			"gets its name when it is complete and on disk; one that has the name already is replaced then. With --since\n" +
			"it writes what has changed since another backup; that works as long as the log reaches back to it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt := reading
			if since != "" {
				opt.ReadOnly = false // the log is read by who writes it
			}
			return a.with(opt, func(db *varve.DB) error { return a.backupFile(cmd.Context(), db, args[0], since) })
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "write what has changed since this backup `FILE` was made")
	return cmd
}

// writeBackup writes a full backup, or what has changed since the one in a file.
func (a *app) writeBackup(ctx context.Context, db *varve.DB, w io.Writer, since string) (err error) {
	b := a.newBar("backup", db.Metrics().LiveBytes, true)
	defer func() { b.end(err) }()
	progress := func(p kv.Progress) { b.set(p.Done) }
	if since == "" {
		_, err = db.Backup(ctx, w, progress)
		return err
	}
	f, err := os.Open(since)
	if err != nil {
		return err
	}
	before, err := kv.ReadBackupInfo(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", since, err)
	}
	_, err = db.BackupSince(ctx, before.Until, w, progress)
	if errors.Is(err, kv.ErrCompacted) {
		return fmt.Errorf("%w since %s; make a full backup, without --since", err, since)
	}
	return err
}

func (a *app) backupFile(ctx context.Context, db *varve.DB, name, since string) error {
	begin := time.Now()
	n, err := a.writeFile(ctx, name, func(w io.Writer) error { return a.writeBackup(ctx, db, w, since) })
	if err != nil || name == "-" {
		return err
	}
	took := time.Since(begin)
	return a.result(map[string]any{"file": name, "bytes": n, "seconds": took.Seconds()},
		"backed up to %s: %s in %s", name, size(n), short(took))
}

func (a *app) restore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE|- [INCREMENT...]",
		Short: "Make a new database from a backup",
		Long: "restore makes a new database in the directory of --db, which must be empty or not there, from a backup and\n" +
			"those that backup --since made after it, in order; - is the standard input. A directory that was not there\n" +
			"gets its name when all is in it and on disk.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.dir == "" {
				return errNoDir
			}
			var from streams
			defer from.close()
			for _, name := range args {
				if err := from.add(a, name); err != nil {
					return err
				}
			}
			return a.restoreFrom(cmd.Context(), &from)
		},
	}
}

// streams are the backups to restore from.
type streams struct {
	list  []io.Reader
	files []*os.File
	bytes int64
}

func (s *streams) add(a *app, name string) error {
	if name == "-" {
		s.list = append(s.list, a.in)
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	s.list, s.files = append(s.list, f), append(s.files, f)
	info, err := f.Stat()
	if err == nil {
		s.bytes += info.Size()
	}
	return err
}

func (s *streams) close() {
	for _, f := range s.files {
		f.Close()
	}
}

func (a *app) restoreFrom(ctx context.Context, from *streams) error {
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
	n, err := restore(ctx, dir, from)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	return a.result(map[string]any{"db": a.dir, "collections": n, "seconds": took.Seconds()},
		"restored %s to %s in %s", counted(int64(n), "collection", "collections"), a.dir, short(took))
}

// restoreBeside fills another directory and renames it: half a restored database
// would open as a whole one.
func (a *app) restoreBeside(ctx context.Context, dir string, from *streams) (n int, err error) {
	work := dir + ".restoring"
	if there, err := isEmpty(work); there || err != nil {
		return 0, errors.Join(err, fmt.Errorf("%s is left from a restore that was interrupted: remove it first", work))
	}
	if n, err = a.fill(ctx, work, from); err != nil {
		return 0, errors.Join(err, os.Remove(work))
	}
	if err := os.Rename(work, dir); err != nil {
		return 0, err
	}
	return n, syncParent(dir)
}

// fill restores a backup into a directory, which stays empty if that fails, and
// returns how many collections there are.
func (a *app) fill(ctx context.Context, dir string, from *streams) (collections int, err error) {
	b := a.newBar("restore", from.bytes, true)
	var before, last int64 // the streams count each for itself
	db, err := varve.Restore(ctx, dir, nil, func(p kv.Progress) {
		if p.Done < last {
			before += last
		}
		last = p.Done
		b.set(before + last)
	}, from.list[0], from.list[1:]...)
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
