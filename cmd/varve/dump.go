package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
)

func (a *app) dump() *cobra.Command {
	var format string
	var types bool
	cmd := &cobra.Command{
		Use:   "dump NAME",
		Short: "Write all entries of a collection as JSON lines or CSV",
		Long: `dump writes {"key": …, "value": …} a line, which load reads back; --types puts a line before them that makes load
give a new collection the same types. With --format csv it writes the column key and a column for each field, or
the column value.

Bytes are written as 0x and hexadecimal digits, times as text. Where the shape of a value does not tell which they
are, as in cbor any, they are loaded as text. backup keeps every byte.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.names(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case format != "jsonl" && format != "csv":
				return usagef("%q is no format: choose csv or jsonl", format)
			case format == "csv" && (a.json || types):
				return usagef("--json and --types are for --format jsonl")
			}
			return a.with(reading, func(db *varve.DB) error {
				c, info, err := openNamed(db, args[0])
				if err != nil {
					return err
				}
				d := &dumping{app: a, cmd: cmd, c: c, info: info}
				if format == "csv" {
					return a.buffered(d.csv)
				}
				return a.buffered(func() error { return d.jsonLines(types) })
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	cmd.Flags().BoolVar(&types, "types", false, "begin with a line that tells load of the types")
	cmd.RegisterFlagCompletionFunc("format", oneOf("csv", "jsonl"))
	return cmd
}

// dumping is one call of dump.
type dumping struct {
	*app
	cmd  *cobra.Command
	c    collection
	info varve.Info
}

// each visits all entries, with an error for what text cannot hold.
func (d *dumping) each(visit func(entry) error) error {
	for e, err := range until(d.cmd.Context(), d.c.walk(span{})) {
		if err == nil {
			err = checkText([]any{e.key, e.value})
		}
		if err == nil {
			err = visit(e)
		}
		if err != nil {
			return fmt.Errorf("dump %s: %w", d.info.Name, err)
		}
	}
	return nil
}

func (d *dumping) jsonLines(types bool) error {
	if types {
		if err := d.printJSON(typesLine{d.info.Kind, d.info.Key, d.info.Value}); err != nil {
			return err
		}
	}
	return d.each(func(e entry) error { return d.printJSON(e) })
}

// csv writes a header of all fields that occur, for which it reads everything
// once before.
func (d *dumping) csv() error {
	var fields []string
	seen := map[string]bool{}
	plain := false
	err := d.each(func(e entry) error {
		list, ok := fieldsOf(e.value)
		plain = plain || e.hasValue && !ok
		for _, f := range list {
			if !seen[f.Name] {
				seen[f.Name] = true
				fields = append(fields, f.Name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if plain {
		fields = []string{"value"}
	}
	w := csv.NewWriter(d.out)
	if err := w.Write(d.header(fields)); err != nil {
		return err
	}
	err = d.each(func(e entry) error { return d.csvRow(w, e, fields, plain) })
	w.Flush()
	return cmp.Or(err, w.Error())
}

func (d *dumping) header(fields []string) []string {
	if d.info.Kind == varve.KindValue {
		return fields
	}
	key := "key"
	for slices.Contains(fields, key) {
		key = "_" + key
	}
	return append([]string{key}, fields...)
}

func (d *dumping) csvRow(w *csv.Writer, e entry, fields []string, plain bool) error {
	var cells []string
	add := func(v any) error {
		s, err := text(v)
		cells = append(cells, s)
		return err
	}
	if e.hasKey {
		if err := add(e.key); err != nil {
			return err
		}
	}
	if plain {
		if err := add(e.value); err != nil {
			return err
		}
		return w.Write(cells)
	}
	values := map[string]any{}
	list, _ := fieldsOf(e.value)
	for _, f := range list {
		values[f.Name] = f.Value
	}
	for _, name := range fields {
		v, ok := values[name]
		if !ok || v == nil {
			v = ""
		}
		if err := add(v); err != nil {
			return err
		}
	}
	return w.Write(cells)
}

// fieldsOf returns the fields of a value that is a struct or a map.
func fieldsOf(v any) (codec.Fields, bool) {
	switch v := v.(type) {
	case codec.Fields:
		return v, true
	case map[string]any:
		var fields codec.Fields
		for _, k := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, codec.Field{Name: k, Value: v[k]})
		}
		return fields, true
	}
	return nil, false
}
