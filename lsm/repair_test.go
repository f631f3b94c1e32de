package lsm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// patient is a store that is damaged and repaired, and what it held.
type patient struct {
	disk    *vfs.Mem
	content map[string]string
}

// newPatient makes a store with tables in several levels and a log. Unclean ones
// were not closed.
func newPatient(t *testing.T, clean bool) *patient {
	t.Helper()
	p := &patient{disk: vfs.NewMem(), content: map[string]string{}}
	opt := Options{Dir: "db", FS: p.disk, WriteBuffer: 8000, LevelBase: 20_000, TargetFile: 5000, BlockSize: 256, L0Trigger: 3,
		SegmentBytes: 16 << 10}
	s := open(t, opt)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		p.change(t, s, rng)
	}
	flush(t, s)
	s.tasks.Wait()
	for range 5 {
		p.change(t, s, rng) // stays in the log
	}
	if !clean {
		p.disk = p.disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
		return p
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// change writes some keys, and deletes some.
func (p *patient) change(t *testing.T, s *Store, rng *rand.Rand) {
	t.Helper()
	apply(t, s, func(b *kv.Batch) {
		for range 20 {
			n := rng.IntN(1000)
			key := fmt.Sprintf("k%03d", n)
			switch rng.IntN(40) {
			case 0:
				end := fmt.Sprintf("k%03d", n+5)
				b.DeleteRange([]byte(key), []byte(end))
				maps.DeleteFunc(p.content, func(o, _ string) bool { return o >= key && o < end })
			case 1, 2:
				b.Delete([]byte(key))
				delete(p.content, key)
			case 3:
				operand := fmt.Sprint(rng.IntN(1000))
				b.Merge(kv.MergeMax, []byte(key), []byte(operand))
				p.content[key] = max(p.content[key], operand)
			default:
				p.content[key] = fmt.Sprint(rng.Uint64(), rng.Uint64())
				b.Put([]byte(key), []byte(p.content[key]))
			}
		}
	})
}

func (p *patient) files(t *testing.T) []string {
	t.Helper()
	names, err := p.disk.List("db")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == place.LockName || strings.HasSuffix(n, spareSuffix) })
}

// state returns what the files of the store hold.
func (p *patient) state(t *testing.T) map[string]string {
	t.Helper()
	state := map[string]string{}
	for _, name := range p.files(t) {
		data, _, err := readPatiently(p.disk, path.Join("db", name))
		if err != nil {
			t.Fatal(err)
		}
		state[name] = string(data)
	}
	return state
}

// repaired repairs the store and returns what the new one holds. What the report
// does not doubt must be as it was, and the damaged store as it is.
func (p *patient) repaired(t *testing.T) (map[string]string, *kv.Repaired) {
	t.Helper()
	before := p.state(t)
	report, err := Repair(ctx, "db", &Options{Dir: "saved", FS: p.disk, TargetFile: 5000, SegmentBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(before, p.state(t)) {
		t.Fatal("the repair has changed what it repairs")
	}
	saved := contentOf(t, open(t, Options{Dir: "saved", FS: p.disk, MustExist: true, SegmentBytes: 16 << 10}))
	for key := range p.content {
		if saved[key] != p.content[key] && !doubted(report, key) {
			t.Fatalf("%s holds %q instead of %q, and the report does not doubt it: %+v", key, saved[key], p.content[key], report.Lost)
		}
	}
	for key := range saved {
		if _, ok := p.content[key]; !ok && !doubted(report, key) {
			t.Fatalf("%s is back, and the report does not doubt it: %+v", key, report.Lost)
		}
	}
	return saved, report
}

func doubted(r *kv.Repaired, key string) bool {
	return slices.ContainsFunc(r.Lost, func(l kv.Loss) bool { return l.Keys != nil && l.Keys.Contains([]byte(key)) })
}

func contentOf(t *testing.T, r kv.Reader) map[string]string {
	t.Helper()
	content := map[string]string{}
	it := r.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		content[string(it.Key())] = string(it.Value())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return content
}

// wrong counts the keys that are not as they were.
func (p *patient) wrong(saved map[string]string) (n int) {
	for key, val := range p.content {
		if saved[key] != val {
			n++
		}
	}
	for key := range saved {
		if _, ok := p.content[key]; !ok {
			n++
		}
	}
	return n
}

func TestARepairOfAnIntactStoreLosesNothing(t *testing.T) {
	for _, clean := range []bool{true, false} {
		p := newPatient(t, clean)
		saved, report := p.repaired(t)
		if p.wrong(saved) > 0 || len(report.Lost) > 0 {
			t.Errorf("clean %v: %d keys are wrong: %+v", clean, p.wrong(saved), report)
		}
	}
}

func TestARepairSavesWhatIsIntact(t *testing.T) {
	for _, clean := range []bool{true, false} {
		p := newPatient(t, clean)
		rng := rand.New(rand.NewPCG(5, 6))
		tables := 0
		for _, name := range p.files(t) {
			if _, ok := tableNumber(name); ok {
				tables++
			}
			for round := range 12 {
				if tables > 3 && round < 10 {
					continue
				}
				disk := p.disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepAll})
				q := &patient{disk, p.content}
				how := damageAtRandom(t, disk, path.Join("db", name), rng, round)
				saved, report := q.repaired(t)
				most := len(p.content) / 5
				if strings.HasSuffix(name, logSuffix) && round < 10 {
					most = len(p.content) / 10
				}
				if wrong := q.wrong(saved); round < 10 && wrong > most {
					t.Fatalf("clean %v: %s: %s: %d of %d keys are wrong: %+v", clean, name, how, wrong, len(p.content), report.Lost)
				}
			}
		}
	}
}

// damageAtRandom flips a byte, clears a sector, or, in the last rounds, cuts the
// file off or removes it.
func damageAtRandom(t *testing.T, disk *vfs.Mem, name string, rng *rand.Rand, round int) (how string) {
	t.Helper()
	if round == 11 {
		if err := disk.Remove(name); err != nil {
			t.Fatal(err)
		}
		return "removed"
	}
	err := disk.Corrupt(name, func(data []byte) []byte {
		at := rng.IntN(max(1, len(data)))
		switch {
		case round == 10:
			how = fmt.Sprintf("cut off at %d", at)
			return data[:at]
		case round%2 == 0 && len(data) > 0:
			how = fmt.Sprintf("byte %d", at)
			data[at] ^= byte(1 + rng.IntN(255))
		default:
			how = fmt.Sprintf("sector at %d", at&^511)
			clear(data[at&^511 : min(len(data), at&^511+512)])
		}
		return data
	})
	if err != nil {
		t.Fatal(err)
	}
	return how
}

func TestARepairWithoutManifestMergesAllTables(t *testing.T) {
	p := newPatient(t, true)
	for _, name := range p.files(t) {
		if isManifest(name) {
			if err := p.disk.Remove(path.Join("db", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	saved, report := p.repaired(t)
	if p.wrong(saved) > 0 || len(report.Lost) == 0 {
		t.Errorf("%d keys are wrong: %+v", p.wrong(saved), report)
	}
}

func TestARepairWritesNothingOverAnything(t *testing.T) {
	p := newPatient(t, true)
	for _, dir := range []string{"", "db", "./db"} {
		if _, err := Repair(ctx, "db", &Options{Dir: dir, FS: p.disk}); err == nil {
			t.Errorf("repaired into %q", dir)
		}
	}
	if _, err := Repair(ctx, "none", &Options{Dir: "saved", FS: p.disk}); err == nil {
		t.Error("repaired nothing")
	}
	if names, err := p.disk.List("saved"); err == nil {
		t.Error("left", names)
	}
}
