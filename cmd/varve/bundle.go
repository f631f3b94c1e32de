package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
)

func (a *app) bundle() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Write the history of a versioned map to a file, or check such a file",
		Long: "bundle writes history to a file and checks it. \"varve clone\" makes a map from a bundle, and \"varve fetch\"\n" +
			"brings what is new in it to a clone.",
	}
	cmd.AddCommand(a.bundleCreate(), a.bundleVerify())
	return cmd
}

func (a *app) bundleCreate() *cobra.Command {
	var since []string
	cmd := &cobra.Command{
		Use:   "create NAME FILE|-",
		Short: "Write all branches and tags with their history to a file",
		Long: "create writes all branches and tags of a versioned map with their history to a file; - is the standard output.\n" +
			"With --since it leaves out a revision and what is before it, which who reads the file must have. The file has\n" +
			"the secret by which clones compare what they hold: who has it can make other data that looks the same.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
	}
	cmd.Flags().StringArrayVar(&since, "since", nil, "leave out this `REVISION` and its ancestors; may be given several times")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.withVersions(reading, args[0], func(m *versionMap) error {
			begin := time.Now()
			have, err := m.heads(since, true)
			if err != nil {
				return err
			}
			if len(since) == 0 {
				have = nil
			}
			n, err := a.writeFile(cmd.Context(), args[1], func(w io.Writer) error {
				bar := a.newBar("bundle", 0, true)
				err := m.Bundle(&meter{readWriter{nil, w}, bar, 0}, have...)
				bar.end(err)
				return err
			})
			if err != nil || args[1] == "-" {
				return err
			}
			return a.result(map[string]any{"file": args[1], "bytes": n, "seconds": time.Since(begin).Seconds()},
				"wrote %s: %s in %s", args[1], size(n), short(time.Since(begin)))
		})
	}
	return cmd
}

// readWriter is one of both.
type readWriter struct {
	io.Reader
	io.Writer
}

func (a *app) bundleVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE [NAME]",
		Short: "Check a bundle and tell what is in it",
		Long: "verify reads a bundle and tells what is in it, and which commits it builds on. With NAME it fails unless that\n" +
			"map has them; without it needs no --db.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := a.inspect(args[0])
			if err != nil {
				return err
			}
			if err := a.printBundle(info); err != nil || len(args) == 1 {
				return err
			}
			return a.withVersions(reading, args[1], func(m *versionMap) error { return checkNeeds(m, info.Needs) })
		},
	}
}

// checkNeeds returns an error unless a map has commits.
func checkNeeds(m *versionMap, needs []version.GlobalID) error {
	for _, id := range needs {
		yes, err := m.Holds(id)
		if err == nil && !yes {
			err = fmt.Errorf("the bundle builds on %s, which %s does not have: %w", id, m.name, version.ErrNoCommit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bundleObject is what is in a bundle, in JSON.
type bundleObject struct {
	Type     string            `json:"type"`
	Commits  int               `json:"commits"`
	Edits    int               `json:"edits"`
	Main     string            `json:"main,omitempty"`
	Needs    []string          `json:"needs"`
	Branches map[string]string `json:"branches"`
	Tags     map[string]string `json:"tags"`
}

func (a *app) printBundle(info version.BundleInfo) error {
	t := varve.Type{Kind: varve.KindVersion, Key: info.Keys, Value: info.Values}
	if a.json {
		o := bundleObject{t.String(), info.Commits, info.Edits, info.Main, []string{}, map[string]string{}, map[string]string{}}
		for _, id := range info.Needs {
			o.Needs = append(o.Needs, id.String())
		}
		for _, b := range info.Branches {
			o.Branches[b.Name] = b.Commit.String()
		}
		for _, t := range info.Tags {
			o.Tags[t.Name] = t.Commit.String()
		}
		return a.printJSON(o)
	}
	err := a.say("%s: %s, %s", t, counted(int64(info.Commits), "commit", "commits"), counted(int64(info.Edits), "edit", "edits"))
	for _, b := range info.Branches {
		err = errors.Join(err, a.say("branch %s  %s", b.Commit, b.Name))
	}
	for _, t := range info.Tags {
		err = errors.Join(err, a.say("tag    %s  %s", t.Commit, t.Name))
	}
	for _, id := range info.Needs {
		err = errors.Join(err, a.say("needs  %s", id))
	}
	return err
}

// inspect reads a bundle file.
func (a *app) inspect(file string) (info version.BundleInfo, err error) {
	err = a.readStream(file, "reading", func(r io.Reader) error {
		info, err = version.InspectBundle(r)
		return err
	})
	return info, err
}

// unbundle brings what is in a bundle file.
func (a *app) unbundle(m *versionMap, file, remote string) (got version.Received, err error) {
	err = a.readStream(file, "fetching", func(r io.Reader) error {
		got, err = m.Unbundle(r, remote)
		return err
	})
	return got, err
}

// streamError is damage in a file that is no part of a database.
type streamError struct {
	file string
	err  error
}

func (e *streamError) Error() string {
	if errors.Is(e.err, io.ErrUnexpectedEOF) {
		return e.file + ": it is cut off"
	}
	return fmt.Sprintf("%s: %v", e.file, e.err)
}

func (e *streamError) Unwrap() error { return e.err }

// readStream lets read read a file, and shows how far it is; - is the standard
// input.
func (a *app) readStream(file, what string, read func(io.Reader) error) error {
	in, total := a.in, int64(0)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			total = info.Size()
		}
		in = f
	}
	bar := a.newBar(what, total, true)
	err := read(&meter{readWriter{in, nil}, bar, 0})
	bar.end(err)
	var damage *varve.CorruptionError
	if errors.As(err, &damage) && damage.File == version.Stream || errors.Is(err, io.ErrUnexpectedEOF) {
		return &streamError{file, err}
	}
	return err
}
