package kvtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

func openClauses() []clause {
	return []clause{
		{"an empty store can be reopened", openEmpty},
		{"the content is there after reopening", openContent},
		{"opening again and again leaves few files", openOften},
		{"MustExist does not make a store", openMustExist},
		{"MustBeNew does not open one that exists", openMustBeNew},
		{"a second opener is told who holds the store", openLocked},
		{"a directory with other files is refused and left alone", openForeign},
		{"a read-only store is read and not written", openReadOnlyStore},
		{"a read-only opening changes no file", openReadOnlyFiles},
		{"a reader beside a live writer sees a state of it, or is refused", openBesideWriter},
		{"a checkpoint opens with the content of its moment", openCheckpoint},
		{"without a directory the store is a temporary one", openTemporary},
		{"features tell the truth", featuresHold},
	}
}

func openEmpty(s *subject) {
	s.needsFiles()
	for range 3 {
		s.reopen()
		s.holds(s.store)
		snap := s.snapshot()
		s.that(snap.Seq() > 0, "an empty store has a sequence number")
		s.ok(snap.Close())
	}
}

func openContent(s *subject) {
	s.needsFiles()
	want := newContent()
	for round := range 4 {
		for i := range 60 {
			key, val := fmt.Sprint("key", i*(round+1)%97), fmt.Sprint(round, i)
			s.put(key, val)
			want.set(key, val)
		}
		gone := fmt.Sprint("key", round)
		s.apply(func(b *kv.Batch) { b.DeleteRange([]byte(gone), []byte(gone+"1")) })
		s.ok(want.do(modelWrite{kind: kv.OpDeleteRange, key: gone, end: gone + "1"}))
		if f, ok := s.store.(kv.Flusher); ok && round%2 == 1 {
			s.ok(f.Flush(s.t.Context()))
		}
		s.reopen()
		s.ok(sameContent(s.store, want))
		s.ok(verifyAll(s.store))
	}
}

// openOften opens the store as a command does that is called in a loop, now and
// then after a crash.
func openOften(s *subject) {
	s.needsFiles()
	const rounds = 300
	want := newContent()
	for i := range rounds {
		key := fmt.Sprint(i % 40)
		s.durably(func(b *kv.Batch) { b.Put([]byte(key), fmt.Append(nil, i)) })
		want.set(key, fmt.Sprint(i))
		if i%10 == 9 {
			crashed := s.disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
			s.close()
			s.disk, s.env.FS = crashed, crashed
			s.open()
			continue
		}
		s.reopen()
	}
	s.ok(sameContent(s.store, want))
	s.close() // in the background files may still be removed
	files, err := filesBelow(s.disk, s.env.Dir)
	s.ok(err)
	s.that(len(files) < rounds*2/3, "%d openings left fewer than %d files", rounds, len(files))
}

func openMustExist(s *subject) {
	s.needsFiles()
	_, err := s.other(func(env *Env) { env.Dir, env.MustExist = "nothing/here", true })
	s.is(err, kv.ErrNotExist)
	_, err = s.disk.Stat("nothing")
	s.that(err != nil, "no directory was made")
	_, err = s.other(func(env *Env) { env.Dir, env.ReadOnly = "nothing/here", true })
	s.is(err, kv.ErrNotExist)
	_, err = s.disk.Stat("nothing")
	s.that(err != nil, "no directory was made")
	s.put("k", "v")
	s.close()
	s.env.MustExist = true
	s.open()
	s.holds(s.store, "k", "v")
}

func openMustBeNew(s *subject) {
	s.needsFiles()
	store, err := s.other(func(env *Env) { env.Dir, env.MustBeNew = "fresh/one", true })
	s.ok(err)
	s.holds(store)
	s.put("k", "v")
	s.close()
	_, err = s.other(func(env *Env) { env.MustBeNew = true })
	s.is(err, kv.ErrExist)
	s.open()
	s.holds(s.store, "k", "v")
}

func openLocked(s *subject) {
	s.needsFiles()
	s.put("k", "v")
	_, err := s.other(func(*Env) {})
	s.is(err, kv.ErrLocked)
	var locked *kv.LockedError
	s.that(errors.As(err, &locked) && locked.Holder != "", "the error names the holder: %v", err)
	s.holds(s.store, "k", "v")
	s.put("k", "w")
	s.reopen()
	s.holds(s.store, "k", "w")
}

func openForeign(s *subject) {
	s.needsFiles()
	s.ok(vfs.MkdirDurable(s.disk, "foreign"))
	s.ok(vfs.WriteFile(s.disk, "foreign", "foreign/thesis.doc", []byte("years of work")))
	before, err := filesBelow(s.disk, "foreign")
	s.ok(err)
	for _, change := range []func(*Env){func(*Env) {}, func(env *Env) { env.MustBeNew = true }, func(env *Env) { env.ReadOnly = true }} {
		_, err := s.other(func(env *Env) { change(env); env.Dir = "foreign" })
		s.is(err, kv.ErrForeign)
		after, err := filesBelow(s.disk, "foreign")
		s.ok(err)
		s.that(maps.Equal(before, after), "nothing was touched: %v", after)
	}
}

// filesBelow returns the content of each file below dir, by name.
func filesBelow(fsys vfs.FS, dir string) (map[string]string, error) {
	files := map[string]string{}
	names, err := fsys.List(dir)
	for _, name := range names {
		name = path.Join(dir, name)
		info, err := fsys.Stat(name)
		switch {
		case err != nil:
			return nil, err
		case info.IsDir:
			below, err := filesBelow(fsys, name)
			if err != nil {
				return nil, err
			}
			files[name] = "directory"
			maps.Copy(files, below)
		default:
			data, err := vfs.ReadFile(fsys, name, 1<<30)
			if err != nil {
				return nil, err
			}
			files[name] = string(data)
		}
	}
	return files, err
}

func openReadOnlyStore(s *subject) {
	s.needsFiles()
	s.put("a", "1")
	s.merge(mergeAppend, "b", []byte("2"))
	s.close()
	s.env.ReadOnly = true
	s.open()
	s.holds(s.store, "a", "1", "b", "2")
	second, err := s.other(func(*Env) {})
	s.ok(err)
	s.holds(second, "a", "1", "b", "2")
	_, err = s.try(kv.WriteOptions{}, func(b *kv.Batch) { b.Put([]byte("a"), nil) })
	s.is(err, kv.ErrReadOnly)
	tx := s.begin()
	tx.Put([]byte("a"), nil)
	s.is(s.commit(tx), kv.ErrReadOnly)
	s.holds(s.store, "a", "1", "b", "2")
}

func openReadOnlyFiles(s *subject) {
	s.needsFiles()
	for i := range 100 {
		s.put(fmt.Sprint(i), "value")
	}
	s.close()
	before, err := filesBelow(s.disk, "db")
	s.ok(err)
	s.env.ReadOnly = true
	s.open()
	_, err = snapshotContent(s.store)
	s.ok(err)
	s.try(kv.WriteOptions{}, func(b *kv.Batch) { b.Put([]byte("a"), nil) })
	s.ok(verifyAll(s.store))
	s.close()
	after, err := filesBelow(s.disk, "db")
	s.ok(err)
	s.that(maps.Equal(before, after), "the files are the same")
	s.disk.SetReadOnly(true)
	s.open()
	s.wants(s.store, "7", "value")
	s.close()
}

func openBesideWriter(s *subject) {
	s.needsFiles()
	_, err := s.try(kv.WriteOptions{}, func(b *kv.Batch) { b.Put([]byte("a"), []byte("1")) })
	s.ok(err)
	reader, err := s.other(func(env *Env) { env.ReadOnly = true })
	if errors.Is(err, kv.ErrLocked) {
		return
	}
	s.ok(err)
	s.holds(reader, "a", "1")
	s.put("a", "2")
	if f, ok := s.store.(kv.Flusher); ok {
		s.ok(f.Flush(s.t.Context()))
	}
	c, err := snapshotContent(reader)
	s.ok(err)
	s.that(c.values["a"] == "1" || c.values["a"] == "2", "the reader sees a state of the writer: %v", c.values)
}

func openCheckpoint(s *subject) {
	ctx := context.Background()
	cp, ok := s.store.(kv.Checkpointer)
	if !ok || !s.store.Features().Checkpointer {
		s.t.Skip("the engine makes no checkpoints")
	}
	want := s.iterFixture()
	s.merge(mergeAppend, "", []byte("+"))
	s.ok(want.do(modelWrite{kind: kv.OpMerge, merger: mergeAppend, value: "+"}))
	s.ok(cp.Checkpoint(ctx, "copies/one"))
	s.apply(func(b *kv.Batch) { b.DeleteRange(nil, nil) })
	s.ok(cp.Checkpoint(ctx, "copies/two"))
	s.that(cp.Checkpoint(ctx, "copies/one") != nil, "a directory with content is refused")
	one, err := s.other(func(env *Env) { env.Dir, env.MustExist = "copies/one", true })
	s.ok(err)
	s.ok(sameContent(one, want))
	s.ok(verifyAll(one))
	var b kv.Batch
	b.Put([]byte("copy"), nil)
	_, err = one.Apply(ctx, &b, kv.WriteOptions{})
	s.ok(err)
	s.wants(one, "copy", "")
	s.holds(s.store)
	two, err := s.other(func(env *Env) { env.Dir, env.ReadOnly = "copies/two", true })
	s.ok(err)
	s.holds(two)
}

func openTemporary(s *subject) {
	store, err := s.other(func(env *Env) { env.Dir = "" })
	s.ok(err)
	twin, err := s.other(func(env *Env) { env.Dir = "" })
	s.ok(err)
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	_, err = store.Apply(context.Background(), &b, kv.WriteOptions{})
	s.ok(err)
	s.holds(store, "k", "v")
	s.holds(twin)
	s.that(!store.Features().Persistent, "it does not claim to last")
}

func featuresHold(s *subject) {
	has := s.store.Features()
	s.that(has.Persistent != s.e.Volatile, "Persistent is %v", has.Persistent)
	_, sync := s.store.(kv.Syncer)
	_, flush := s.store.(kv.Flusher)
	_, compact := s.store.(kv.Compactor)
	_, check := s.store.(kv.Checkpointer)
	_, verify := s.store.(kv.Verifier)
	_, imports := s.store.(kv.Importer)
	s.that(imports || !has.Importer, "each feature has its interface: %+v", has)
	s.that((sync || !has.Syncer) && (flush || !has.Flusher) && (compact || !has.Compactor) && (check || !has.Checkpointer) && (verify || !has.Verifier),
		"each feature has its interface: %+v", has)
}
