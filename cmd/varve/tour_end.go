package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
)

func (t *tour) verify() error {
	t.title("Close, open again, check every byte")
	if err := t.db.Close(); err != nil {
		return err
	}
	begin := time.Now()
	db, err := varve.Open(t.dir, nil)
	if err != nil {
		return err
	}
	t.db = db
	if err := varve.Bind(t.db, &t.c); err != nil {
		return err
	}
	opened := time.Since(begin)
	state, ok, err := t.c.State.Get()
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("what was stored is there: %v", ok))
	}
	begin = time.Now()
	if err := t.db.Verify(t.ctx, nil); err != nil {
		return err
	}
	t.say("opened in %s; verified in %s; loaded at %s", short(opened), short(time.Since(begin)), state.At.Format(time.TimeOnly))
	return nil
}

func (t *tour) backup() error {
	t.title("Back up, restore into memory, compare")
	name := filepath.Join(t.dir, "tour.backup")
	begin := time.Now()
	if err := t.backupTo(name); err != nil {
		return err
	}
	took := time.Since(begin)
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	t.say("backup: %s in %s", size(info.Size()), short(took))
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	begin = time.Now()
	db, err := varve.Restore(t.ctx, "", nil, nil, f)
	if err != nil {
		return err
	}
	defer db.Close()
	var c library
	if err := varve.Bind(db, &c); err != nil {
		return err
	}
	n, err := c.Symbols.Len()
	if err != nil {
		return err
	}
	want, err := t.c.Symbols.Len()
	t.say("restored in %s: %s symbols there, %s here", short(time.Since(begin)), count(n), count(want))
	if err == nil && n != want {
		err = errors.New("the backup differs")
	}
	return errors.Join(err, os.Remove(name))
}

func (t *tour) backupTo(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	b := t.newBar("backup", t.db.Metrics().LiveBytes, true)
	_, err = t.db.Backup(t.ctx, f, func(p kv.Progress) { b.set(p.Done) })
	b.end(err)
	return errors.Join(err, f.Close())
}

func (t *tour) summary() error {
	t.title("What it came to")
	if err := t.db.Flush(t.ctx); err != nil {
		return err
	}
	list, err := t.db.Collections("")
	if err != nil {
		return err
	}
	var keys, bytes int64
	for _, c := range list {
		info, err := t.db.Describe(t.ctx, c.Name)
		if err != nil {
			return err
		}
		keys, bytes = keys+info.Keys, bytes+info.Bytes
		t.say("%-16s %9s entries %11s", info.Name, count(info.Keys), size(info.Bytes))
	}
	m := t.db.Metrics()
	t.say("%s entries, %s of keys and values, %s on disk; %s commits since it was opened again",
		count(keys), size(bytes), size(m.DiskBytes), count(m.Batches))
	t.say("all done in %s", short(time.Since(t.start)))
	if t.app.dir != "" {
		t.say("look around: varve --db %s ls", t.dir)
	}
	return nil
}
