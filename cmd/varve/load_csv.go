package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
)

// csvFormat reads CSV files with a line of column names.
type csvFormat struct {
	*loading
	header  []string
	classes []class // of the columns, where they matter
	keyCol  int     // -1 if the keys are the numbers of the rows
	cols    []int   // columns of the value
	fresh   bool    // the shape of the values was made for what is in the columns
	nested  []bool  // columns whose cells are JSON
}

// open reads the header.
func (f *csvFormat) open(r io.Reader) (*csv.Reader, error) {
	b := bufio.NewReader(r)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		b.Discard(3)
	}
	c := csv.NewReader(b)
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, f.src.at(position{1, 1}, errors.New("the file is empty: the first line must name the columns"))
	}
	if err != nil {
		return nil, f.badLine(err)
	}
	for i, name := range header {
		line, column := c.FieldPos(i)
		if !utf8.ValidString(name) || slices.Contains(header[:i], name) || name == "" {
			return nil, f.src.at(position{line, column}, fmt.Errorf("column name %q: names must be UTF-8, not empty, and differ", name))
		}
	}
	f.header, f.nested = header, make([]bool, len(header))
	c.ReuseRecord = true
	return c, nil
}

func (f *csvFormat) badLine(err error) error {
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return fmt.Errorf("read %s: %w", f.src.name, err)
	}
	err = bad.Err
	if errors.Is(err, csv.ErrFieldCount) {
		err = fmt.Errorf("not as many cells as there are columns, %d", len(f.header))
	}
	return f.src.at(position{bad.Line, max(1, bad.Column)}, err)
}

// columns finds the columns of key and value for a kind.
func (f *csvFormat) columns(k varve.Kind) error {
	f.keyCol = -1
	var err error
	switch name := f.flags.keyField; {
	case k == varve.KindValue:
		err = usagef("a CSV file does not fit into a value: choose another --kind")
	case k == varve.KindList && name != "":
		err = usagef("a list has no keys: leave out --key")
	case name != "":
		f.keyCol, err = f.column(name, "key")
	case k == varve.KindSet && len(f.header) == 1:
		f.keyCol = 0
	case k == varve.KindSet:
		err = usagef("name the column of the members with --key: there are %s", strings.Join(f.header, ", "))
	}
	if err != nil || !hasValues(k) {
		return err
	}
	return f.valueColumns()
}

func (f *csvFormat) valueColumns() error {
	f.cols = nil
	if name := f.flags.valueCol; name != "" {
		i, err := f.column(name, "value-column")
		f.cols = []int{i}
		return err
	}
	for i := range f.header {
		if i != f.keyCol {
			f.cols = append(f.cols, i)
		}
	}
	if len(f.cols) == 0 {
		return usagef("there is no column beside the key's: use --kind set, or leave out --key")
	}
	return nil
}

func (f *csvFormat) column(name, flag string) (int, error) {
	i := slices.Index(f.header, name)
	if i < 0 {
		return i, usagef("--%s %s: there is no such column; there are %s", flag, name, strings.Join(f.header, ", "))
	}
	return i, nil
}

// classify reads the file for what is in the columns.
func (f *csvFormat) classify() error {
	r, err := f.src.read(nil)
	if err != nil {
		return err
	}
	c, err := f.open(r)
	if err != nil {
		return err
	}
	f.classes = make([]class, len(f.header))
	for {
		rec, err := c.Read()
		if err != nil {
			return nil // the end, or rows meets it again
		}
		for i, cell := range rec {
			f.classes[i].add(cell)
		}
	}
}

func (f *csvFormat) plan(t *varve.Type) error {
	setDefault(&t.Kind, varve.KindOrdered)
	if err := f.classify(); err != nil {
		return err
	}
	if err := f.columns(t.Kind); err != nil {
		return err
	}
	if f.keyCol >= 0 {
		setDefault(&t.Key, f.classes[f.keyCol].plainShape())
	}
	setDefault(&t.Key, "int")
	trim(t)
	if t.Value != "" || !hasValues(t.Kind) {
		return f.fitShapes(*t)
	}
	f.fresh = true
	if f.flags.valueCol != "" {
		t.Value = f.classes[f.cols[0]].plainShape()
		return nil
	}
	var err error
	t.Value, err = f.structShape()
	return err
}

// structShape is the shape of a struct of the columns of the value.
func (f *csvFormat) structShape() (codec.Shape, error) {
	var fields []string
	for _, i := range f.cols {
		fields = append(fields, strconv.Quote(f.header[i])+" "+string(f.classes[i].shape()))
	}
	return codec.ParseShape("cbor {" + strings.Join(fields, ", ") + "}")
}

func (f *csvFormat) fit(info varve.Info) error {
	if err := f.classify(); err != nil {
		return err
	}
	if err := f.columns(info.Kind); err != nil {
		return err
	}
	return f.fitShapes(info.Type)
}

// fitShapes checks that the columns can go into shapes that were not made for
// them.
func (f *csvFormat) fitShapes(t varve.Type) error {
	switch {
	case hasKeys(t.Kind) && f.keyCol < 0 && t.Key != "int" && t.Key != "uint":
		return usagef("keys are %s: name their column with --key", t.Key)
	case hasValues(t.Kind) && f.flags.valueCol == "" && isScalar(t.Value):
		return usagef("values are %s: name their column with --value-column", t.Value)
	}
	return nil
}

func (f *csvFormat) rows(t varve.Type, r io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		c, err := f.open(r)
		if err != nil {
			yield(row{}, err)
			return
		}
		for n := 1; ; n++ {
			rec, err := c.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(row{}, f.badLine(err))
				return
			}
			row, err := f.row(t, c, n, rec)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// row makes a record of row n.
func (f *csvFormat) row(t varve.Type, c *csv.Reader, n int, rec []string) (row, error) {
	at := func(i int) position {
		line, column := c.FieldPos(i)
		return position{line, column}
	}
	r := row{key: strconv.Itoa(n), keyAt: at(0)}
	if f.keyCol >= 0 {
		r.key, r.keyAt = rec[f.keyCol], at(f.keyCol)
	}
	if !hasValues(t.Kind) {
		return r, nil
	}
	for _, i := range f.cols {
		if !utf8.ValidString(rec[i]) {
			return r, f.src.at(at(i), fmt.Errorf("column %s: %q is not UTF-8", f.header[i], rec[i]))
		}
	}
	r.blame = func(error) position { return at(f.wrongColumn(t.Value, rec)) }
	if f.flags.valueCol != "" {
		r.value = f.plainValue(t.Value, rec[f.cols[0]])
	} else {
		r.value = f.structValue(t.Value, rec)
	}
	return r, nil
}

// plainValue is the text of a value that is a single cell.
func (f *csvFormat) plainValue(s codec.Shape, cell string) string {
	if isScalar(s) {
		return cell
	}
	if text := f.cellJSON(s, f.cols[0], cell); s == "cbor any" || !json.Valid([]byte(cell)) {
		return text
	}
	return cell
}

// structValue is the text of a value that is a struct.
func (f *csvFormat) structValue(s codec.Shape, rec []string) string {
	text := f.objectOf(s, rec, f.cols)
	if f.fresh || fits(s, text) {
		return text
	}
	for _, i := range f.cols {
		if !fits(s, f.objectOf(s, rec, []int{i})) && json.Valid([]byte(rec[i])) {
			f.nested[i] = true
		}
	}
	return f.objectOf(s, rec, f.cols)
}

// wrongColumn returns the column whose cell does not fit.
func (f *csvFormat) wrongColumn(s codec.Shape, rec []string) int {
	for _, i := range f.cols {
		if f.flags.valueCol == "" && !fits(s, f.objectOf(s, rec, []int{i})) {
			return i
		}
	}
	return f.cols[0]
}

func fits(s codec.Shape, text string) bool {
	_, err := codec.ParseValueText(s, text)
	return err == nil
}

// objectOf writes columns as a JSON object. A cell that is empty is left out.
func (f *csvFormat) objectOf(s codec.Shape, rec []string, cols []int) string {
	var parts []string
	for _, i := range cols {
		if rec[i] != "" {
			parts = append(parts, quoteJSON(f.header[i])+":"+f.cellJSON(s, i, rec[i]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// cellJSON writes a cell of a column as JSON. Codecs read any scalar from a
// string, but where the shape leaves the type open the column decides.
func (f *csvFormat) cellJSON(s codec.Shape, col int, cell string) string {
	number := s == "cbor any" && f.classes[col].shape() != "string"
	if number || f.nested[col] && json.Valid([]byte(cell)) {
		return cell
	}
	return quoteJSON(cell)
}

// quoteJSON writes a JSON string, of UTF-8.
func quoteJSON(s string) string {
	b, _ := marshal(s)
	return string(b)
}

// class is what the cells of a column have in common.
type class struct{ blank, whole, big, real, other bool }

// exact is up to where all integers are exact as float64.
const exact = 1 << 53

// add takes a cell into account. Integers that would not be printed again as they
// are, such as 007, are text.
func (c *class) add(cell string) {
	if cell == "" {
		c.blank = true
		return
	}
	if i, err := strconv.ParseInt(cell, 10, 64); err == nil && strconv.FormatInt(i, 10) == cell {
		c.whole = true
		c.big = c.big || i > exact || i < -exact
		return
	}
	if isDecimal(cell) {
		c.real = true
		return
	}
	c.other = true
}

// isDecimal reports whether cell is a JSON number with a fraction or exponent,
// which float64 can hold.
func isDecimal(cell string) bool {
	begins := cell[0] == '-' || cell[0] >= '0' && cell[0] <= '9'
	if !begins || !strings.ContainsAny(cell, ".eE") || !json.Valid([]byte(cell)) {
		return false
	}
	_, err := strconv.ParseFloat(cell, 64)
	return err == nil && cell == strings.TrimSpace(cell)
}

// shape returns the narrowest shape that holds all cells that are not empty.
func (c class) shape() codec.Shape {
	switch {
	case c.other, c.real && c.big, !c.whole && !c.real:
		return "string"
	case c.real:
		return "float64"
	}
	return "int"
}

// plainShape is shape for cells of which none can be left out.
func (c class) plainShape() codec.Shape {
	if c.blank {
		return "string"
	}
	return c.shape()
}
