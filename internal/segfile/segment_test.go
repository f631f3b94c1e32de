package segfile

import "testing"

const magic = "testlogs"

func TestAHeaderSurvivesItsEncoding(t *testing.T) {
	h := Header{Version: 3, Flags: 1, Number: 9, Prev: 8, PrevLength: 1 << 40, KeyID: 7}
	b := h.Append(nil, magic)
	if got, wrong := ParseHeader(b, magic, 3, 9); wrong != "" || got != h || len(b) != HeaderSize {
		t.Fatal(got, wrong)
	}
	if got, wrong := ParseHeader(b, magic, 2, 9); wrong != "" || got.Version != 3 {
		t.Fatal("a newer version is not told:", got, wrong)
	}
	if _, wrong := ParseHeader(b, magic, 3, 10); wrong == "" {
		t.Fatal("a header of another segment was taken")
	}
	if _, wrong := ParseHeader(b, "otherlog", 3, 9); wrong == "" {
		t.Fatal("a header of another kind of log was taken")
	}
	for i := range b {
		b[i] ^= 1
		if _, wrong := ParseHeader(b, magic, 3, 9); wrong == "" {
			t.Fatal("damage was not noticed at byte", i)
		}
		b[i] ^= 1
	}
}

func FuzzParseHeader(f *testing.F) {
	h := Header{Version: 1, Number: 5}
	f.Add(h.Append(nil, magic), uint64(5))
	f.Add([]byte(magic), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, number uint64) {
		h, wrong := ParseHeader(b, magic, 1, number)
		if wrong == "" && h.Version == 1 && (h.Number != number || h.PrevLength < 0) {
			t.Fatalf("%+v", h)
		}
	})
}

func TestOnlyNamesThatWereMadeAreParsed(t *testing.T) {
	for _, name := range []string{"x1.log", "x000000.log", "x0000001.log", "000001.log", "x000001.tmp", "x-00001.log"} {
		if n, ok := ParseName(name, "x", ".log"); ok {
			t.Errorf("%s is taken for %d", name, n)
		}
	}
	if n, ok := ParseName(Name("x", 1234567, ".log"), "x", ".log"); !ok || n != 1234567 {
		t.Error(n, ok)
	}
}

func TestNumbersRise(t *testing.T) {
	got := Numbers([]string{"s1000000.log", "s000030.tmp", "s000002.log", "s000030.log"}, "s", ".log")
	if len(got) != 3 || got[0] != 2 || got[1] != 30 || got[2] != 1000000 {
		t.Fatal(got)
	}
}

func TestASumIsBoundToItsPlace(t *testing.T) {
	var c Checker
	head, payload := []byte("head"), []byte("payload")
	sum := c.Sum(1, 2, head, payload)
	if c.Sum(2, 2, head, payload) == sum || c.Sum(1, 3, head, payload) == sum || c.Sum(1, 2, payload, head) == sum {
		t.Fatal("two places have one sum")
	}
}
