package kvtest

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/varvedb/varve/vfs"
)

// damage is one way to damage a disk.
type damage struct {
	name    string
	do      func(*vfs.Mem) error
	oneByte bool // no more is changed
	removes bool
}

// sectorSize is what disks lose at once, in bytes.
const sectorSize = 512

// damages returns all damage that is tried on the disk.
func (v *victim) damages(seed uint64, places int) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		files := filesOf(v.disk, diskDir)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			data := files[name]
			for _, list := range []iter.Seq[damage]{
				flips(seed, name, data, places), zeroed(name, data), swaps(seed, name, data),
				lengths(name, data, places), removal(name), v.olderCopies(name, data), impostors(name, files),
			} {
				for d := range list {
					if !yield(d) {
						return
					}
				}
			}
		}
		for d := range v.revenants(files) {
			if !yield(d) {
				return
			}
		}
	}
}

// filesOf returns the files in a directory of the disk and below.
func filesOf(disk *vfs.Mem, dir string) map[string][]byte {
	files := map[string][]byte{}
	names, err := disk.List(dir)
	if err != nil {
		return files
	}
	for _, name := range names {
		name = path.Join(dir, name)
		info, err := disk.Stat(name)
		switch {
		case err != nil:
		case info.IsDir:
			maps.Copy(files, filesOf(disk, name))
		default:
			if data, err := vfs.ReadFile(disk, name, info.Size); err == nil {
				files[name] = data
			}
		}
	}
	return files
}

// change returns damage that puts other bytes in the place of a file's.
func change(name string, bytes func(data []byte) []byte, what string, args ...any) damage {
	return damage{
		name: name + ": " + fmt.Sprintf(what, args...),
		do:   func(disk *vfs.Mem) error { return disk.Corrupt(name, bytes) },
	}
}

// placesIn returns offsets in a file: all that have content if these are no more
// than limit, and some behind.
func placesIn(data []byte, limit int) iter.Seq[int] {
	end := len(bytes.TrimRight(data, "\x00"))
	step, rest := 1, max(1, (len(data)-end)/50)
	if limit > 0 {
		step = max(1, (end+limit-1)/limit)
	}
	return func(yield func(int) bool) {
		for i := 0; i < len(data); {
			if !yield(i) {
				return
			}
			if i < end {
				i += step
			} else {
				i += rest
			}
		}
	}
}

// flips changes single bytes.
func flips(seed uint64, name string, data []byte, places int) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		for i := range placesIn(data, places) {
			roll := seedFor(seed, name, i)
			mask := byte(1) << (roll % 8)
			if roll>>8%4 == 0 {
				mask = byte(roll>>16) | 1
			}
			d := change(name, func(data []byte) []byte { data[i] ^= mask; return data }, "byte %d changed by %#02x", i, mask)
			d.oneByte = true
			if !yield(d) {
				return
			}
		}
	}
}

// sector returns sector i of data, the last of which may be short.
func sector(data []byte, i int) []byte {
	return data[i*sectorSize : min(len(data), (i+1)*sectorSize)]
}

// sectors returns how many have content.
func sectors(data []byte) int {
	return (len(bytes.TrimRight(data, "\x00")) + sectorSize - 1) / sectorSize
}

func zeroed(name string, data []byte) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		for i := range sectors(data) {
			if !yield(change(name, func(data []byte) []byte { clear(sector(data, i)); return data }, "sector %d zeroed", i)) {
				return
			}
		}
	}
}

// swaps exchanges each sector with the next and with another one.
func swaps(seed uint64, name string, data []byte) iter.Seq[damage] {
	n := len(data) / sectorSize
	return func(yield func(damage) bool) {
		for i := range min(sectors(data), n) {
			for _, j := range []int{(i + 1) % n, int(seedFor(seed, name, "swap", i) % uint64(n))} {
				d := change(name, func(data []byte) []byte {
					kept := bytes.Clone(sector(data, i))
					copy(sector(data, i), sector(data, j))
					copy(sector(data, j), kept)
					return data
				}, "sectors %d and %d swapped", i, j)
				if !yield(d) {
					return
				}
			}
		}
	}
}

// lengths cuts the file off and makes it longer.
func lengths(name string, data []byte, places int) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		for n := range placesIn(data, places) {
			if !yield(change(name, func(data []byte) []byte { return data[:n] }, "cut off after %d of %d bytes", n, len(data))) {
				return
			}
		}
		for _, tail := range [][]byte{{0}, {1}, make([]byte, 5000), bytes.Repeat([]byte{0xa5}, 600), data} {
			if !yield(change(name, func(data []byte) []byte { return append(data, tail...) }, "%d bytes appended", len(tail))) {
				return
			}
		}
	}
}

func removal(name string) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		yield(damage{name: name + ": removed", removes: true, do: func(disk *vfs.Mem) error { return disk.Remove(name) }})
	}
}

// olderCopies puts contents back that the file once had.
func (v *victim) olderCopies(name string, data []byte) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		seen := [][]byte{data}
		for i, stage := range v.stages {
			old, ok := filesOf(stage, diskDir)[name]
			if !ok || slices.ContainsFunc(seen, func(b []byte) bool { return bytes.Equal(b, old) }) {
				continue
			}
			seen = append(seen, old)
			if !yield(change(name, func([]byte) []byte { return old }, "its content of stage %d put back", i)) {
				return
			}
		}
	}
}

// impostors puts other files of its kind in the place of a file: those whose
// names differ in digits only.
func impostors(name string, files map[string][]byte) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		for _, other := range slices.Sorted(maps.Keys(files)) {
			if other == name || withoutDigits(other) != withoutDigits(name) {
				continue
			}
			if !yield(change(name, func([]byte) []byte { return files[other] }, "replaced by %s", other)) {
				return
			}
		}
	}
}

func withoutDigits(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name)
}

// revenants brings files back that were removed.
func (v *victim) revenants(files map[string][]byte) iter.Seq[damage] {
	return func(yield func(damage) bool) {
		for i, stage := range v.stages {
			then := filesOf(stage, diskDir)
			for _, name := range slices.Sorted(maps.Keys(then)) {
				old := then[name]
				if _, there := files[name]; there {
					continue
				}
				d := damage{name: fmt.Sprintf("%s: back again, as of stage %d", name, i),
					do: func(disk *vfs.Mem) error { return bringBack(disk, name, old) }}
				if !yield(d) {
					return
				}
			}
		}
	}
}

func bringBack(disk *vfs.Mem, name string, data []byte) error {
	f, err := disk.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	return firstWrong(err, f.Close())
}
