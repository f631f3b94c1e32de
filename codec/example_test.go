package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/varvedb/varve/codec"
)

func Example() {
	type Key struct {
		Artist string
		Year   int `varve:"desc"` // the newest first
	}
	type Album struct {
		Title string   `json:"title"`
		Tags  []string `json:"tags,omitempty"`
	}
	keys, err := codec.KeyOf[Key]()
	if err != nil {
		fmt.Println(err)
		return
	}
	values, err := codec.ValueOf[Album]()
	if err != nil {
		fmt.Println(err)
		return
	}
	key, _ := keys.Append(nil, Key{"Nina Simone", 1965})
	value, _ := values.Append(nil, Album{Title: "Pastel Blues"})

	k, _ := keys.Decode(key)
	v, _ := values.Decode(value)
	fmt.Println(k, v.Title)
	fmt.Println(keys.Shape(), values.Shape())
	// Output:
	// {Nina Simone 1965} Pastel Blues
	// {Artist string, Year int desc} cbor {tags [string], title string}
}

func ExampleKeyOf() {
	keys, err := codec.KeyOf[float64]()
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := keys.Append(nil, -2.5)
	b, _ := keys.Append(nil, 10)
	fmt.Println(bytes.Compare(a, b))

	_, err = codec.KeyOf[struct{ Tags []string }]()
	fmt.Println(err)
	// Output:
	// -1
	// codec: key of type struct { Tags []string }: type not supported: Tags: []string has no order
}

func ExampleKey() {
	type Event struct {
		Room string
		N    int
	}
	keys, err := codec.KeyOf[Event]()
	if err != nil {
		fmt.Println(err)
		return
	}
	// All events of one room begin with these bytes, and no others do.
	room, _ := keys.AppendFields(nil, Event{Room: "lobby"}, 1)
	key, _ := keys.Append(nil, Event{"lobby", 7})
	fmt.Println(bytes.HasPrefix(key, room))
	// Output: true
}

func ExampleValueOf() {
	numbers, err := codec.ValueOf[int32]()
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := numbers.Append(nil, -3)
	n, err := numbers.Decode(b)
	fmt.Printf("%x %d %v\n", b, n, err)
	// Output: 05 -3 <nil>
}

func ExampleValue() {
	values, err := codec.ValueOf[map[string]bool]()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = values.Decode([]byte("not cbor"))
	fmt.Println(values.Shape(), errors.Is(err, codec.ErrMalformed))
	// Output: cbor {string: bool} true
}

func ExampleDescending() {
	up, err := codec.KeyOf[string]()
	if err != nil {
		fmt.Println(err)
		return
	}
	down := codec.Descending(up)
	a, _ := down.Append(nil, "a")
	b, _ := down.Append(nil, "b")
	fmt.Println(bytes.Compare(a, b), down.Shape())
	// Output: 1 string desc
}

func ExampleRawKey() {
	b, _ := codec.RawKey().Append(nil, []byte("as it is"))
	fmt.Printf("%s\n", b)
	// Output: as it is
}

func ExampleShape() {
	// A program stored this beside its data. Another adds a field and changes
	// the kind of one.
	const stored codec.Shape = "cbor {at time, name string}"
	fmt.Println(codec.Shape("cbor {at time, name string, tags [string]}").Accepts(stored))
	fmt.Println(codec.Shape("cbor {at int, name string}").Accepts(stored))
	// Output:
	// <nil>
	// incompatible shape: stored cbor {at time, name string}, now cbor {at int, name string}: field at was time and is int
}

func ExampleDecodeKeyAny() {
	const shape codec.Shape = "{Artist string, Year int desc}"
	src, err := codec.ParseKeyText(shape, `{"Artist": "Nina Simone", "Year": 1965}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := codec.DecodeKeyAny(shape, src)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := json.Marshal(v)
	fmt.Println(string(text))
	// Output: {"Artist":"Nina Simone","Year":1965}
}

func ExampleFields() {
	f := codec.Fields{{Name: "b", Value: 1}, {Name: "a", Value: codec.Bytes("hi")}}
	text, _ := json.Marshal(f)
	fmt.Println(string(text))
	// Output: {"b":1,"a":"0x6869"}
}

func ExampleField() {
	fmt.Println(codec.Field{Name: "year", Value: int64(1965)}.Name)
	// Output: year
}

func ExampleBytes() {
	fmt.Println(codec.Bytes{0xca, 0xfe})
	// Output: 0xcafe
}

// Decimal is text of a number, ordered as the number.
type Decimal string

func (d Decimal) AppendKey(dst []byte) ([]byte, error) {
	n, err := strconv.ParseUint(string(d), 10, 32)
	return append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), err
}

func (d *Decimal) DecodeKey(src []byte) error {
	if len(src) != 4 {
		return errors.New("want 4 bytes")
	}
	n := uint64(src[0])<<24 | uint64(src[1])<<16 | uint64(src[2])<<8 | uint64(src[3])
	*d = Decimal(strconv.FormatUint(n, 10))
	return nil
}

func ExampleKeyAppender() {
	keys, err := codec.KeyOf[Decimal]()
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := keys.Append(nil, "9")
	b, _ := keys.Append(nil, "10")
	fmt.Println(bytes.Compare(a, b), keys.Shape())
	// Output: -1 custom
}

func ExampleKeyDecoder() {
	var d Decimal
	fmt.Println(d.DecodeKey([]byte{0, 0, 0, 10}), d)
	// Output: <nil> 10
}

func ExampleBound() {
	keys, err := codec.KeyOf[int]()
	if err != nil {
		panic(err)
	}
	lower, upper, err := codec.EncodeBounds(keys, codec.From(10), codec.Below(20))
	ten, _ := keys.Append(nil, 10)
	twenty, _ := keys.Append(nil, 20)
	fmt.Println(bytes.Equal(lower, ten), bytes.Equal(upper, twenty), err)
	// Output: true true <nil>
}
