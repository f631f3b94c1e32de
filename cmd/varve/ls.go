package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
)

// collectionObject is a collection in JSON. What is not known is left out.
type collectionObject struct {
	Name    string      `json:"name"`
	ID      varve.ID    `json:"id"`
	Kind    varve.Kind  `json:"kind"`
	Key     codec.Shape `json:"key,omitempty"`
	Value   codec.Shape `json:"value,omitempty"`
	Counted bool        `json:"counted"`
	Created time.Time   `json:"created"`
	Entries *int64      `json:"entries,omitempty"`
	Bytes   *int64      `json:"bytes,omitempty"`
}

func objectOf(info varve.Info) collectionObject {
	known := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	return collectionObject{info.Name, info.ID, info.Kind, info.Key, info.Value, info.Counted, info.Created,
		known(info.Keys), known(info.Bytes)}
}

func (a *app) ls() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "ls [PREFIX]",
		Short: "List the collections",
		Long: "ls lists the collections, those whose names begin with PREFIX if it is given. The number of\n" +
			"entries is shown for collections that count theirs; --count counts the others, which reads them.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.names(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			prefix := ""
			if len(args) > 0 {
				prefix = args[0]
			}
			return a.with(reading, func(db *varve.DB) error {
				infos, err := db.Collections(prefix)
				for i := range infos {
					if all && err == nil {
						infos[i], err = db.Describe(cmd.Context(), infos[i].Name)
					}
				}
				if err != nil {
					return err
				}
				return a.printList(infos, prefix)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "count", false, "count entries and bytes, which reads all collections")
	return cmd
}

func (a *app) printList(infos []varve.Info, prefix string) error {
	if a.json {
		return a.printListJSON(infos)
	}
	if len(infos) == 0 {
		_, err := fmt.Fprintln(a.errs, emptyList(prefix))
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tKEY\tVALUE\tENTRIES\tBYTES\tCREATED")
	for _, info := range infos {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", info.Name, info.Kind, orDash(info.Key), orDash(info.Value),
			known(info.Keys), known(info.Bytes), info.Created.Format(time.RFC3339))
	}
	return w.Flush()
}

func (a *app) printListJSON(infos []varve.Info) error {
	for _, info := range infos {
		if err := a.printJSON(objectOf(info)); err != nil {
			return err
		}
	}
	return nil
}

func emptyList(prefix string) string {
	if prefix != "" {
		return fmt.Sprintf("no collection begins with %q: \"varve ls\" shows all", prefix)
	}
	return "no collections yet: make one with \"varve put NAME KEY VALUE\""
}

func orDash(s codec.Shape) codec.Shape {
	if s == "" {
		return "-"
	}
	return s
}

// known writes a number of which -1 is not known.
func known(n int64) string {
	if n < 0 {
		return "-"
	}
	return count(n)
}
