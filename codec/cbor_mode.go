package codec

import (
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// Limits of CBOR, of what is read and so of what is written. A list or map that
// claims more elements than the input has bytes is refused before anything is
// allocated, whatever the limit.
const (
	maxCBORDepth    = 32
	maxCBORElements = 1 << 24
)

// cborModes are the two directions of the CBOR of this package.
type cborModes struct {
	enc cbor.UserBufferEncMode
	dec cbor.DecMode
}

// newCBORModes returns the modes. Times are text with a tag: every numeric form
// of the library rounds them. Text need not be UTF-8, as no Go string needs.
func newCBORModes() (cborModes, error) {
	enc := cbor.CoreDetEncOptions()
	enc.Time = cbor.TimeRFC3339NanoUTC
	enc.TimeTag = cbor.EncTagRequired
	enc.ByteArray = cbor.ByteArrayToByteSlice
	encMode, err := enc.UserBufferEncMode()
	if err != nil {
		return cborModes{}, fmt.Errorf("cbor options: %w", err)
	}
	dec := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		TimeTag:           cbor.DecTagOptional,
		MaxNestedLevels:   maxCBORDepth,
		MaxArrayElements:  maxCBORElements,
		MaxMapPairs:       maxCBORElements,
		IndefLength:       cbor.IndefLengthForbidden,
		MapKeyByteString:  cbor.MapKeyByteStringAllowed,
		DefaultMapType:    reflect.TypeFor[map[any]any](),
		ExtraReturnErrors: cbor.ExtraDecErrorNone,
		UTF8:              cbor.UTF8DecodeInvalid,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}
	decMode, err := dec.DecMode()
	if err != nil {
		return cborModes{}, fmt.Errorf("cbor options: %w", err)
	}
	return cborModes{enc: encMode, dec: decMode}, nil
}
