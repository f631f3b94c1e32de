package lsm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

// schedule starts the background work that is due. No lock may be held.
func (s *Store) schedule() {
	if s.opt.ReadOnly {
		return
	}
	states := s.states()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startFlush()
	for !s.quiet && len(s.running) < s.opt.MaxCompactions {
		v := s.current.Load().tables.Version
		c := s.picker.Pick(v, s.running, states)
		if c == nil && s.hint.Number != 0 {
			c = s.picker.PickFile(v, s.running, states, s.hint.Level, s.hint.Number)
			s.hint = version.LeveledNumber{}
		}
		if c == nil {
			return
		}
		s.beginCompaction(c)
		s.tasks.Go("compact", func() { s.compactInBackground(c) })
	}
}

// beginCompaction notes that c runs. Store.mu must be held.
func (s *Store) beginCompaction(c *version.Compaction) {
	s.picker.Advance(c)
	s.running = append(s.running, c)
}

func (s *Store) compactInBackground(c *version.Compaction) {
	err := s.compact(c, s.isQuiet)
	if errors.Is(err, kv.ErrClosed) {
		return
	}
	s.settle(err)
	if err == nil {
		s.schedule()
		return
	}
	// Another attempt comes after the next flush, or when writers have to wait.
	s.opt.Logger.Error("varve: a compaction failed", "dir", s.opt.Dir, "compaction", c.String(), "err", err)
}

// isQuiet returns an error if the store is being closed.
func (s *Store) isQuiet() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet {
		return kv.ErrClosed
	}
	return nil
}

// compact carries out a compaction that was begun, and ends it.
func (s *Store) compact(c *version.Compaction, stop func() error) error {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running = slices.DeleteFunc(s.running, func(o *version.Compaction) bool { return o == c })
		s.moved.Broadcast()
	}()
	begin := s.opt.Executor.Now()
	files, err := s.carryOut(c, stop)
	s.tellCompaction(begin, c, files, err)
	return err
}

// carryOut writes and installs the outputs, which it returns.
func (s *Store) carryOut(c *version.Compaction, stop func() error) ([]*version.File, error) {
	if c.Trivial {
		return nil, s.installEdit(c.Edit(nil), nil, nil)
	}
	files, err := s.rewrite(c, stop)
	if err != nil {
		return nil, fmt.Errorf("compact %s: %w", c, err)
	}
	var inputs []*version.File
	for _, in := range c.Inputs {
		inputs = append(inputs, in.Files...)
	}
	if err := s.installEdit(c.Edit(files), inputs, nil); err != nil {
		return nil, errors.Join(err, s.discard(err, files...))
	}
	s.compactions.Add(1)
	s.compactedIn.Add(c.Size())
	for _, f := range files {
		s.compactedOut.Add(f.Size)
	}
	return files, nil
}

// rewrite writes the outputs of a compaction, parts of it at a time.
func (s *Store) rewrite(c *version.Compaction, stop func() error) ([]*version.File, error) {
	// What is opened after this sees the newest state or a later one.
	states := s.states()
	points := c.SplitPoints(s.opt.MaxSubcompactions)
	parts := make([]part, len(points)+1)
	for i := range parts {
		w := &rewriter{store: s, states: states, number: s.newNumber, tree: s.version(), compaction: c, stop: stop}
		if i > 0 {
			w.lower = points[i-1]
		}
		if i < len(points) {
			w.upper = points[i]
		}
		parts[i].w = w
	}
	s.rewriteParts(c, parts)
	return gather(s, parts)
}

// part is the keys of a compaction from one split point to the next.
type part struct {
	w     *rewriter
	files []*version.File
	err   error
}

// rewriteParts writes all parts but the first in tasks of their own.
func (s *Store) rewriteParts(c *version.Compaction, parts []part) {
	others := vfs.NewGroup(s.opt.Executor)
	for i := 1; i < len(parts); i++ {
		others.Go("compact a part", func() { parts[i].write(s, c) })
	}
	parts[0].write(s, c)
	others.Wait()
}

func (p *part) write(s *Store, c *version.Compaction) {
	in := &inputs{store: s}
	defer in.close()
	if p.err = in.open(c); p.err != nil {
		return
	}
	p.w.tombstones = in.tombstones().Visible(p.w.states)
	in.merged.SeekGE(p.w.lower, entry.Newest)
	p.files, p.err = p.w.run(in)
}

// gather returns the outputs of all parts. If one has failed it removes those of
// the others.
func gather(s *Store, parts []part) (files []*version.File, err error) {
	for _, p := range parts {
		files = append(files, p.files...)
		err = errors.Join(err, p.err)
	}
	if err != nil {
		return nil, errors.Join(err, s.discard(nil, files...))
	}
	return files, nil
}

// inputs walks the tables of a compaction, forward. It is a walk.
type inputs struct {
	store *Store
	merged
	tables []*table
	ranges []rangedel.List
}

// open opens the tables. Those of level 0 are walked one beside the other, those
// of other levels one after the other.
func (in *inputs) open(c *version.Compaction) error {
	for _, l := range c.Inputs {
		for _, f := range l.Files {
			if err := in.hold(f, l.Level == 0); err != nil {
				return err
			}
		}
		if l.Level > 0 && len(l.Files) > 0 {
			walk, h := new(levelIter), new(hold)
			h.init(in.store.readers)
			walk.init(h, l.Level, l.Files, inputOptions, nil)
			in.sources = append(in.sources, source{Iterator: walk})
		}
	}
	return nil
}

// hold opens a table, which is a source if it is walked beside the others.
func (in *inputs) hold(f *version.File, beside bool) error {
	t, err := in.store.readers.held(f)
	if err != nil {
		return err
	}
	in.tables = append(in.tables, t)
	if f.Tombstones > 0 {
		in.ranges = append(in.ranges, t.Tombstones())
	}
	if beside {
		in.sources = append(in.sources, source{Iterator: t.NewIter(inputOptions)})
	}
	return nil
}

// inputOptions read a table as a whole, past the cache.
var inputOptions = sst.IterOptions{NoFill: true, Sequential: true}

func (in *inputs) tombstones() rangedel.List { return rangedel.Merge(in.ranges...) }

func (in *inputs) Key() []byte            { return in.top().key }
func (in *inputs) Trailer() entry.Trailer { return in.top().trailer }
func (in *inputs) Value() []byte          { return in.top().Value() }
func (in *inputs) Next() bool             { return in.Step() }
func (in *inputs) Err() error             { return in.err }

func (in *inputs) close() {
	for i := range in.sources {
		if l, ok := in.sources[i].Iterator.(*levelIter); ok {
			l.hold.release()
		}
	}
	// What they read was checked.
	_ = in.merged.Close()
	for _, t := range in.tables {
		t.release()
	}
}

// Compact implements kv.Compactor: it writes the memtables, and merges what is in
// the span down to the last level, without what was deleted or overwritten.
func (s *Store) Compact(ctx context.Context, span kv.Span, progress func(kv.Progress)) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	if s.opt.ReadOnly {
		return fmt.Errorf("%s was opened read-only: %w", s.opt.Dir, kv.ErrReadOnly)
	}
	report := kv.Progress{Stage: "compact"}
	first := s.newNumber() // tables of this or a higher number are new
	for level := range version.NumLevels {
		for lower := span.Start; ; {
			c, err := s.takeRange(ctx, level, lower, span.End, first)
			if err != nil {
				return err
			}
			if c == nil {
				break
			}
			if err := s.compact(c, ctx.Err); err != nil {
				return err
			}
			report.Done += c.Size()
			report.Total = max(report.Total, report.Done)
			if progress != nil {
				progress(report)
			}
			if lower = c.Next(); lower == nil {
				break
			}
		}
	}
	s.schedule()
	return nil
}

// takeRange begins a compaction of a level's part of a range; nil if it has none.
// Tables of the last level are passed over if they are new.
func (s *Store) takeRange(ctx context.Context, level int, lower, upper []byte, first uint64) (*version.Compaction, error) {
	states := s.states()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, blocked := s.picker.PickRange(s.current.Load().tables.Version, s.running, states, level, lower, upper)
		switch {
		case c == nil && blocked:
			s.moved.Wait()
		case c == nil:
			return nil, nil
		case c.Output > level || !allNew(c, first):
			s.beginCompaction(c)
			return c, nil
		default:
			if lower = c.Next(); lower == nil {
				return nil, nil
			}
		}
	}
}

// allNew reports whether all inputs have the number first or a higher one.
func allNew(c *version.Compaction, first uint64) bool {
	for _, in := range c.Inputs {
		for _, f := range in.Files {
			if f.Number < first {
				return false
			}
		}
	}
	return true
}
