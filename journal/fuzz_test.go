package journal_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

// FuzzRead reads segments with any content: it ends with records, a torn tail or
// an error, what Salvage finds is no less, and a log that can be read can be
// continued.
func FuzzRead(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed[0], seed[1], false)
		f.Add(seed[0], seed[1], true)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, mended bool) {
		m, opt := disk(t)
		if mended {
			first, second = mend(first, 1), mend(second, 2)
		}
		check(t, vfs.WriteFile(m, "log", "log/000001.log", first))
		if len(second) > 0 {
			check(t, vfs.WriteFile(m, "log", "log/000002.log", second))
		}
		size := 0
		count := func(r journal.Record) error { size += len(r.Data); return nil }
		tail, err := journal.Read(opt, 1, nil, count)
		if size > len(first)+len(second) {
			t.Fatalf("%d bytes of records in %d of files", size, len(first)+len(second))
		}
		before := size
		size = 0
		if _, salvageErr := journal.Salvage(opt, 1, count); err == nil && (salvageErr != nil || size < before) {
			t.Fatalf("read %d bytes, salvaged %d: %v", before, size, salvageErr)
		}
		if err == nil {
			continueLog(t, opt, tail)
		}
	})
}

// mend makes the checksums of a segment right, so that what they guard is read.
func mend(data []byte, number uint64) []byte {
	data = bytes.Clone(data)
	le, table := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	if len(data) < 64 {
		return data
	}
	le.PutUint32(data[60:], crc32.Checksum(data[:60], table))
	for off := 64; off+16 <= len(data); {
		if rest := 32<<10 - off%(32<<10); rest <= 16 {
			off += rest
			continue
		}
		end := off + 16 + int(le.Uint16(data[off+4:]))
		if end > len(data) {
			break
		}
		place := le.AppendUint64(le.AppendUint64(nil, number), uint64(off))
		le.PutUint32(data[off:], crc32.Update(crc32.Checksum(place, table), table, data[off+4:end]))
		off = end
	}
	return data
}

func continueLog(t *testing.T, opt journal.Options, tail journal.Tail) {
	records, _, err := read(opt, 1, nil)
	check(t, err)
	w := create(t, opt, tail)
	put(t, w, journal.Synced, "more")
	end := closeLog(t, w)
	wantRecords(t, opt, 1, &end, append(slices.Clip(records), "more"))
}

// seeds returns logs of one and two segments, whole, cut and damaged.
func seeds(f *testing.F) (all [][2][]byte) {
	m, opt := disk(f)
	opt.NoPreallocate = true
	w := create(f, opt, journal.Tail{})
	put(f, w, journal.Synced, "a", "bb", string(bytes.Repeat([]byte("c"), 32700)))
	_, err := w.Rotate()
	check(f, err)
	put(f, w, journal.Synced, "d")
	put(f, w, journal.Synced, "e")
	closeLog(f, w)
	first, err := vfs.ReadFile(m, "log/000001.log", 1<<20)
	check(f, err)
	second, err := vfs.ReadFile(m, "log/000002.log", 1<<20)
	check(f, err)
	flipped := bytes.Clone(first)
	flipped[100] ^= 1
	return [][2][]byte{{first, second}, {first, nil}, {first, second[:100]}, {first[:200], nil},
		{flipped, nil}, {flipped, second}, {second, first}, {nil, nil}, {first, make([]byte, 100)}}
}
