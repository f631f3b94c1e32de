package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
)

// jsonFormat reads JSON lines.
type jsonFormat struct {
	src      *source
	keyField string // empty if lines are as dump writes them
}

// maxLine is the longest line that is read, in bytes.
const maxLine = 64 << 20

// jsonLine is a line with an object, by its members.
type jsonLine struct {
	number  int
	members []member
}

type member struct {
	name   string
	raw    json.RawMessage
	column int // where the value begins, from 1
}

// typesLine is the first line of dump --types.
type typesLine struct {
	Kind   varve.Kind  `json:"kind"`
	Keys   codec.Shape `json:"keys,omitempty"`
	Values codec.Shape `json:"values,omitempty"`
}

// types returns what a first line tells of the types, if it is one that does.
func (l *jsonLine) types() (t typesLine, ok bool) {
	if l.number != 1 || len(l.members) == 0 || l.members[0].name != "kind" {
		return t, false
	}
	fields := map[string]any{"kind": &t.Kind, "keys": &t.Keys, "values": &t.Values}
	for _, m := range l.members {
		into, known := fields[m.name]
		if !known || json.Unmarshal(m.raw, into) != nil {
			return t, false
		}
	}
	return t, true
}

func (f *jsonFormat) plan(t *varve.Type) error {
	r, err := f.src.read(nil)
	if err != nil {
		return err
	}
	var keys class
	first := true
	for line, err := range f.lines(r) {
		if err != nil && first {
			return err
		}
		if err != nil {
			break // rows meets it again
		}
		first = false
		if head, ok := line.types(); ok && f.keyField == "" {
			setDefault(&t.Kind, head.Kind)
			setDefault(&t.Key, head.Keys)
			setDefault(&t.Value, head.Values)
		}
		setDefault(&t.Kind, varve.KindOrdered)
		if !hasKeys(t.Kind) || t.Key != "" {
			break
		}
		if err := f.classify(&keys, line); err != nil {
			return err
		}
	}
	setDefault(&t.Kind, varve.KindOrdered)
	setDefault(&t.Key, keys.shape())
	setDefault(&t.Value, "cbor any")
	trim(t)
	return f.fitKind(t.Kind)
}

// classify looks at the key of a line.
func (f *jsonFormat) classify(keys *class, line jsonLine) error {
	name := orDefault(f.keyField, "key")
	for _, m := range line.members {
		switch {
		case m.name != name:
		case m.raw[0] == '{' || m.raw[0] == '[':
			return usagef("%s:%d:%d: the key is an object or list: say which by --key-shape", f.src.name, line.number, m.column)
		default:
			keys.add(string(m.raw))
		}
	}
	return nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// trim removes the shapes that a kind does not have.
func trim(t *varve.Type) {
	if !hasKeys(t.Kind) {
		t.Key = ""
	}
	if !hasValues(t.Kind) {
		t.Value = ""
	}
}

func (f *jsonFormat) fit(info varve.Info) error { return f.fitKind(info.Kind) }

func (f *jsonFormat) fitKind(k varve.Kind) error {
	if !hasKeys(k) && f.keyField != "" {
		return usagef("a %s has no keys: leave out --key", k)
	}
	return nil
}

func (f *jsonFormat) rows(t varve.Type, r io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for line, err := range f.lines(r) {
			if err != nil {
				yield(row{}, err)
				return
			}
			if _, ok := line.types(); ok && f.keyField == "" {
				continue
			}
			rec, at, err := f.record(t, line)
			if err != nil {
				err = f.src.at(at, err)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// record takes key and value from a line. An error comes with its place.
func (f *jsonFormat) record(t varve.Type, line jsonLine) (r row, at position, err error) {
	key, value, err := f.split(t, line)
	if err != nil {
		return r, position{line.number, max(1, key.column)}, err
	}
	if hasKeys(t.Kind) {
		r.keyAt = position{line.number, key.column}
		if r.key, err = textOf(t.Key, key.raw); err != nil {
			return r, r.keyAt, fmt.Errorf("key: %w", err)
		}
	} else {
		r.keyAt = position{line.number, value.column}
	}
	if hasValues(t.Kind) {
		valueAt := position{line.number, value.column}
		r.blame = func(error) position { return valueAt }
		if r.value, err = textOf(t.Value, value.raw); err != nil {
			return r, valueAt, fmt.Errorf("value: %w", err)
		}
	}
	return r, at, nil
}

// split finds key and value among the members. If it fails, the column of key is
// where.
func (f *jsonFormat) split(t varve.Type, line jsonLine) (key, value member, err error) {
	var rest []member
	for _, m := range line.members {
		switch {
		case f.keyField != "" && m.name == f.keyField, f.keyField == "" && m.name == "key":
			key = m
		case f.keyField != "":
			rest = append(rest, m)
		case m.name == "value":
			value = m
		default:
			return m, value, fmt.Errorf("member %q: lines are {\"key\": …, \"value\": …}; else name the field of the keys with --key", m.name)
		}
	}
	if f.keyField != "" {
		value, err = object(rest)
	}
	switch {
	case err != nil:
	case hasKeys(t.Kind) && key.raw == nil:
		err = fmt.Errorf("there is no member %q", orDefault(f.keyField, "key"))
	case hasKeys(t.Kind) && key.raw[0] == 'n':
		err = errors.New("the key is null")
	case hasValues(t.Kind) && value.raw == nil:
		err = errors.New(`there is no member "value"`)
	}
	return key, value, err
}

// object makes an object of members.
func object(list []member) (member, error) {
	raw := []byte{'{'}
	for i, m := range list {
		name, err := marshal(m.name)
		if err != nil {
			return member{}, err
		}
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(append(append(raw, name...), ':'), m.raw...)
	}
	return member{raw: append(raw, '}'), column: 1}, nil
}

// lines reads lines that are not blank.
func (f *jsonFormat) lines(r io.Reader) iter.Seq2[jsonLine, error] {
	return func(yield func(jsonLine, error) bool) {
		s := bufio.NewScanner(r)
		s.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for s.Scan() {
			n++
			if len(bytes.TrimSpace(s.Bytes())) == 0 {
				continue
			}
			list, column, err := members(s.Bytes())
			if err == nil && !utf8.Valid(s.Bytes()) {
				column, err = 1, errors.New("the line is not UTF-8")
			}
			if err != nil {
				yield(jsonLine{}, f.src.at(position{n, column}, err))
				return
			}
			if !yield(jsonLine{n, list}, nil) {
				return
			}
		}
		switch err := s.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(jsonLine{}, f.src.at(position{n + 1, 1}, fmt.Errorf("the line is longer than %s", size(maxLine))))
		case err != nil:
			yield(jsonLine{}, fmt.Errorf("read %s: %w", f.src.name, err))
		}
	}
}

// members takes an object apart. If it is none, the column is where that shows.
func members(line []byte) (list []member, column int, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	where := func() int { return int(d.InputOffset()) + 1 }
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, 1, notObject(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, where(), notObject(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, where(), notObject(err)
		}
		list = append(list, member{name.(string), raw, where() - len(raw)})
	}
	if _, err := d.Token(); err != nil {
		return nil, where(), notObject(err)
	}
	at := where()
	if len(bytes.TrimSpace(line[at-1:])) > 0 {
		return nil, at, errors.New("there is text after the object")
	}
	return list, 0, nil
}

func notObject(err error) error {
	switch {
	case err == nil:
		return errors.New("a line must be a JSON object")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON object does not end")
	}
	return err
}
