package codec

import (
	"bytes"
	"fmt"
	"reflect"
)

// cborValue encodes values that have no form of their own.
type cborValue[V any] struct {
	modes cborModes
	open  bool // the type does not bound how deep a value nests
	shape Shape
}

func newCBORValue[V any](t reflect.Type) (Value[V], error) {
	modes, err := newCBORModes()
	if err != nil {
		return nil, err
	}
	var plan cborPlan
	root, err := plan.node(t, "")
	if err != nil {
		return nil, err
	}
	shape, err := (&node{kind: kindCBOR, elem: root}).text()
	return &cborValue[V]{modes: modes, open: plan.open, shape: shape}, err
}

func (c *cborValue[V]) Append(dst []byte, v V) ([]byte, error) {
	if c.open {
		if err := checkDepth(reflect.ValueOf(&v).Elem(), 0, 0); err != nil {
			return dst, err
		}
	}
	return c.modes.append(dst, &v)
}

func (c *cborValue[V]) Decode(src []byte) (V, error) {
	var v V
	if err := c.modes.dec.Unmarshal(src, &v); err != nil {
		var zero V
		return zero, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return v, nil
}

func (c *cborValue[V]) Shape() Shape { return c.shape }

// append appends v as CBOR that dec accepts.
func (m cborModes) append(dst []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	if err := m.enc.MarshalToBuffer(v, buf); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrUnencodable, err)
	}
	out := buf.Bytes()
	check := cborCheck{src: out[len(dst):]}
	if err := check.item(0); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrUnencodable, err)
	}
	return out, nil
}
