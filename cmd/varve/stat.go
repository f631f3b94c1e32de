package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
)

func (a *app) stat() *cobra.Command {
	return &cobra.Command{
		Use:   "stat [NAME]",
		Short: "Tell of the database, or of a collection with its entries counted",
		Long: "stat tells where the database is, which engine keeps it and how large it is; with NAME it tells of\n" +
			"that collection, all of which it reads. The counters in --json are those since it was opened.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.names(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(reading, func(db *varve.DB) error {
				if len(args) == 0 {
					return a.statDB(db)
				}
				info, err := db.Describe(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.statCollection(info)
			})
		},
	}
}

// databaseObject is what stat prints of the database.
type databaseObject struct {
	Path        string     `json:"path"`
	Engine      string     `json:"engine"`
	Collections int        `json:"collections"`
	Keys        int64      `json:"keys"`       // of all collections and the catalog; -1 if not known
	Bytes       int64      `json:"bytes"`      // of these keys and their values
	DiskBytes   int64      `json:"disk_bytes"` // of the files
	Metrics     kv.Metrics `json:"metrics"`
}

func (a *app) statDB(db *varve.DB) error {
	list, err := db.Collections("")
	if err != nil {
		return err
	}
	m := db.Metrics()
	if m.DiskBytes < 0 { // not known to the engine without writing
		if m.DiskBytes, err = fileBytes(db.Path()); err != nil {
			return err
		}
	}
	o := databaseObject{db.Path(), db.Engine(), len(list), m.LiveKeys, m.LiveBytes, m.DiskBytes, m}
	if a.json {
		return a.printJSON(o)
	}
	fields := []any{"path", o.Path, "engine", o.Engine, "collections", o.Collections}
	if o.Keys >= 0 { // which not every engine knows without reading all
		fields = append(fields, "keys", known(o.Keys)+", with the catalog's", "content", size(o.Bytes))
	}
	return a.fields(append(fields, "on disk", size(o.DiskBytes), "in memory", size(m.ResidentBytes))...)
}

func (a *app) statCollection(info varve.Info) error {
	if a.json {
		return a.printJSON(objectOf(info))
	}
	counted := "by reading all of it"
	if info.Counted {
		counted = "in each commit"
	}
	return a.fields("name", info.Name, "id", info.ID, "kind", info.Kind, "key", orDash(info.Key), "value", orDash(info.Value),
		"entries", known(info.Keys), "counted", counted, "content", size(info.Bytes), "created", info.Created.Format(time.RFC3339))
}

// fields prints names and values in two columns.
func (a *app) fields(pairs ...any) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(w, "%v\t%v\n", pairs[i], pairs[i+1])
	}
	return w.Flush()
}

// fileBytes adds up the files of a directory, without those further down and
// those that a writer removes meanwhile.
func fileBytes(dir string) (sum int64, err error) {
	list, err := os.ReadDir(dir)
	for _, e := range list {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	return sum, err
}
