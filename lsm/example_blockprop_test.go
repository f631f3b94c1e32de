package lsm_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm"
)

// newest collects the newest year that values of a block begin with.
type newest struct{ block, table uint16 }

func (n *newest) Add(_, value []byte) { n.block = max(n.block, binary.BigEndian.Uint16(value)) }

func (n *newest) FinishBlock(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, n.block)
	n.table, n.block = max(n.table, n.block), 0
	return dst
}

func (n *newest) FinishTable(dst []byte) []byte { return binary.BigEndian.AppendUint16(dst, n.table) }

// Blocks in which everything is old are not read.
func ExampleBlockFilter() {
	ctx := context.Background()
	s, err := lsm.Open(ctx, &lsm.Options{BlockProperties: []lsm.BlockProperty{
		{Name: "newest year", New: func() lsm.BlockCollector { return new(newest) }},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	var b kv.Batch
	for i := range 20_000 {
		year := uint16(2000 + i/1000)
		b.Put(fmt.Appendf(nil, "%06d", i), binary.BigEndian.AppendUint16(nil, year))
	}
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := s.Compact(ctx, kv.Span{}, nil); err != nil {
		log.Fatal(err)
	}
	it := s.IterBlocks(kv.IterOptions{}, lsm.BlockFilter{Property: "newest year",
		Wants: func(p []byte) bool { return binary.BigEndian.Uint16(p) >= 2019 }})
	met, wanted := 0, 0
	for ok := it.First(); ok; ok = it.Next() {
		met++
		if binary.BigEndian.Uint16(it.Value()) >= 2019 { // filters only spare reading
			wanted++
		}
	}
	fmt.Println(wanted, met < 10_000, it.Close())
	// Output: 1000 true <nil>
}
