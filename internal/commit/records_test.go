package commit

import (
	"testing"

	"github.com/varvedb/varve/kv"
)

// FuzzRecord feeds the log's records, whose checksums are right, to recovery.
func FuzzRecord(f *testing.F) {
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	f.Add(append(appendHeader(nil, recordBatch, 7), b.Encoding()...))
	f.Add((&spilled{id: 3, length: 10, sum: 1}).commitRecord(nil, 8))
	f.Add(CutRecord(9))
	f.Fuzz(func(t *testing.T, data []byte) {
		ops := 0
		r := Replay{Seq: 1, Apply: func(_ kv.Seq, b *kv.Batch) error {
			for range b.Ops() {
				ops++
			}
			return nil
		}}
		if err := r.Record(data); err == nil && ops > len(data) {
			t.Fatal("more operations than bytes")
		}
	})
}
