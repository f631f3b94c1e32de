package codec

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
)

// DecodeValueAny decodes a value by its shape alone. The result is what
// [DecodeKeyAny] returns, and for CBOR also nil, *big.Int, and map[string]any
// for a map, its keys as text. Fields that are in the data but not in the shape
// come after the others. A map whose keys are structs or lists is an error.
func DecodeValueAny(s Shape, src []byte) (any, error) {
	n, err := s.parse()
	if err != nil {
		return nil, err
	}
	if n.kind == kindCBOR {
		return n.decodeCBOR(src)
	}
	v, err := n.decodeNative(src)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return printable(v), nil
}

func (n *node) decodeNative(src []byte) (any, error) {
	switch n.kind {
	case kindInt:
		return readVarint(src)
	case kindUint:
		return readUvarint(src)
	case kindFloat32:
		return decodeOne[float32](src, n.kind)
	case kindFloat64:
		return decodeOne[float64](src, n.kind)
	case kindBool:
		return decodeOne[bool](src, n.kind)
	case kindTime:
		return decodeOne[time.Time](src, n.kind)
	case kindString:
		return string(src), nil
	case kindByteArray:
		if len(src) != n.count {
			return nil, fmt.Errorf("%d bytes, want %d", len(src), n.count)
		}
		return append(Bytes{}, src...), nil
	case kindBytes, kindBinary, kindRaw:
		return append(Bytes{}, src...), nil
	}
	return nil, fmt.Errorf("%w: %s as a value", ErrShape, n.describe())
}

// decodeOne decodes a native value of the Go type T, which k describes.
func decodeOne[T any](src []byte, k kind) (T, error) {
	var v T
	err := decodeScalar(src, k, unsafe.Sizeof(v), unsafe.Pointer(&v))
	return v, err
}

func (n *node) decodeCBOR(src []byte) (any, error) {
	modes, err := newCBORModes()
	if err != nil {
		return nil, err
	}
	var v any
	if err := modes.dec.Unmarshal(src, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return n.elem.describeCBOR(v), nil
}

// describeCBOR turns what the CBOR library decoded without a type into what n
// says it is. Where the two disagree, the data is shown as it is.
func (n *node) describeCBOR(v any) any {
	n = n.resolve()
	switch v := v.(type) {
	case map[any]any:
		if n.kind == kindStruct {
			return n.describeStruct(v)
		}
		return n.describeMap(v)
	case []any:
		return n.describeList(v)
	case []byte:
		return Bytes(v)
	case cbor.ByteString:
		return Bytes(v)
	case big.Int:
		return &v
	case cbor.Tag:
		return Fields{{Name: "tag", Value: v.Number}, {Name: "content", Value: anything().describeCBOR(v.Content)}}
	case uint64:
		if n.kind == kindInt && v <= math.MaxInt64 {
			return int64(v)
		}
	case float64:
		if n.kind == kindFloat32 {
			return printable(float32(v))
		}
	}
	return printable(v)
}

// anything is the node of parts of which nothing is known.
func anything() *node { return &node{kind: kindAny} }

func (n *node) describeStruct(m map[any]any) any {
	out := make(Fields, 0, len(m))
	for _, f := range n.fields {
		if v, ok := m[f.mapKey()]; ok {
			out = append(out, Field{Name: f.name, Value: f.node.describeCBOR(v)})
			delete(m, f.mapKey())
		}
	}
	known := len(out)
	for k, v := range m {
		out = append(out, Field{Name: keyText(k), Value: anything().describeCBOR(v)})
	}
	slices.SortFunc(out[known:], func(a, b Field) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

func (n *node) describeMap(m map[any]any) any {
	elem := n.elem
	if n.kind != kindMap {
		elem = anything()
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[keyText(k)] = elem.describeCBOR(v)
	}
	return out
}

func (n *node) describeList(list []any) any {
	if n.kind == kindTuple && len(list) == len(n.fields) {
		out := make(Fields, len(list))
		for i, f := range n.fields {
			out[i] = Field{Name: f.name, Value: f.node.describeCBOR(list[i])}
		}
		return out
	}
	elem := n.elem
	if n.kind != kindList && n.kind != kindArray {
		elem = anything()
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = elem.describeCBOR(v)
	}
	return out
}

// mapKey returns the key of f in a CBOR map that was decoded without a type.
func (f nodeField) mapKey() any {
	if !f.number {
		return f.name
	}
	i, err := strconv.ParseInt(f.name, 10, 64)
	if err == nil && i >= 0 {
		return uint64(i)
	}
	return i
}

// keyText returns the key of a map as text.
func keyText(k any) string {
	switch v := anything().describeCBOR(k).(type) {
	case string:
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float32, float64, *big.Int, Bytes, int64, uint64, bool:
		return fmt.Sprint(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(text)
	}
}
