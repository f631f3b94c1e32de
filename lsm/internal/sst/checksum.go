package sst

import "hash/crc32"

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// blockSum returns the checksum of a stored block without its last 4 bytes, in
// the place where it belongs.
func blockSum(stored []byte, file uint64, offset int64) uint32 {
	t := castagnoli()
	crc := ^crc32.Checksum(stored, t)
	for _, v := range [2]uint64{file, uint64(offset)} {
		for range 8 { // in a loop, as a slice for package crc32 would escape
			crc = t[byte(crc)^byte(v)] ^ crc>>8
			v >>= 8
		}
	}
	return ^crc
}
