package lsm_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm"
)

// killed names the directory in which a child of this test writes until it is
// killed.
const killed = "VARVE_TEST_KILLED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killed); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// small makes all kinds of background work happen all the time.
func small(dir string) *lsm.Options {
	return &lsm.Options{Dir: dir, WriteBuffer: 20_000, L0Trigger: 2, TargetFile: 20_000, LevelBase: 40_000, SegmentBytes: 16 << 10}
}

func numbered(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i*0x9E3779B97F4A7C15) }

// writeUntilKilled puts ever higher numbers and prints those that are durable.
func writeUntilKilled(dir string) error {
	s, err := lsm.Open(context.Background(), small(dir))
	if err != nil {
		return err
	}
	first := uint64(0)
	if val, ok, err := s.Get([]byte("last"), nil); err != nil {
		return err
	} else if ok {
		first = binary.BigEndian.Uint64(val)
	}
	for i := first + 1; ; i++ {
		var b kv.Batch
		b.Put(numbered(i), make([]byte, 100))
		b.Put([]byte("last"), binary.BigEndian.AppendUint64(nil, i))
		if i%7 == 0 {
			b.Delete(numbered(i - 3))
		}
		if _, err := s.Apply(context.Background(), &b, kv.WriteOptions{}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func TestAKillLosesNothingThatWasAcknowledged(t *testing.T) {
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("no processes")
	}
	rounds := 6
	if os.Getenv("VARVE_SOAK") != "" {
		rounds = 500
	}
	dir := t.TempDir()
	for round := range rounds {
		acknowledged := writeAndKill(t, dir, time.Duration(20+37*round%150)*time.Millisecond)
		s, err := lsm.Open(context.Background(), small(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := checkNumbered(s, acknowledged); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := s.Verify(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if round%2 == 0 { // else the next one recovers from both
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := s.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeAndKill returns the last number that a child has printed.
func writeAndKill(t *testing.T, dir string, after time.Duration) (acknowledged uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^$")
	cmd.Env = append(os.Environ(), killed+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	begun := false
	for lines.Scan() {
		n, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			break // cut off
		}
		acknowledged = n
		if !begun {
			begun = true
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	if !begun {
		t.Fatal("the process wrote nothing")
	}
	return acknowledged
}

// checkNumbered looks for all numbers up to the last one acknowledged.
func checkNumbered(s *lsm.Store, acknowledged uint64) error {
	val, ok, err := s.Get([]byte("last"), nil)
	if err != nil || !ok {
		return fmt.Errorf("the last number is lost: %v", err)
	}
	last := binary.BigEndian.Uint64(val)
	if last < acknowledged {
		return fmt.Errorf("%d was acknowledged, %d is the last", acknowledged, last)
	}
	for i := uint64(1); i <= last; i++ {
		ok, err := s.Has(numbered(i))
		if err != nil {
			return err
		}
		if deleted := i%7 == 4 && i+3 <= last; ok == deleted {
			return fmt.Errorf("%d of %d: there is %v", i, last, ok)
		}
	}
	return nil
}
