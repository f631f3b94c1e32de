package codec

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes is a byte string as [DecodeKeyAny] and [DecodeValueAny] return it. Its
// text, also in JSON, is 0x and hexadecimal digits, which [ParseKeyText] and
// [ParseValueText] read.
type Bytes []byte

// String returns the hexadecimal form.
func (b Bytes) String() string { return "0x" + hex.EncodeToString(b) }

// MarshalText returns the hexadecimal form.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// Field is a field of a struct that was decoded without its Go type.
type Field struct {
	Name  string
	Value any
}

// Fields is a struct that was decoded without its Go type, in the order of its
// shape. In JSON it is an object with its fields in that order.
type Fields []Field

// MarshalJSON returns the object.
func (f Fields) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, field := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(field.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(field.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.Name, err)
		}
		b.Write(append(append(name, ':'), value...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// printable returns v, or its text if JSON has no form for it: floats that are
// not numbers, and times whose year or zone RFC 3339 cannot write.
func printable(v any) any {
	switch v := v.(type) {
	case float32:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 32)
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	case time.Time:
		if _, err := v.MarshalText(); err != nil {
			return v.UTC().Format(time.RFC3339Nano)
		}
	}
	return v
}

// parseBytes reads a byte string from text: hexadecimal after 0x, else the text
// itself.
func parseBytes(text string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		return hex.DecodeString(digits)
	}
	return []byte(text), nil
}

// parseTime reads a time as time.Time prints it in JSON.
func parseTime(text string) (time.Time, error) {
	return time.Parse(time.RFC3339Nano, text)
}

// parseJSON reads one JSON value, with numbers as json.Number.
func parseJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("text after the JSON value")
	}
	return v, nil
}

// scalarText returns the text of a JSON value that is not null, an object or a
// list.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
