package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

// loadFlags are the flags of load.
type loadFlags struct {
	typeFlags                  // key is a shape here too
	format, keyField, valueCol string
}

func (a *app) load() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load NAME FILE|-",
		Short: "Load a CSV or JSON lines file into a collection",
		Long: `load stores the records of a file in a collection; - is the standard input. Records go in by the thousand,
each batch atomic and on disk before the next; keys that are there already are replaced, a list is appended to.

CSV begins with a line of column names. --key names the column of the keys; without it the row numbers, from 1,
are the keys. The other columns become a struct, or one of them a plain value with --value-column. Of a new
collection the columns are int or float64 if all of their cells are, else string. An empty cell is a missing field
of a struct.

JSON lines are objects. With --key FIELD that field is the key and the rest of the object the value; without it
lines are as dump writes them: {"key": …, "value": …}. Of a new collection keys are int or float64 if all are,
else string, and values any JSON, unless flags say otherwise, or the first line as written by dump --types.`,
		Example: "  varve --db data load cities cities.csv --key name\n" +
			"  varve --db data dump users --types | varve --db copy load users -",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "csv or jsonl (default by the name of the file, else jsonl)")
	flags.StringVar(&f.keyField, "key", "", "column or field of the keys")
	flags.StringVar(&f.valueCol, "value-column", "", "store this column of a CSV file as a plain value")
	flags.StringVar(&f.kind, "kind", "ordered", "kind of a new collection: ordered, map, set, list, value or version")
	flags.StringVar(&f.key, "key-shape", "", "shape of the keys of a new collection")
	flags.StringVar(&f.value, "value", "", "shape of the values of a new collection")
	cmd.RegisterFlagCompletionFunc("format", oneOf("csv", "jsonl"))
	cmd.RegisterFlagCompletionFunc("kind", kindNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		src, err := openSource(a.in, args[1])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, src.close()) }()
		l := &loading{app: a, cmd: cmd, flags: f, name: args[0], src: src}
		if l.format, err = l.newFormat(); err != nil {
			return err
		}
		return a.withNew(l.plan, l.run)
	}
	return cmd
}

// format reads records from the source of a load. Its errors are *lineError but
// for those of reading the file.
type format interface {
	// plan fills what t leaves open, by reading the file. Where rows would fail
	// after the first record it ends early, without an error.
	plan(t *varve.Type) error
	// fit checks that the records can go into a collection that is there.
	fit(info varve.Info) error
	// rows reads the records for a collection of a type.
	rows(t varve.Type, r io.Reader) iter.Seq2[row, error]
}

// row is a record as text, for codecs to encode.
type row struct {
	key, value string
	keyAt      position
	blame      func(error) position // where the text is that makes value fail
}

type position struct{ line, column int }

// loading is one call of load.
type loading struct {
	*app
	cmd    *cobra.Command
	flags  loadFlags
	name   string
	src    *source
	format format

	typ    varve.Type
	coll   collection // nil until the first batch
	batch  []pair
	bytes  int
	loaded int64
}

// A batch ends at either of these.
const (
	loadPairs = 4096
	loadBytes = 4 << 20
)

func (l *loading) newFormat() (format, error) {
	name := l.flags.format
	if name == "" {
		name = "jsonl"
		if strings.EqualFold(filepath.Ext(l.src.name), ".csv") {
			name = "csv"
		}
	}
	switch {
	case name == "jsonl" && l.flags.valueCol != "":
		return nil, usagef("--value-column is for CSV files")
	case name == "jsonl":
		return &jsonFormat{src: l.src, keyField: l.flags.keyField}, nil
	case name == "csv":
		return &csvFormat{loading: l}, nil
	}
	return nil, usagef("%q is no format: choose csv or jsonl", name)
}

// plan finds out of which type to make the collection.
func (l *loading) plan() error {
	given := l.flags.typeFlags
	given.key, given.value = orDefault(given.key, "any"), orDefault(given.value, "any")
	t, err := given.typ()
	if err != nil {
		return err
	}
	if l.flags.key == "" {
		t.Key = ""
	}
	if l.flags.value == "" {
		t.Value = ""
	}
	if !l.cmd.Flags().Changed("kind") {
		t.Kind = ""
	}
	if err := l.format.plan(&t); err != nil {
		return err
	}
	l.typ = t
	return nil
}

func orDefault(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (l *loading) run(db *varve.DB) error {
	info, there, err := find(db, l.name)
	switch {
	case err != nil:
		return err
	case there:
		l.typ = info.Type
		if err := errors.Join(l.flags.check(l.cmd, info, "key-shape"), l.format.fit(info)); err != nil {
			return err
		}
	case l.typ.Kind == "":
		if err := l.plan(); err != nil {
			return err
		}
	}
	begin := time.Now()
	if err := l.loadAll(db); err != nil {
		return err
	}
	took := time.Since(begin)
	return l.result(map[string]any{"name": l.name, "type": l.typ.String(), "made": !there, "loaded": l.loaded, "seconds": took.Seconds()},
		"loaded %s into %s, %s, in %s", counted(l.loaded, "record", "records"), l.name, l.typ, short(took))
}

// loadAll stores all records. If it fails, those before stay.
func (l *loading) loadAll(db *varve.DB) (err error) {
	b := l.newBar("loading "+l.name, l.src.size, true)
	defer func() { b.end(err) }()
	r, err := l.src.read(b)
	if err != nil {
		return err
	}
	for row, err := range l.format.rows(l.typ, r) {
		if err == nil {
			err = l.add(db, row)
		}
		if err != nil {
			return l.stop(db, err)
		}
	}
	return l.flush(db)
}

// add takes a record into the batch.
func (l *loading) add(db *varve.DB, r row) error {
	p, keyErr, valueErr := prepare(l.typ, r.key, r.value)
	switch {
	case l.cmd.Context().Err() != nil:
		return l.cmd.Context().Err()
	case keyErr != nil:
		return l.src.at(r.keyAt, keyErr)
	case valueErr != nil:
		return l.src.at(r.blame(valueErr), valueErr)
	case l.typ.Kind == varve.KindValue && l.loaded+int64(len(l.batch)) > 0:
		return l.src.at(r.keyAt, errors.New("a value takes one record, and this is another"))
	}
	l.batch = append(l.batch, p)
	l.bytes += len(r.key) + len(r.value)
	if len(l.batch) == loadPairs || l.bytes >= loadBytes {
		return l.flush(db)
	}
	return nil
}

// flush stores the batch. The first one makes the collection.
func (l *loading) flush(db *varve.DB) (err error) {
	if l.coll == nil {
		if l.coll, err = openAs(db, l.name, l.typ); err != nil {
			return err
		}
	}
	if len(l.batch) == 0 {
		return nil
	}
	if err := l.coll.putAll(l.batch); err != nil {
		return fmt.Errorf("load %s: %w; %s loaded before", l.name, err, counted(l.loaded, "record", "records"))
	}
	l.loaded += int64(len(l.batch))
	l.batch, l.bytes = l.batch[:0], 0
	return nil
}

// stop stores what came before a record that failed, and tells how much it was.
func (l *loading) stop(db *varve.DB, failed error) error {
	if len(l.batch) > 0 {
		if err := l.flush(db); err != nil {
			return errors.Join(failed, err)
		}
	}
	var line *lineError
	if errors.As(failed, &line) {
		line.loaded, line.appended = l.loaded, l.typ.Kind == varve.KindList && l.loaded > 0
		return failed
	}
	return fmt.Errorf("load %s: %w; %s loaded before", l.name, failed, counted(l.loaded, "record", "records"))
}

// source is the input of a load. It can be read more than once: what is not a
// file is copied to one.
type source struct {
	name string
	file *os.File
	size int64
	temp bool
}

func openSource(in io.Reader, name string) (s *source, err error) {
	if name == "-" {
		return spool(in, "stdin")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() {
		s, err := spool(f, name)
		return s, errors.Join(err, f.Close())
	}
	return &source{name: name, file: f, size: info.Size()}, nil
}

func spool(in io.Reader, name string) (*source, error) {
	f, err := os.CreateTemp("", "varve-load-")
	if err != nil {
		return nil, err
	}
	s := &source{name: name, file: f, temp: true}
	if s.size, err = io.Copy(f, in); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", name, err), s.close())
	}
	return s, nil
}

func (s *source) close() error {
	err := s.file.Close()
	if s.temp {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}

// read starts from the beginning. The bar may be nil.
func (s *source) read(b *bar) (io.Reader, error) {
	if b == nil {
		b = &bar{}
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return &countedReader{s.file, b, 0}, err
}

// at makes the error of a place in the source.
func (s *source) at(p position, err error) error {
	return &lineError{file: s.name, line: p.line, column: p.column, err: err}
}

type countedReader struct {
	r    io.Reader
	b    *bar
	done int64
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.done += int64(n)
	r.b.set(r.done)
	return n, err
}
