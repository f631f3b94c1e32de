package journal_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

// disk returns a disk with a durable directory "log" and options for a log there.
func disk(t testing.TB) (*vfs.Mem, journal.Options) {
	t.Helper()
	m := vfs.NewMem()
	check(t, m.MkdirAll("log"))
	check(t, m.SyncDir("/"))
	return m, journal.Options{FS: m, Dir: "log"}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, opt journal.Options, after journal.Tail) *journal.Writer {
	t.Helper()
	w, err := journal.Create(opt, after)
	check(t, err)
	return w
}

// put appends records and waits for each.
func put(t testing.TB, w *journal.Writer, l journal.Level, records ...string) {
	t.Helper()
	for _, r := range records {
		ticket, err := w.Append([]byte(r))
		check(t, err)
		check(t, w.Wait(ticket, l))
	}
}

func closeLog(t testing.TB, w *journal.Writer) journal.End {
	t.Helper()
	end, err := w.Close()
	check(t, err)
	return end
}

// read returns the records of a log.
func read(opt journal.Options, from uint64, expect *journal.End) ([]string, journal.Tail, error) {
	var got []string
	tail, err := journal.Read(opt, from, expect, func(r journal.Record) error {
		got = append(got, string(r.Data))
		return nil
	})
	return got, tail, err
}

func wantRecords(t testing.TB, opt journal.Options, from uint64, expect *journal.End, want []string) journal.Tail {
	t.Helper()
	got, tail, err := read(opt, from, expect)
	check(t, err)
	if !slices.Equal(got, want) {
		t.Fatalf("read %d records, want %d: %.200q, want %.200q", len(got), len(want), got, want)
	}
	return tail
}

func numbered(from, n int) []string {
	var records []string
	for i := range n {
		records = append(records, fmt.Sprintf("record %d", from+i))
	}
	return records
}

func isCorruption(err error) bool {
	var c *vfs.CorruptionError
	return errors.As(err, &c) && c.File != "" && c.What != ""
}

// gcm is a sealer with AES-GCM and nonces from a counter.
type gcm struct {
	aead  cipher.AEAD
	nonce uint64
}

func newGCM(t testing.TB) *gcm {
	block, err := aes.NewCipher(make([]byte, 16))
	check(t, err)
	aead, err := cipher.NewGCM(block)
	check(t, err)
	return &gcm{aead: aead}
}

func (g *gcm) KeyID() uint32 { return 7 }
func (g *gcm) Overhead() int { return g.aead.NonceSize() + g.aead.Overhead() }

func (g *gcm) Seal(dst, plain, aad []byte) ([]byte, error) {
	g.nonce++
	nonce := make([]byte, g.aead.NonceSize())
	binary.LittleEndian.PutUint64(nonce, g.nonce)
	return g.aead.Seal(append(dst, nonce...), nonce, plain, aad), nil
}

func (g *gcm) Open(keyID uint32, dst, sealed, aad []byte) ([]byte, error) {
	n := g.aead.NonceSize()
	if keyID != 7 || len(sealed) < n {
		return nil, errors.New("unknown key")
	}
	return g.aead.Open(dst, sealed[:n], sealed[n:], aad)
}
