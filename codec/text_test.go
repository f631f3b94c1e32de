package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/varvedb/varve/codec"
)

func TestTextCodecsAgreeWithTypedOnes(t *testing.T) {
	typed, err := codec.KeyOf[string]()
	if err != nil {
		t.Fatal(err)
	}
	text := codec.TextKey(typed.Shape())
	for _, k := range []string{"", "a", "a\x00b\x01"} {
		want, _ := typed.Append(nil, k)
		got, err := text.Append(nil, k)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("key %q: %x %v, want %x", k, got, err, want)
		}
		want, _ = typed.AppendPrefix(nil, k)
		if got, err := text.AppendPrefix(nil, k); err != nil || !bytes.Equal(got, want) {
			t.Errorf("prefix %q: %x %v, want %x", k, got, err, want)
		}
	}
	if _, err := codec.TextKey("int").AppendPrefix(nil, "1"); !errors.Is(err, codec.ErrNoPrefix) {
		t.Error(err)
	}
	if _, err := text.Append(nil, 1); !errors.Is(err, codec.ErrUnencodable) {
		t.Error(err)
	}
}

func ExampleTextValue() {
	c := codec.TextValue("cbor {name string, year int}")
	b, err := c.Append(nil, `{"name": "go1.26", "year": 2026}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := c.Decode(b)
	fmt.Println(v, err)
	// Output: [{name go1.26} {year 2026}] <nil>
}
