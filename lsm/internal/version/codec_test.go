package version

import (
	"bytes"
	"errors"
	"testing"

	"github.com/varvedb/varve/kv"
)

// everything is an Edit with all fields.
func everything() *Edit {
	return &Edit{
		Full:    true,
		Removed: []LeveledNumber{{0, 3}, {6, 1 << 40}},
		Added: []LeveledFile{
			{0, file(7, "a-c", 1000, func(f *File) { f.Checksum, f.Covers, f.Tombstones = 0xdeadbeef, 1<<40, 3 })},
			{5, file(8, "c-d)", 1)}, {6, file(9, "-", 1, deletes)},
		},
		FirstLog: new(uint64(12)), NextFile: new(uint64(1 << 63)), LastSeq: new(kv.Seq(99)),
		Clean: new(true), LogEnd: &LogEnd{5, 1 << 50},
	}
}

func TestEditSurvivesEncoding(t *testing.T) {
	for _, e := range []*Edit{{}, {Clean: new(false)}, everything()} {
		data := e.Encode([]byte("x"))[1:]
		d, err := DecodeEdit(data)
		if err != nil {
			t.Fatal(err)
		}
		if d.String() != e.String() || !bytes.Equal(d.Encode(nil), data) {
			t.Errorf("decoded\n%v, want\n%v", d, e)
		}
		for i, a := range d.Added {
			if a.File.Checksum != e.Added[i].File.Checksum || a.File.Covers != e.Added[i].File.Covers {
				t.Errorf("decoded %+v", a.File)
			}
		}
	}
}

func TestDecodedEditKeepsNoData(t *testing.T) {
	data := everything().Encode(nil)
	d, err := DecodeEdit(data)
	if err != nil {
		t.Fatal(err)
	}
	text := d.String()
	clear(data)
	if d.String() != text {
		t.Error("it does")
	}
}

func TestUnknownFieldsAreSkippedOnlyIfOptional(t *testing.T) {
	data := everything().Encode(nil)
	if _, err := DecodeEdit(appendField(data, firstOptional, []byte("later"))); err != nil {
		t.Errorf("an optional field: %v", err)
	}
	if _, err := DecodeEdit(appendField(data, 99, nil)); !errors.Is(err, kv.ErrNewerFormat) {
		t.Errorf("a field that must be understood: %v", err)
	}
	table := appendFile(nil, LeveledFile{1, file(7, "a-c", 1)})
	for tag, wantNewer := range map[uint64]bool{1: true, firstOptional: false} {
		_, err := DecodeEdit(appendField(nil, tagAdded, appendField(table, tag, []byte("blobs"))))
		if errors.Is(err, kv.ErrNewerFormat) != wantNewer || !wantNewer && err != nil {
			t.Errorf("field %d of a table: %v", tag, err)
		}
	}
	table[7] |= 0x80 // flags, after level, number, size and sum
	if _, err := DecodeEdit(appendField(nil, tagAdded, table)); !errors.Is(err, kv.ErrNewerFormat) {
		t.Errorf("an unknown flag: %v", err)
	}
}

func TestDamagedEditsAreErrors(t *testing.T) {
	data := everything().Encode(nil)
	whole := make(map[int]bool) // where a field ends
	for d := (decoder{data: data}); len(d.data) > 0; {
		whole[len(data)-len(d.data)] = true
		d.uvarint()
		d.bytes()
	}
	for n := range data {
		if _, err := DecodeEdit(data[:n]); (err == nil) != whole[n] {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for name, bad := range map[string][]byte{
		"twice":               appendField(data, tagClean, []byte{1}),
		"level":               appendField(nil, tagRemoved, []byte{7, 1}),
		"left over":           appendField(nil, tagFirstLog, []byte{1, 1}),
		"a length of 2^63":    {tagAdded, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"an endless number":   {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"a negative length":   appendField(nil, tagLogEnd, []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}),
		"no flag where one":   appendField(nil, tagClean, nil),
		"something with full": appendField(nil, tagFull, []byte{0}),
	} {
		if _, err := DecodeEdit(bad); err == nil || errors.Is(err, kv.ErrNewerFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecodeEdit(f *testing.F) {
	f.Add([]byte{})
	f.Add(everything().Encode(nil))
	f.Add(appendField((&Edit{Clean: new(false)}).Encode(nil), firstOptional, []byte("later")))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEdit(data)
		if err != nil {
			return
		}
		again := e.Encode(nil)
		d, err := DecodeEdit(again)
		if err != nil || !bytes.Equal(d.Encode(nil), again) {
			t.Fatalf("%v: %x decodes to\n%v, encodes to %x", err, data, e, again)
		}
		s := State{}
		if s.Apply(e) == nil {
			if err := s.Version.Check(); err != nil {
				t.Fatal(err)
			}
			Measure(s.Version, Options{})
			new(Picker).Pick(s.Version, nil, nil)
		}
	})
}
