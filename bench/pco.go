package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/pierrec/lz4/v4"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/varvedb/varve/pco"
)

// series is numbers of 8 bytes: integers, or the bits of floats. Each codec finds
// them as it needs them, and room for what it decodes.
type series struct {
	name  string
	nums  []uint64
	float bool

	floats, outFloats []float64
	raw, outRaw       []byte
	outNums           []uint64
}

// prepare makes what codecs find, so that no codec is timed with it.
func (s *series) prepare() {
	s.raw, _ = binary.Append(nil, binary.LittleEndian, s.nums)
	s.floats = make([]float64, len(s.nums))
	for i, b := range s.nums {
		s.floats[i] = math.Float64frombits(b)
	}
	s.outNums, s.outFloats, s.outRaw = slices.Clone(s.nums), slices.Clone(s.floats), slices.Clone(s.raw)
}

// pcoSeries makes the synthetic series, and reads the real ones if their folder is
// there.
func pcoSeries(n int, dir string) []series {
	rng := rand.New(rand.NewPCG(1, 2))
	list := []series{{name: "sequential"}, {name: "constant"}, {name: "monotone, steps < 1000"}, {name: "random walk"},
		{name: "random u32"}, {name: "prices", float: true}, {name: "timestamps, µs"}}
	for i := range list {
		list[i].nums = make([]uint64, n)
	}
	mono, walk, price, micros := uint64(0), uint64(1<<40), 100.0, uint64(1_700_000_000_000_000)
	for i := range n {
		mono += uint64(rng.IntN(1000))
		walk += uint64(int64(rng.NormFloat64() * 1000))
		price = max(1, price+rng.NormFloat64()*0.05)
		micros += 1_000_000 + uint64(rng.IntN(2000))
		for j, x := range []uint64{uint64(i), 42, mono, walk, uint64(rng.Uint32()), math.Float64bits(math.Round(price*100) / 100), micros} {
			list[j].nums[i] = x
		}
	}
	return append(list, realSeries(dir)...)
}

// realSeries reads columns of CSV files, which are short, and of a Parquet file.
func realSeries(dir string) (list []series) {
	for _, c := range []struct{ name, file, column string }{
		{"index closes", "sp500-2000.csv", "close"}, {"index volumes", "sp500-2000.csv", "volume"},
		{"hourly temperatures", "seattle-weather-hourly-normals.csv", "temperature"},
	} {
		column := readColumn(filepath.Join(dir, c.file), c.column)
		if len(column) == 0 {
			continue
		}
		list = append(list, series{name: fmt.Sprintf("%s, %d numbers", c.name, len(column)), nums: column, float: true})
	}
	flights := readFlights(filepath.Join(dir, "flights-3m.parquet"))
	for i, name := range []string{"flight times, µs", "flight delays", "flight distances"} {
		if len(flights) == 3 {
			list = append(list, series{name: fmt.Sprintf("%s, %d numbers", name, len(flights[i])), nums: flights[i]})
		}
	}
	return list
}

// readFlights reads the first three columns of a Parquet file, of integers; none if
// it is not there. Those that may be negative are counted from the least.
func readFlights(name string) (columns [][]uint64) {
	type flight struct {
		Date     int64 `parquet:"date"`
		Delay    int64 `parquet:"delay"`
		Distance int64 `parquet:"distance"`
	}
	rows, err := parquet.ReadFile[flight](name)
	if err != nil || len(rows) == 0 {
		return nil
	}
	columns = make([][]uint64, 3)
	least := slices.MinFunc(rows, func(a, b flight) int { return cmp.Compare(a.Delay, b.Delay) }).Delay
	for _, f := range rows {
		for i, x := range []int64{f.Date, f.Delay - least, f.Distance} {
			columns[i] = append(columns[i], uint64(x))
		}
	}
	return columns
}

func readColumn(name, column string) (nums []uint64) {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil
	}
	for at, head := range rows[0] {
		if head != column {
			continue
		}
		for _, row := range rows[1:] {
			if x, err := strconv.ParseFloat(row[at], 64); err == nil {
				nums = append(nums, math.Float64bits(x))
			}
		}
	}
	return nums
}

// codec is a compressor of numbers. Decode returns how many came out.
type numberCodec struct {
	name   string
	encode func(s *series) ([]byte, error)
	decode func(s *series, data []byte) (int, error)
}

func numberCodecs() []numberCodec {
	return []numberCodec{
		{"varve pco", encodePco(pco.Options{}), decodePco},
		{"varve pco, level 4", encodePco(pco.Options{Level: 4}), decodePco},
		{"zstd", encodeZstd, decodeZstd},
		{"lz4", encodeLZ4, decodeLZ4},
		{"parquet + zstd", encodeParquet, decodeParquet},
		{"gorilla", encodeGorilla, decodeGorilla},
	}
}

func encodePco(opt pco.Options) func(*series) ([]byte, error) {
	return func(s *series) ([]byte, error) {
		if s.float {
			return pco.Compress(nil, s.floats, &opt)
		}
		return pco.Compress(nil, s.nums, &opt)
	}
}

func decodePco(s *series, data []byte) (int, error) {
	if s.float {
		out, err := pco.Decompress(s.outFloats[:0], data, 0)
		return len(out), err
	}
	out, err := pco.Decompress(s.outNums[:0], data, 0)
	return len(out), err
}

func encodeZstd(s *series) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(s.raw, nil), w.Close()
}

func decodeZstd(s *series, data []byte) (int, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	out, err := r.DecodeAll(data, s.outRaw[:0])
	return len(out) / 8, err
}

func encodeLZ4(s *series) ([]byte, error) {
	out := make([]byte, lz4.CompressBlockBound(len(s.raw)))
	n, err := lz4.CompressBlock(s.raw, out, nil)
	if n == 0 {
		return s.raw, err
	}
	return out[:n], err
}

func decodeLZ4(s *series, data []byte) (int, error) {
	if len(data) == 8*len(s.nums) {
		return len(s.nums), nil
	}
	n, err := lz4.UncompressBlock(data, s.outRaw)
	return n / 8, err
}

type (
	parquetDelta struct {
		V int64 `parquet:"v,delta,zstd"`
	}
	parquetPlain struct {
		V int64 `parquet:"v,zstd"`
	}
	parquetSplit struct {
		V float64 `parquet:"v,split,zstd"`
	}
	parquetFloat struct {
		V float64 `parquet:"v,zstd"`
	}
)

// encodeParquet takes the better of two encodings; the first byte says which.
func encodeParquet(s *series) ([]byte, error) {
	var a, b bytes.Buffer
	var err error
	if s.float {
		err = writeParquet(&a, s.nums, func(x uint64) parquetSplit { return parquetSplit{math.Float64frombits(x)} })
		if err == nil {
			err = writeParquet(&b, s.nums, func(x uint64) parquetFloat { return parquetFloat{math.Float64frombits(x)} })
		}
	} else {
		err = writeParquet(&a, s.nums, func(x uint64) parquetDelta { return parquetDelta{int64(x)} })
		if err == nil {
			err = writeParquet(&b, s.nums, func(x uint64) parquetPlain { return parquetPlain{int64(x)} })
		}
	}
	if a.Len() <= b.Len() {
		return a.Bytes(), err
	}
	return b.Bytes(), err
}

func writeParquet[T any](out *bytes.Buffer, nums []uint64, row func(uint64) T) error {
	w := parquet.NewGenericWriter[T](out)
	rows := make([]T, 0, 4096)
	for from := 0; from < len(nums); from += cap(rows) {
		rows = rows[:0]
		for _, x := range nums[from:min(from+cap(rows), len(nums))] {
			rows = append(rows, row(x))
		}
		if _, err := w.Write(rows); err != nil {
			return err
		}
	}
	return w.Close()
}

func decodeParquet(s *series, data []byte) (int, error) {
	if s.float {
		return readParquet[parquetFloat](data)
	}
	return readParquet[parquetPlain](data)
}

func readParquet[T any](data []byte) (n int, err error) {
	r := parquet.NewGenericReader[T](bytes.NewReader(data))
	rows := make([]T, 4096)
	for {
		k, err := r.Read(rows)
		n += k
		if err != nil {
			return n, r.Close()
		}
	}
}

// gorillaChunk is how many samples a chunk has, as Prometheus has it.
const gorillaChunk = 120

// encodeGorilla writes numbers as the bits of floats, a second after another.
func encodeGorilla(s *series) ([]byte, error) {
	var out []byte
	for from := 0; from < len(s.nums); from += gorillaChunk {
		c := chunkenc.NewXORChunk()
		a, err := c.Appender()
		if err != nil {
			return nil, err
		}
		for i, x := range s.nums[from:min(from+gorillaChunk, len(s.nums))] {
			a.Append(0, int64(from+i)*1000, math.Float64frombits(x))
		}
		out = binary.AppendUvarint(out, uint64(len(c.Bytes())))
		out = append(out, c.Bytes()...)
	}
	return out, nil
}

func decodeGorilla(_ *series, data []byte) (n int, err error) {
	var it chunkenc.Iterator
	for len(data) > 0 {
		size, k := binary.Uvarint(data)
		c, err := chunkenc.FromData(chunkenc.EncXOR, data[k:k+int(size)])
		if err != nil {
			return n, err
		}
		for it = c.Iterator(it); it.Next() != chunkenc.ValNone; n++ {
			it.At()
		}
		data = data[k+int(size):]
	}
	return n, nil
}

// pcoBench measures bits per number, and bytes of numbers encoded and decoded per
// second, in one goroutine.
func pcoBench(s settings, n int, data string) error {
	codecs := numberCodecs()
	sizes, enc, dec := table{head: []string{"bits per number"}}, table{head: []string{"encode, MB/s"}}, table{head: []string{"decode, MB/s"}}
	for _, t := range []*table{&sizes, &enc, &dec} {
		for _, c := range codecs {
			t.head = append(t.head, c.name)
		}
	}
	dots := make([]line, len(codecs))
	for i := range dots {
		dots[i].name = codecs[i].name
	}
	for _, one := range pcoSeries(n, data) {
		one.prepare()
		rows := [3][]string{{one.name}, {one.name}, {one.name}}
		measured := make([][3][]float64, len(codecs))
		for round := range s.rounds {
			for i := range codecs {
				at := (i + round) % len(codecs)
				bits, e, d, err := measureCodec(&codecs[at], &one)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", codecs[at].name, one.name, err)
				}
				for j, x := range []float64{bits, e, d} {
					measured[at][j] = append(measured[at][j], x)
				}
			}
		}
		for i, m := range measured {
			dots[i].y = append(dots[i].y, median(m[0]))
			rows[0] = append(rows[0], fmt.Sprintf("%.2f", median(m[0])))
			rows[1] = append(rows[1], withSpread(m[1]))
			rows[2] = append(rows[2], withSpread(m[2]))
		}
		sizes.rows, enc.rows, dec.rows = append(sizes.rows, rows[0]), append(enc.rows, rows[1]), append(dec.rows, rows[2])
	}
	for _, t := range []table{sizes, enc, dec} {
		t.print(os.Stdout)
		fmt.Println()
	}
	if s.svg == "" {
		return nil
	}
	var names []string
	for _, row := range sizes.rows {
		name, _, _ := strings.Cut(row[0], ",")
		names = append(names, name)
	}
	return os.WriteFile(s.svg, dotPlot("Bits per number, of 64", "", names, dots), 0o644)
}

func measureCodec(c *numberCodec, s *series) (bits, encode, decode float64, err error) {
	bytes := float64(8 * len(s.nums))
	begin := time.Now()
	data, err := c.encode(s)
	if err != nil {
		return 0, 0, 0, err
	}
	encode = bytes / time.Since(begin).Seconds() / 1e6
	begin = time.Now()
	n, err := c.decode(s, data)
	if err == nil && n != len(s.nums) {
		err = fmt.Errorf("%d numbers came back of %d", n, len(s.nums))
	}
	decode = bytes / time.Since(begin).Seconds() / 1e6
	return float64(len(data)) * 8 / float64(len(s.nums)), encode, decode, err
}
