package main

import (
	"io"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve/version"
)

func (a *app) patch() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "patch",
		Short: "Write what differs between two revisions to a file, and apply it",
		Long: "patch writes what differs between two revisions of a versioned map to a file, with the old values, and applies\n" +
			"such a file to a branch of any map of the same types. \"varve diff\" prints the same for people.",
	}
	cmd.AddCommand(a.patchExport(), a.patchApply())
	return cmd
}

func (a *app) patchExport() *cobra.Command {
	return &cobra.Command{
		Use:               "export NAME FILE|- FROM [TO]",
		Short:             "Write what differs between two revisions",
		Long:              "export writes what differs between two revisions, TO being the main branch if it is left out; - is the standard\noutput.",
		Args:              cobra.RangeArgs(3, 4),
		ValidArgsFunction: a.names(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withVersions(reading, args[0], func(m *versionMap) error {
				from, err := m.commit(args[2])
				if err != nil {
					return err
				}
				to, err := m.commit(append(args[3:], "")[0])
				if err != nil {
					return err
				}
				changes := 0
				n, err := a.writeFile(cmd.Context(), args[1], func(w io.Writer) error {
					bar := a.newBar("export", 0, true)
					changes, err = m.WritePatch(&meter{readWriter{nil, w}, bar, 0}, from, to)
					bar.end(err)
					return err
				})
				if err != nil || args[1] == "-" {
					return err
				}
				return a.result(map[string]any{"file": args[1], "from": from, "to": to, "changes": changes, "bytes": n},
					"wrote %s: %s, %s", args[1], counted(int64(changes), "change", "changes"), size(n))
			})
		},
	}
}

func (a *app) patchApply() *cobra.Command {
	var on string
	var reverse bool
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "apply NAME FILE|-",
		Short: "Commit the changes of a patch to a branch",
		Long: "apply makes a commit with the changes of a patch; - is the standard input. A key that is neither what the patch\n" +
			"comes from nor what it leads to is decided by --policy, the patch being the source; --dry-run lists such keys\n" +
			"and changes nothing.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
	}
	cmd.Flags().StringVar(&on, "branch", "", "the branch (default the main one)")
	cmd.Flags().BoolVarP(&reverse, "reverse", "R", false, "go back from where the patch leads to")
	f.add(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		opt, err := f.options()
		if err != nil {
			return err
		}
		return a.withVersions(f.database(), args[0], func(m *versionMap) error {
			b, err := m.branch(on)
			if err != nil {
				return err
			}
			do := b.ApplyPatch
			if f.dry {
				do = b.PreviewPatch
			}
			var res version.MergeResult
			err = a.readPatch(m, args[1], func(p *version.Patch[any, any]) (err error) {
				if reverse {
					p.Reverse()
				}
				res, err = do(p, opt)
				return err
			})
			return a.printMerge(&f, res, err)
		})
	}
	return cmd
}

// readPatch reads a patch from a file.
func (a *app) readPatch(m *versionMap, file string, use func(*version.Patch[any, any]) error) error {
	return a.readStream(file, "applying", func(r io.Reader) error {
		p, err := m.ReadPatch(r)
		if err != nil {
			return err
		}
		return use(p)
	})
}
