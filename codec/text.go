package codec

import "fmt"

// TextKey returns a codec for keys of a shape whose Go type is not at hand, for
// tools: it encodes a string as [ParseKeyText] and decodes as [DecodeKeyAny].
// Other keys than strings wrap ErrUnencodable, a shape that is none ErrShape.
func TextKey(s Shape) Key[any] { return textKey{s} }

// TextValue is TextKey for values.
func TextValue(s Shape) Value[any] { return textValue{s} }

type textKey struct{ shape Shape }

func (c textKey) Append(dst []byte, k any) ([]byte, error) {
	return appendText(dst, c.shape, k, ParseKeyText)
}

// AppendPrefix takes strings and bytes in ascending order, whose prefixes are
// their encodings without the terminator.
func (c textKey) AppendPrefix(dst []byte, k any) ([]byte, error) {
	switch c.shape {
	case "raw":
		return c.Append(dst, k)
	case "string", "bytes":
		enc, err := c.Append(dst, k)
		if err != nil {
			return dst, err
		}
		return enc[:len(enc)-1], nil
	}
	return dst, fmt.Errorf("%w: keys are %s", ErrNoPrefix, c.shape)
}

func (c textKey) AppendFields(dst []byte, _ any, _ int) ([]byte, error) {
	return dst, fmt.Errorf("%w: fields of keys given as text", ErrNoPrefix)
}

func (c textKey) Decode(src []byte) (any, error) { return DecodeKeyAny(c.shape, src) }
func (c textKey) Shape() Shape                   { return c.shape }

type textValue struct{ shape Shape }

func (c textValue) Append(dst []byte, v any) ([]byte, error) {
	return appendText(dst, c.shape, v, ParseValueText)
}

func (c textValue) Decode(src []byte) (any, error) { return DecodeValueAny(c.shape, src) }
func (c textValue) Shape() Shape                   { return c.shape }

func appendText(dst []byte, s Shape, x any, parse func(Shape, string) ([]byte, error)) ([]byte, error) {
	text, ok := x.(string)
	if !ok {
		return dst, fmt.Errorf("%w: a %T where text is expected", ErrUnencodable, x)
	}
	enc, err := parse(s, text)
	if err != nil {
		return dst, err
	}
	return append(dst, enc...), nil
}
