package pco_test

import (
	"fmt"
	"log"

	"github.com/varvedb/varve/pco"
)

func Example() {
	prices := make([]float64, 10_000)
	for i := range prices {
		prices[i] = 100 + float64(i%37)/100
	}
	file, err := pco.Compress(nil, prices, nil)
	if err != nil {
		log.Fatal(err)
	}
	back, err := pco.Decompress[float64](nil, file, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(back), back[36], len(file) < 8*len(prices)/10)
	// Output: 10000 100.36 true
}

func ExampleOptions() {
	ids := []uint32{1000, 2000, 3000, 5000}
	file, err := pco.Compress(nil, ids, &pco.Options{Level: 12, Mode: pco.UseIntMult(1000), Delta: pco.UseNoDelta()})
	if err != nil {
		log.Fatal(err)
	}
	info, err := pco.Inspect(file)
	if err != nil {
		log.Fatal(err)
	}
	c := info.Chunks[0]
	fmt.Println(c.Type, c.Numbers, c.Mode, c.Base, c.Delta)
	// Output: u32 4 int mult 1000 none
}

func ExampleInfo() {
	file, err := pco.Compress(nil, []int64{-1, -2, -3}, nil)
	if err != nil {
		log.Fatal(err)
	}
	info, err := pco.Inspect(file)
	fmt.Println(info.Type, info.Numbers, info.Version, info.Bytes == len(file), err)
	// Output: i64 3 {4 1} true <nil>
}

func ExampleChunkEncoder() {
	nums := make([]uint16, 1000)
	for i := range nums {
		nums[i] = uint16(i)
	}
	c, err := pco.NewChunkEncoder(nums, &pco.Options{PageSize: 400})
	if err != nil {
		log.Fatal(err)
	}
	meta := c.AppendMeta(nil)
	last := c.AppendPage(nil, 2) // pages are written, and read, in any order
	fmt.Println(c.PageSizes())

	d, _, err := pco.NewChunkDecoder[uint16](pco.CurrentHeader(), meta)
	if err != nil {
		log.Fatal(err)
	}
	p := d.NewPage()
	if err := p.Reset(last, 200); err != nil {
		log.Fatal(err)
	}
	first := make([]uint16, 3)
	n, err := p.Read(first)
	fmt.Println(first[:n], err)
	// Output:
	// [400 400 200]
	// [800 801 802] <nil>
}

func ExampleChunkDecoder() {
	c, err := pco.NewChunkEncoder([]float32{1, 2, 3}, nil)
	if err != nil {
		log.Fatal(err)
	}
	d, size, err := pco.NewChunkDecoder[float32](pco.CurrentHeader(), c.AppendMeta(nil))
	fmt.Println(d != nil, size > 0, err)
	// Output: true true <nil>
}

func ExamplePageDecoder() {
	c, err := pco.NewChunkEncoder([]int32{5, 6, 7, 8}, nil)
	if err != nil {
		log.Fatal(err)
	}
	d, _, err := pco.NewChunkDecoder[int32](pco.CurrentHeader(), c.AppendMeta(nil))
	if err != nil {
		log.Fatal(err)
	}
	page := c.AppendPage(nil, 0)
	p := d.NewPage()
	if err := p.Reset(page, 4); err != nil {
		log.Fatal(err)
	}
	nums := make([]int32, 10)
	n, err := p.Read(nums)
	fmt.Println(nums[:n], err, p.Size() == len(page))
	// Output: [5 6 7 8] <nil> true
}

func ExampleHeader() {
	head := pco.CurrentHeader().Append(nil)
	h, n, err := pco.ReadHeader(head)
	fmt.Println(h.Major, h.Minor, n, err)
	// Output: 4 1 2 <nil>
}

func ExampleFormatError() {
	_, err := pco.Decompress[uint32](nil, []byte("not a file"), 0)
	fmt.Println(err)
	// Output: pco: at byte 0: it does not begin with "pco!"
}
