package pco

import (
	"encoding/binary"
	"fmt"
	"math"
)

// CompressRaw is Compress for numbers as little-endian bytes, whose type is known
// when the program runs.
func CompressRaw(dst, raw []byte, t Type, opt *Options) ([]byte, error) {
	switch t {
	case Uint8:
		return compressRaw[uint8](dst, raw, opt)
	case Int8:
		return compressRaw[int8](dst, raw, opt)
	case Uint16:
		return compressRaw[uint16](dst, raw, opt)
	case Int16:
		return compressRaw[int16](dst, raw, opt)
	case Half:
		return compressRaw[Float16](dst, raw, opt)
	case Uint32:
		return compressRaw[uint32](dst, raw, opt)
	case Int32:
		return compressRaw[int32](dst, raw, opt)
	case Float32:
		return compressRaw[float32](dst, raw, opt)
	case Uint64:
		return compressRaw[uint64](dst, raw, opt)
	case Int64:
		return compressRaw[int64](dst, raw, opt)
	case Float64:
		return compressRaw[float64](dst, raw, opt)
	}
	return dst, fmt.Errorf("%w: there is no type %d", ErrType, t)
}

func compressRaw[T Number](dst, raw []byte, opt *Options) ([]byte, error) {
	size := TypeOf[T]().Bits() / 8
	if len(raw)%size != 0 {
		return dst, fmt.Errorf("pco: %d bytes are no whole numbers of type %v, which have %d", len(raw), TypeOf[T](), size)
	}
	nums := make([]T, len(raw)/size)
	if _, err := binary.Decode(raw, binary.LittleEndian, nums); err != nil {
		return dst, err
	}
	return Compress(dst, nums, opt)
}

// DecompressRaw is Decompress for numbers as little-endian bytes, which it appends
// to dst. The limit counts numbers.
func DecompressRaw(dst, src []byte, limit int) ([]byte, Type, error) {
	t, err := FileType(src)
	if err != nil {
		return dst, t, err
	}
	switch t {
	case Uint8:
		dst, err = decompressRaw[uint8](dst, src, limit)
	case Int8:
		dst, err = decompressRaw[int8](dst, src, limit)
	case Uint16:
		dst, err = decompressRaw[uint16](dst, src, limit)
	case Int16:
		dst, err = decompressRaw[int16](dst, src, limit)
	case Half:
		dst, err = decompressRaw[Float16](dst, src, limit)
	case Uint32:
		dst, err = decompressRaw[uint32](dst, src, limit)
	case Int32:
		dst, err = decompressRaw[int32](dst, src, limit)
	case Float32:
		dst, err = decompressRaw[float32](dst, src, limit)
	case Int64:
		dst, err = decompressRaw[int64](dst, src, limit)
	case Float64:
		dst, err = decompressRaw[float64](dst, src, limit)
	default: // of an empty file that names no type too
		dst, err = decompressRaw[uint64](dst, src, limit)
	}
	return dst, t, err
}

func decompressRaw[T Number](dst, src []byte, limit int) ([]byte, error) {
	nums, err := Decompress[T](nil, src, limit)
	if err != nil {
		return dst, err
	}
	return binary.Append(dst, binary.LittleEndian, nums)
}

// FloatBits returns the bits of f rounded to a float of type t.
func FloatBits(f float64, t Type) uint64 {
	switch t {
	case Half:
		return uint64(halfFromFloat(f))
	case Float32:
		return uint64(math.Float32bits(float32(f)))
	}
	return math.Float64bits(f)
}
