package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/varvedb/varve/pco"
)

// numbersIn returns the numbers of a file as little-endian bytes, and their type.
func numbersIn(name string, data []byte, typ, column string) (raw []byte, t pco.Type, err error) {
	if typ != "" {
		if t, err = pco.ParseType(typ); err != nil {
			return nil, 0, usageError{err}
		}
	}
	if strings.HasSuffix(name, ".npy") {
		raw, of, err := npyArray(data)
		if err == nil && t != 0 && t != of {
			err = usagef("the array is of type %v, not %v", of, t)
		}
		return raw, of, err
	}
	if t == 0 {
		return nil, 0, usagef("say what the numbers are: --type f64, for instance")
	}
	if strings.HasSuffix(name, ".csv") {
		raw, err = csvColumn(data, t, column)
	} else {
		raw = data
	}
	return raw, t, err
}

// npyTypes are the types of arrays, without their byte order.
var npyTypes = map[string]pco.Type{"u1": pco.Uint8, "u2": pco.Uint16, "u4": pco.Uint32, "u8": pco.Uint64, "i1": pco.Int8,
	"i2": pco.Int16, "i4": pco.Int32, "i8": pco.Int64, "f2": pco.Half, "f4": pco.Float32, "f8": pco.Float64}

// npyArray returns the elements of an array in NPY format, versions 1 to 3, of any
// shape, in the order of the file.
func npyArray(data []byte) ([]byte, pco.Type, error) {
	bad := func(what string) ([]byte, pco.Type, error) {
		return nil, 0, fmt.Errorf("it is no NPY file that can be read: %s", what)
	}
	if len(data) < 12 || string(data[:6]) != "\x93NUMPY" {
		return bad("the magic is missing")
	}
	from, size := 10, int(binary.LittleEndian.Uint16(data[8:]))
	if data[6] > 1 {
		from, size = 12, int(binary.LittleEndian.Uint32(data[8:])&0x7fffffff)
	}
	if size > len(data)-from {
		return bad("the header is cut off")
	}
	found := regexp.MustCompile(`'descr': *'([<>=|])(..)'`).FindSubmatch(data[from : from+size])
	if found == nil {
		return bad("its elements are no plain numbers")
	}
	t, ok := npyTypes[string(found[2])]
	if !ok {
		return bad("elements of type " + string(found[2]))
	}
	raw := data[from+size:]
	if found[1][0] == '>' {
		raw = slices.Clone(raw)
		for b := range slices.Chunk(raw, t.Bits()/8) {
			slices.Reverse(b)
		}
	}
	return raw, t, nil
}

// csvColumn returns the numbers in a column of a file whose first line has names;
// column "" is the first.
func csvColumn(data []byte, t pco.Type, column string) (raw []byte, err error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.ReuseRecord = true
	names, err := r.Read()
	if err != nil {
		return nil, err
	}
	at := 0
	if column != "" {
		if at = slices.Index(names, column); at < 0 {
			return nil, usagef("there is no column %q; the columns are %s", column, strings.Join(names, ", "))
		}
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return raw, nil
		}
		if err == nil {
			raw, err = appendNumber(raw, record[at], t)
		}
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// appendNumber appends the number that a text is.
func appendNumber(raw []byte, text string, t pco.Type) ([]byte, error) {
	le, width := binary.LittleEndian, t.Bits()
	var bits uint64
	switch name := t.String(); name[0] {
	case 'u':
		n, err := strconv.ParseUint(text, 10, width)
		if err != nil {
			return nil, err
		}
		bits = n
	case 'i':
		n, err := strconv.ParseInt(text, 10, width)
		if err != nil {
			return nil, err
		}
		bits = uint64(n)
	default:
		f, err := strconv.ParseFloat(text, max(width, 32))
		if err != nil {
			return nil, err
		}
		bits = pco.FloatBits(f, t)
	}
	return le.AppendUint64(raw, bits)[:len(raw)+width/8], nil
}
