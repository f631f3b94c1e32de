package version

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
)

// file returns a table of 100 entries in bounds written as "a-c", "a-c)" or "a-".
func file(number uint64, bounds string, size int64, change ...func(*File)) *File {
	low, high, _ := strings.Cut(bounds, "-")
	f := &File{Number: number, Size: size, Entries: 100, MinSeq: kv.Seq(number), MaxSeq: kv.Seq(number), Smallest: []byte(low), Largest: []byte{}}
	switch {
	case high == "":
		f.Unbounded = true
	case strings.HasSuffix(high, ")"):
		f.Largest, f.LargestExclusive = []byte(high[:len(high)-1]), true
	default:
		f.Largest = []byte(high)
	}
	for _, c := range change {
		c(f)
	}
	return f
}

// deletes makes a table mostly deletions.
func deletes(f *File) { f.Deletes = 60 }

// levels is tables by level.
type levels map[int][]*File

// make returns the Version of the tables.
func (l levels) make(t *testing.T) *Version {
	t.Helper()
	e := &Edit{}
	for level, files := range l {
		for _, f := range files {
			e.Added = append(e.Added, LeveledFile{level, f})
		}
	}
	v, err := new(Version).Apply(e)
	if err == nil {
		err = v.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// numbers returns the inputs of c as text, as "L5 1 2 L6 7".
func numbers(c *Compaction) string {
	if c == nil {
		return "nothing"
	}
	var b strings.Builder
	for _, in := range c.Inputs {
		fmt.Fprintf(&b, " L%d", in.Level)
		for _, f := range in.Files {
			fmt.Fprintf(&b, " %d", f.Number)
		}
	}
	fmt.Fprintf(&b, " > L%d", c.Output)
	if c.Trivial {
		b.WriteString(" trivial")
	}
	return b.String()[1:]
}

func expect(t *testing.T, c *Compaction, want string) {
	t.Helper()
	if got := numbers(c); got != want {
		t.Errorf("picked %q, want %q", got, want)
	}
}

// small are options by which tables of 10 bytes are large.
var small = Options{BaseBytes: 100, TargetFileSize: 40}

func keys(points [][]byte) string { return string(bytes.Join(points, []byte(" "))) }
