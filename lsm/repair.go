package lsm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

// Repair makes a new store in opt.Dir, which must be empty or not there, of what
// can be read of the damaged one in the directory from, and tells what was lost.
// In the latter it writes nothing but the name of the holder into the lock file.
//
// It reads tables block by block, past damaged ones and without their index if
// need be, and the log group by group. If the manifest is damaged it is not known
// which tables belonged to the store; then all that are there are merged by their
// numbers, and keys that were deleted shortly before may be back: everything is
// reported as doubtful. What cannot be read loses the newest value of a key, so
// an older one may take its place; the report names such keys where they are
// known. Numbers of states go on far above the highest that was found.
//
// The new store is durable and verified when Repair returns. On an error nothing
// is left of it. Errors: those of the disk, ErrLocked, ErrNewerFormat, and
// ErrNotExist if there is nothing of a store in from.
func Repair(ctx context.Context, from string, opt *Options) (*kv.Repaired, error) {
	filled, err := opt.filled()
	if err != nil {
		return nil, err
	}
	if filled.Dir == "" || filled.ReadOnly || path.Clean(filled.Dir) == path.Clean(from) {
		return nil, errors.New("lsm: a repair needs another directory for what it saves")
	}
	names, err := filled.FS.List(from)
	if err != nil && !isNotExist(err) {
		return nil, wrapDir("repair", from, err)
	}
	if !slices.ContainsFunc(names, func(n string) bool { return ours(n) && n != place.LockName }) {
		return nil, wrapDir("repair", from, kv.ErrNotExist)
	}
	old := filled
	old.Dir, old.ReadOnly = from, true
	lock, err := old.place().Lock(ctx)
	if err != nil {
		return nil, wrapDir("repair", from, err)
	}
	r := newRepair(ctx, filled, from)
	err = r.run()
	if err = errors.Join(err, lock.Close()); err != nil {
		return nil, wrapDir("repair", from, err)
	}
	return &r.report, nil
}

// repair is one call of Repair.
type repair struct {
	ctx    context.Context
	from   Options // of the damaged store
	to     *Store  // with options and tables alone: it has no log, and nobody reads it
	report kv.Repaired

	known bool          // the manifest was read, and says which tables there are
	state version.State // of it
	made  version.State // of the new store
}

func newRepair(ctx context.Context, opt Options, from string) *repair {
	opt.Filter, opt.OnEvent = nil, nil // nothing is to be changed
	r := &repair{ctx: ctx, from: opt, to: &Store{opt: opt, nextFile: 1, mu: opt.Executor.NewMutex()}}
	r.from.Dir = from
	r.to.seeds = seedsFor(opt.Executor)
	r.to.readers = newReaders(&r.to.opt)
	r.made = version.State{Version: &version.Version{}, FirstLog: 1, NextFile: 1, LastSeq: 1}
	return r
}

func (r *repair) run() error {
	made, err := makeEmptyDir(r.to.opt.FS, r.to.opt.Dir)
	if err != nil {
		return err
	}
	err = r.save()
	r.to.readers.close()
	if err == nil {
		err = r.verify()
	}
	if err != nil {
		return errors.Join(err, undo(r.to.opt.FS, r.to.opt.Dir, made))
	}
	return nil
}

// save writes the new store. The manifest comes last: without it there is none.
func (r *repair) save() error {
	names, err := r.from.FS.List(r.from.Dir)
	if err != nil {
		return err
	}
	if err := r.readManifest(names); err != nil {
		return err
	}
	if r.known {
		err = r.saveKnown()
	} else {
		err = r.saveAll(names)
	}
	if err == nil {
		err = r.saveLog(names)
	}
	if err != nil {
		return err
	}
	r.made.LastSeq += seqGap // numbers of what was lost must not come back
	r.made.NextFile = max(r.made.NextFile, r.to.nextFile)
	if err := r.to.opt.FS.SyncDir(r.to.opt.Dir); err != nil {
		return err
	}
	m, err := createManifest(&r.to.opt, r.made, journal.Tail{})
	if err != nil {
		return err
	}
	return errors.Join(m.close(), r.to.opt.FS.SyncDir(r.to.opt.Dir))
}

// verify opens the new store.
func (r *repair) verify() error {
	opt := r.to.opt
	opt.MustExist, opt.MustBeNew = true, false
	s, err := Open(r.ctx, &opt)
	if err != nil {
		return err
	}
	return errors.Join(s.Verify(r.ctx, nil), s.Close())
}

func (r *repair) lose(file string, offset, bytes int64, keys *kv.Span, what string) {
	r.report.Lost = append(r.report.Lost, kv.Loss{File: file, Offset: offset, Bytes: bytes, Keys: keys, What: what})
}

// loseError reports what an error says that is damage, and returns others.
func (r *repair) loseError(err error, keys *kv.Span) error {
	var damage *kv.CorruptionError
	if !errors.As(err, &damage) {
		return err
	}
	r.lose(damage.File, damage.Offset, -1, keys, damage.What)
	return nil
}

// readManifest learns which tables there are, if the manifest is intact: an older
// list would be of tables that are gone and lack newer ones.
func (r *repair) readManifest(names []string) error {
	state, _, found, err := readManifest(&r.from)
	r.report.Files++
	if err == nil && !found {
		err = &kv.CorruptionError{File: path.Join(r.from.Dir, manifestPrefix+"*"), Offset: -1, What: "no manifest is there"}
	}
	if err == nil && r.isOld(state, names) {
		err = &kv.CorruptionError{File: path.Join(r.from.Dir, manifestPrefix+"*"), Offset: -1,
			What: "it is older than the other files: its end must be missing"}
	}
	if err != nil {
		if errors.Is(err, kv.ErrNewerFormat) {
			return err
		}
		return r.loseError(err, &kv.Span{})
	}
	r.known, r.state = true, state
	r.made.LastSeq = max(state.LastSeq, 1)
	return nil
}

// isOld reports whether there are tables that a manifest does not know, and files
// missing that it names. If the end of a manifest is damaged that looks like a
// write that was not finished.
func (r *repair) isOld(state version.State, names []string) bool {
	unknown := map[string]bool{} // files that were not met below
	for _, name := range names {
		unknown[name] = true
	}
	gone := state.FirstLog > 1 && !unknown[segmentName("", "", state.FirstLog)]
	for _, files := range state.Version.Levels {
		for _, f := range files {
			gone = gone || !unknown[tableName("", f.Number)]
			delete(unknown, tableName("", f.Number))
		}
	}
	newer := false
	for name := range unknown {
		_, ok := tableNumber(name)
		newer = newer || ok
	}
	return newer && gone
}

// saveKnown saves the tables that the manifest names, each into its level.
func (r *repair) saveKnown() error {
	for level, files := range r.state.Version.Levels {
		for _, f := range files {
			saved, err := r.saveTable(f.Number, level, f)
			if err == nil && saved != nil {
				err = r.made.Apply(&version.Edit{Added: []version.LeveledFile{{Level: level, File: saved}}})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// saveAll saves all tables that are there, merged into the last level.
func (r *repair) saveAll(names []string) error {
	var saved []*version.File
	for _, name := range names {
		if number, ok := tableNumber(name); ok {
			f, err := r.saveTable(number, version.NumLevels-1, nil)
			if err != nil {
				return err
			}
			if f != nil {
				saved = append(saved, f)
			}
		}
	}
	if len(saved) == 0 {
		return nil
	}
	slices.Reverse(saved) // the newest first, as names have risen
	files, err := r.merge(saved)
	if err != nil {
		return err
	}
	e := &version.Edit{}
	for _, f := range files {
		e.Added = append(e.Added, version.LeveledFile{Level: version.NumLevels - 1, File: f})
	}
	if err := r.made.Apply(e); err != nil {
		return err
	}
	return r.to.discard(nil, saved...)
}

// merge writes what is newest in tables to new ones, which do not overlap.
func (r *repair) merge(files []*version.File) ([]*version.File, error) {
	in := &inputs{store: r.to}
	defer in.close()
	for _, f := range files {
		if err := in.hold(f, true); err != nil {
			return nil, err
		}
		r.made.LastSeq = max(r.made.LastSeq, f.MaxSeq)
	}
	states := []kv.Seq{r.made.LastSeq}
	w := &rewriter{store: r.to, states: states, number: r.to.newNumber, stop: r.ctx.Err, tombstones: in.tombstones().Visible(states),
		compaction: &version.Compaction{Output: version.NumLevels - 1, Bottommost: true, MaxOutputFileSize: r.to.opt.TargetFile}}
	in.merged.First()
	return w.run(in)
}

// saveTable copies a table if it is intact, and else writes what is left of it
// into a new one; nil if nothing is. Known is what the manifest says, if it does.
func (r *repair) saveTable(number uint64, level int, known *version.File) (*version.File, error) {
	name := tableName(r.from.Dir, number)
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	data, unread, err := readPatiently(r.from.FS, name)
	if isNotExist(err) {
		r.lose(name, -1, known.Size, spanOf(known), "the table is missing")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.report.Files++
	if unread != nil {
		r.lose(name, unread.from, unread.to-unread.from, spanOf(known), fmt.Sprintf("the disk does not give this part: %v", unread.err))
	}
	o, err := r.to.create(r.to.newNumber(), level, level == version.NumLevels-1)
	if err != nil {
		return nil, err
	}
	add := o.Add
	if known != nil && known.Imported {
		add = func(key []byte, _ entry.Trailer, val []byte) error {
			return o.Add(key, entry.MakeTrailer(known.MaxSeq, entry.Put), val)
		}
	}
	found, err := sst.Salvage(data, sst.ReaderOptions{Name: name, FileNumber: number}, add)
	if err == nil {
		for _, t := range found.Tombstones {
			err = errors.Join(err, o.AddTombstone(t))
		}
	}
	if err != nil || found.Entries == 0 && len(found.Tombstones) == 0 {
		err = errors.Join(err, o.abandon())
	}
	if err != nil {
		return nil, err
	}
	r.reportTable(name, int64(len(data)), known, found)
	r.report.Entries += int64(found.Entries)
	if found.Entries == 0 && len(found.Tombstones) == 0 {
		return nil, nil
	}
	return o.finish()
}

// reportTable compares what was found with what should have been there.
func (r *repair) reportTable(name string, size int64, known *version.File, found *sst.Salvaged) {
	for _, g := range found.Gaps {
		keys, bytes := &g.Keys, g.To-g.From
		if found.Whole {
			keys = nil
		}
		if g.To < 0 {
			bytes = -1
		}
		r.lose(name, g.From, bytes, keys, g.What)
	}
	if found.Uncovered && (known == nil || known.Tombstones > 0) {
		r.lose(name, -1, -1, &kv.Span{}, "range deletions may be lost: what they deleted may be back")
	}
	switch {
	case len(found.Gaps) > 0:
	case !found.Whole:
		r.lose(name, -1, -1, spanOf(known), "it does not hold what its properties say")
	case known != nil && (size != known.Size || int64(found.Entries) != known.Entries ||
		int64(len(found.Tombstones)) != known.Tombstones || !known.Imported && found.MaxSeq != known.MaxSeq):
		r.lose(name, -1, -1, spanOf(known), "it is not the table that the manifest says")
	}
}

// spanOf returns the keys that a table has; all if that is not known.
func spanOf(f *version.File) *kv.Span {
	if f == nil {
		return &kv.Span{}
	}
	return &kv.Span{Start: f.Smallest, End: f.Bounds().Upper()}
}

// saveLog adds what the log has and no table.
func (r *repair) saveLog(names []string) error {
	l := &logRepair{repair: r, mem: r.to.newMem(), flushed: r.made.LastSeq}
	l.replay.Apply = l.apply
	from := uint64(0)
	if r.known {
		from = r.state.FirstLog
	}
	if err := l.read(from); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	r.made.LastSeq = max(r.made.LastSeq, l.replay.Seq)
	return l.judge(from, names)
}

// unreadPart is where a disk gave errors.
type unreadPart struct {
	from, to int64
	err      error
}

// readPatiently reads a file; what the disk does not give is zero.
func readPatiently(fsys vfs.FS, name string) (data []byte, unread *unreadPart, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, nil, err
	}
	data = make([]byte, size)
	const piece = 4096 // bytes
	for at := int64(0); at < size; at += piece {
		end := min(at+piece, size)
		if n, err := f.ReadAt(data[at:end], at); int64(n) < end-at && err != nil {
			clear(data[at+int64(n) : end])
			if unread == nil {
				unread = &unreadPart{from: at, err: err}
			}
			unread.to = end
		}
	}
	return data, unread, nil
}
