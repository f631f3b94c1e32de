package pco

import (
	"fmt"
	"math/bits"
	"reflect"
	"unsafe"
)

// Number is what can be compressed.
type Number interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int8 | ~int16 | ~int32 | ~int64 | ~float32 | ~float64
}

// Float16 is the bits of an IEEE half-precision float.
type Float16 uint16

// Type is the type of the numbers in a chunk. The values are part of the format.
type Type uint8

// The types.
const (
	Uint32 Type = 1 + iota
	Uint64
	Int32
	Int64
	Float32
	Float64
	Uint16
	Int16
	Half // Float16
	Uint8
	Int8
)

var typeNames = [...]string{"", "u32", "u64", "i32", "i64", "f32", "f64", "u16", "i16", "f16", "u8", "i8"}

// String returns the name that the format has for the type, as "f64".
func (t Type) String() string {
	if !t.valid() {
		return fmt.Sprintf("type(%d)", uint8(t))
	}
	return typeNames[t]
}

// ParseType returns the type of a name that String returns.
func ParseType(name string) (Type, error) {
	for t := Uint32; t.valid(); t++ {
		if typeNames[t] == name {
			return t, nil
		}
	}
	return 0, fmt.Errorf("pco: no type is called %q; types are %v", name, typeNames[1:])
}

func (t Type) valid() bool { return t >= Uint32 && t <= Int8 }

// Bits returns the width of the numbers.
func (t Type) Bits() int {
	switch t {
	case Uint8, Int8:
		return 8
	case Uint16, Int16, Half:
		return 16
	case Uint32, Int32, Float32:
		return 32
	}
	return 64
}

// class is what the bits of a number mean.
type class uint8

const (
	unsigned class = iota
	signed
	float
)

func (t Type) class() class {
	switch t {
	case Float32, Float64, Half:
		return float
	case Int8, Int16, Int32, Int64:
		return signed
	}
	return unsigned
}

// TypeOf returns the type of T.
func TypeOf[T Number]() Type {
	var zero T
	if _, half := any(zero).(Float16); half {
		return Half
	}
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Uint8:
		return Uint8
	case reflect.Uint16:
		return Uint16
	case reflect.Uint32:
		return Uint32
	case reflect.Uint64:
		return Uint64
	case reflect.Int8:
		return Int8
	case reflect.Int16:
		return Int16
	case reflect.Int32:
		return Int32
	case reflect.Int64:
		return Int64
	case reflect.Float32:
		return Float32
	}
	return Float64
}

// latent is an unsigned integer as wide as a number.
type latent interface {
	uint8 | uint16 | uint32 | uint64
}

// widthOf returns the width of L in bits.
func widthOf[L latent]() int {
	var zero L
	return int(unsafe.Sizeof(zero)) * 8
}

// middle returns the latent with the highest bit set alone.
func middle[L latent]() L { return L(1) << (widthOf[L]() - 1) }

// latentsOf returns the memory of numbers as latents of the same width.
func latentsOf[L latent, T Number](nums []T) []L {
	return unsafe.Slice((*L)(unsafe.Pointer(unsafe.SliceData(nums))), len(nums))
}

// order turns the bits of numbers into latents of the same order.
func order[L latent](nums []L, c class) {
	mid := middle[L]()
	switch c {
	case signed:
		for i := range nums {
			nums[i] ^= mid
		}
	case float:
		for i, x := range nums {
			nums[i] = orderFloat(x)
		}
	}
}

// unorder is the inverse of order.
func unorder[L latent](nums []L, c class) {
	mid := middle[L]()
	switch c {
	case signed:
		for i := range nums {
			nums[i] ^= mid
		}
	case float:
		for i, x := range nums {
			nums[i] = unorderFloat(x)
		}
	}
}

// orderFloat returns the latent of the bits of a float: if it is negative all bits
// are turned around, otherwise the sign.
func orderFloat[L latent](x L) L {
	return x ^ (-(x >> (widthOf[L]() - 1)) | middle[L]())
}

// unorderFloat is the inverse of orderFloat.
func unorderFloat[L latent](x L) L {
	return x ^ (x>>(widthOf[L]()-1) - 1 | middle[L]())
}

// lengthBits is the width of the field that has the offset bits of a bin.
func lengthBits(width int) int { return bits.Len(uint(width)) }
