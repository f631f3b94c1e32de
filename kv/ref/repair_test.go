package ref_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/vfs"
)

// damagedStore makes a store with a snapshot file and a log.
func damagedStore(t *testing.T) (disk *vfs.Mem, content map[string]string) {
	t.Helper()
	disk, content = vfs.NewMem(), map[string]string{}
	s, err := ref.Open(t.Context(), &ref.Options{Dir: "db", FS: disk, SegmentBytes: 64 << 10, LogRetention: -1})
	if err != nil {
		t.Fatal(err)
	}
	put := func(i int, val string) {
		var b kv.Batch
		b.Put(fmt.Appendf(nil, "k%04d", i), []byte(val))
		content[fmt.Sprintf("k%04d", i)] = val
		if _, err := s.Apply(t.Context(), &b, kv.WriteOptions{Durability: kv.Process}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1200 {
		put(i, fmt.Sprint(i, strings.Repeat(" of the snapshot", 10)))
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		put(i*7, fmt.Sprint(i, " of the log"))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, content
}

// repairTo repairs the store and checks that what the report does not doubt is as
// it was. It returns how many keys are wrong.
func repairTo(t *testing.T, disk *vfs.Mem, content map[string]string) (wrong int, report *kv.Repaired) {
	t.Helper()
	report, err := ref.Repair(t.Context(), "db", &ref.Options{Dir: "saved", FS: disk})
	if errors.Is(err, kv.ErrNewerFormat) {
		return 0, &kv.Repaired{} // who could tell
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := ref.Open(t.Context(), &ref.Options{Dir: "saved", FS: disk, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for key, want := range content {
		val, _, err := s.Get([]byte(key), nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(val) == want {
			continue
		}
		wrong++
		if !slices.ContainsFunc(report.Lost, func(l kv.Loss) bool { return l.Keys != nil && l.Keys.Contains([]byte(key)) }) {
			t.Fatalf("%s holds %q, and the report does not doubt it: %+v", key, val, report.Lost)
		}
	}
	return wrong, report
}

func TestARepairOfAnIntactStoreLosesNothing(t *testing.T) {
	disk, content := damagedStore(t)
	if wrong, report := repairTo(t, disk, content); wrong > 0 || len(report.Lost) > 0 {
		t.Errorf("%d keys are wrong: %+v", wrong, report)
	}
}

func TestARepairSavesWhatIsIntact(t *testing.T) {
	intact, content := damagedStore(t)
	rng := rand.New(rand.NewPCG(8, 9))
	names, err := intact.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name == "LOCK" || strings.HasSuffix(name, ".spare") {
			continue
		}
		for round := range 10 {
			disk := intact.CrashClone(vfs.CrashOptions{Mode: vfs.KeepAll})
			how := "removed"
			if round == 9 {
				err = disk.Remove("db/" + name)
			} else {
				err = disk.Corrupt("db/"+name, func(data []byte) []byte {
					at := rng.IntN(len(data))
					how = fmt.Sprintf("byte %d", at)
					if round == 8 {
						how = fmt.Sprintf("cut off at %d", at)
						return data[:at]
					}
					data[at] ^= byte(1 + rng.IntN(255))
					return data
				})
			}
			if err != nil {
				t.Fatal(err)
			}
			wrong, report := repairTo(t, disk, content)
			if round < 8 && wrong > len(content)/2 {
				t.Fatalf("%s: %s: %d keys are wrong: %+v", name, how, wrong, report.Lost)
			}
			if round >= 8 && len(report.Lost) == 0 && wrong > 0 {
				t.Fatalf("%s: %s: nothing is reported", name, how)
			}
		}
	}
}
