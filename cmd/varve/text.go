package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/varvedb/varve/codec"
)

// newEncoder writes JSON, a value a line, with < and > as they are.
func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// marshal returns v as JSON on one line.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := newEncoder(&b).Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// text writes a decoded key or value for people: strings, times and bytes as put
// takes them, everything else as JSON.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case codec.Bytes:
		return v.String(), nil
	}
	b, err := marshal(v)
	return string(b), err
}

// cell is text that stays within a column: what would break the line is quoted.
func cell(v any) (string, error) {
	s, err := text(v)
	if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
		s = strconv.Quote(s)
	}
	return s, err
}

// entry is a key and a value as they were decoded, of which a set has only the
// first and a value only the second.
type entry struct {
	key, value       any
	hasKey, hasValue bool
}

// MarshalJSON writes {"key": …, "value": …}.
func (e entry) MarshalJSON() ([]byte, error) {
	var parts []string
	add := func(name string, v any) error {
		b, err := marshal(v)
		parts = append(parts, strconv.Quote(name)+":"+string(b))
		return err
	}
	if e.hasKey {
		if err := add("key", e.key); err != nil {
			return nil, err
		}
	}
	if e.hasValue {
		if err := add("value", e.value); err != nil {
			return nil, err
		}
	}
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}

// line writes key and value in columns.
func (e entry) line() (string, error) {
	var cells []string
	for _, part := range []struct {
		v   any
		has bool
	}{{e.key, e.hasKey}, {e.value, e.hasValue}} {
		if !part.has {
			continue
		}
		s, err := cell(part.v)
		if err != nil {
			return "", err
		}
		cells = append(cells, s)
	}
	return strings.Join(cells, "\t"), nil
}

// checkText says which string in v JSON cannot hold.
func checkText(v any) error {
	var parts []any
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			return fmt.Errorf("%q is not UTF-8, which JSON cannot hold: use backup, which keeps every byte", v)
		}
	case codec.Fields:
		for _, f := range v {
			parts = append(parts, f.Name, f.Value)
		}
	case []any:
		parts = v
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k, v[k])
		}
	}
	for _, p := range parts {
		if err := checkText(p); err != nil {
			return err
		}
	}
	return nil
}

// textOf turns JSON into the text from which a codec of shape s reads the same
// value.
func textOf(s codec.Shape, raw json.RawMessage) (string, error) {
	if !isScalar(s) {
		return string(raw), nil
	}
	switch raw[0] {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case '{', '[':
		return "", fmt.Errorf("an object or list, want %s", s)
	case 'n':
		if !isCBOR(s) {
			return "", fmt.Errorf("null, want %s", s)
		}
	}
	return string(raw), nil
}

func isCBOR(s codec.Shape) bool { return strings.HasPrefix(string(s), "cbor ") }

// isScalar reports whether codecs of s read plain text rather than JSON.
func isScalar(s codec.Shape) bool {
	t := strings.TrimSuffix(strings.TrimPrefix(string(s), "cbor "), " desc")
	if count, ok := strings.CutSuffix(t, "]byte"); ok {
		_, err := strconv.Atoi(strings.TrimPrefix(count, "["))
		return err == nil
	}
	return t != "any" && !strings.ContainsAny(t[:min(1, len(t))], "{[(^")
}

// counted counts things in words.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
