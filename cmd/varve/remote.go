package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
)

// other is what a versioned map exchanges commits with: a map in another
// database, or a bundle file.
type other struct {
	path, name string
	file       bool
}

// other looks what there is at a path; the map there has the first of the names
// that is not empty.
func (a *app) other(path string, names ...string) (other, error) {
	name := cmp.Or(names...)
	if path == "-" {
		return other{path, name, true}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return other{}, err
	}
	if own, err := os.Stat(a.dir); err == nil && os.SameFile(info, own) {
		return other{}, usagef("%s is the database of --db itself: name another", path)
	}
	return other{path, name, !info.IsDir()}, nil
}

func (a *app) clone() *cobra.Command {
	var there string
	cmd := &cobra.Command{
		Use:   "clone SOURCE NAME",
		Short: "Make a versioned map that is the clone of another",
		Long: "clone makes a versioned map with all commits, branches and tags of the map of that name in SOURCE, another\n" +
			"database, or of a bundle file. Later \"varve fetch\" brings what is new there, and \"varve push\" takes back\n" +
			"what is new here. What a crash leaves of a clone \"varve fetch --remote ''\" completes.",
		Args: cobra.ExactArgs(2),
	}
	cmd.Flags().StringVar(&there, "there", "", "the `NAME` of the map in SOURCE, if it is another")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, err := a.other(args[0], there, args[1])
		if err != nil {
			return err
		}
		if from.file {
			return a.cloneBundle(from.path, args[1])
		}
		return a.connect(cmd.Context(), from, reading, func(source *versionMap, t varve.Type, conn io.ReadWriter) error {
			return a.cloneAs(args[1], t, func(m *versionMap) (version.Received, error) { return m.Fetch(conn, "") })
		})
	}
	return cmd
}

// cloneBundle makes a clone from a bundle file, which is read whole before.
func (a *app) cloneBundle(file, name string) error {
	if file == "-" {
		return usagef("a bundle that is cloned is read twice: name a file")
	}
	info, err := a.inspect(file)
	if err != nil {
		return err
	}
	if n := int64(len(info.Needs)); n > 0 {
		return fmt.Errorf("%s builds on %s that it does not have: fetch it into a clone that has them", file, counted(n, "commit", "commits"))
	}
	t := varve.Type{Kind: varve.KindVersion, Key: info.Keys, Value: info.Values}
	return a.cloneAs(name, t, func(m *versionMap) (version.Received, error) { return a.unbundle(m, file, "") })
}

// cloneAs makes a map and lets receive fill it; if that fails the map goes.
func (a *app) cloneAs(name string, t varve.Type, receive func(*versionMap) (version.Received, error)) error {
	return a.with(varve.Options{}, func(db *varve.DB) error {
		if _, there, err := find(db, name); err != nil || there {
			return errors.Join(err, fmt.Errorf("%q: %w", name, varve.ErrCollectionExists))
		}
		m, err := versionsOf(db, name, t)
		if err != nil {
			return err
		}
		got, err := receive(m)
		if err != nil {
			return errors.Join(err, db.Drop(name))
		}
		return a.printReceived("cloned", got)
	})
}

func (a *app) fetch() *cobra.Command {
	var there, remote string
	cmd := &cobra.Command{
		Use:   "fetch NAME SOURCE",
		Short: "Bring what is new in a clone of a versioned map, or in a bundle",
		Long: "fetch brings the commits that are in SOURCE and not here: the map of that name in another database, or a\n" +
			"bundle file; - is the standard input. Its branches are here as REMOTE/BRANCH, to be looked at and merged;\n" +
			"with --remote '' they are the branches of the same names, which are moved forward, or not at all.\n" +
			"A fetch that was interrupted goes on where it ended.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&there, "there", "", "the `NAME` of the map in SOURCE, if it is another")
	flags.StringVar(&remote, "remote", "origin", "what its branches are called here: REMOTE/BRANCH")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, err := a.other(args[1], there, args[0])
		if err != nil {
			return err
		}
		receive := func(m *versionMap) (got version.Received, err error) {
			if from.file {
				return a.unbundle(m, from.path, remote)
			}
			err = a.connect(cmd.Context(), from, reading, func(_ *versionMap, _ varve.Type, conn io.ReadWriter) error {
				got, err = m.Fetch(conn, remote)
				return err
			})
			return got, err
		}
		return a.withVersions(writing, args[0], func(m *versionMap) error {
			got, err := receive(m)
			if err != nil {
				return err
			}
			return a.printReceived("fetched", got)
		})
	}
	return cmd
}

// receivedObject is what a fetch has brought, in JSON.
type receivedObject struct {
	Commits  int            `json:"commits"`
	Tags     int            `json:"tags"`
	Branches []branchObject `json:"branches"`
}

func (a *app) printReceived(what string, got version.Received) error {
	object := receivedObject{got.Commits, got.Tags, []branchObject{}}
	for _, b := range got.Branches {
		object.Branches = append(object.Branches, branchObject{Name: b.Name, ID: b.ID, Head: b.Head, Entries: b.Len, Main: b.Main})
	}
	if a.json {
		return a.printJSON(object)
	}
	err := a.say("%s %s, %s", what, counted(int64(got.Commits), "commit", "commits"), counted(int64(got.Tags), "tag", "tags"))
	for _, b := range got.Branches {
		err = errors.Join(err, a.say("%s at commit %d, %s", b.Name, b.Head, counted(b.Len, "entry", "entries")))
	}
	return err
}

func (a *app) push() *cobra.Command {
	var there string
	var all bool
	cmd := &cobra.Command{
		Use:   "push NAME TARGET [BRANCH]...",
		Short: "Bring what is new here to a clone of a versioned map",
		Long: "push brings branches, the main one if none are named, to the map of that name in TARGET, another database.\n" +
			"There they are made or moved forward, all or none: where a branch has commits that are not here, fetch and\n" +
			"merge them first.",
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.names(1),
	}
	cmd.Flags().StringVar(&there, "there", "", "the `NAME` of the map in TARGET, if it is another")
	cmd.Flags().BoolVar(&all, "all", false, "bring all branches and tags")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		to, err := a.other(args[1], there, args[0])
		if err != nil {
			return err
		}
		if all && len(args) > 2 {
			return usagef("--all is instead of branches")
		}
		if to.file {
			return usagef("%s is no database; \"varve bundle create\" writes a file", args[1])
		}
		return a.withVersions(reading, args[0], func(m *versionMap) error {
			return a.connect(cmd.Context(), to, writing, func(_ *versionMap, _ varve.Type, conn io.ReadWriter) error {
				return a.pushTo(conn, m, args[2:], all)
			})
		})
	}
	return cmd
}

func (a *app) pushTo(conn io.ReadWriter, m *versionMap, names []string, all bool) error {
	if len(names) == 0 && !all {
		names = []string{""}
	}
	var branches []*branch
	for i, name := range names {
		b, err := m.branch(name)
		if err == nil {
			names[i], err = b.Name()
		}
		if err != nil {
			return err
		}
		branches = append(branches, b)
	}
	if err := m.Push(conn, branches...); err != nil {
		return err
	}
	if all {
		return a.result(map[string]any{"all": true}, "pushed all branches and tags")
	}
	return a.result(map[string]any{"branches": names}, "pushed %s", strings.Join(names, ", "))
}

// connect opens a map in another database, which answers while f has the other
// end of the connection.
func (a *app) connect(ctx context.Context, to other, opt varve.Options, f func(m *versionMap, t varve.Type, conn io.ReadWriter) error) error {
	db, err := varve.Open(to.path, &opt)
	if err != nil {
		return fmt.Errorf("%s: %w", to.path, err)
	}
	m, err := openVersions(db, to.name)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", to.path, err), db.Close())
	}
	info, _, err := find(db, to.name)
	if err == nil {
		err = a.converse(ctx, m, func(conn io.ReadWriter) error { return f(m, info.Type, conn) })
	}
	return errors.Join(err, db.Close())
}

// converse lets a map answer at one end of a connection while f has the other.
func (a *app) converse(ctx context.Context, m *versionMap, f func(io.ReadWriter) error) error {
	here, there := net.Pipe()
	defer context.AfterFunc(ctx, func() { here.Close() })()
	answered := make(chan error, 1)
	go func() { answered <- errors.Join(m.Serve(there), there.Close()) }()
	bar := a.newBar("transferring", 0, true)
	err := f(&meter{here, bar, 0})
	here.Close()
	// What ended the other side is the reason; that we did is no news.
	if reason := <-answered; reason != nil && !errors.Is(reason, io.ErrClosedPipe) {
		err = reason
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	bar.end(err)
	return err
}

// meter shows how much has gone either way.
type meter struct {
	io.ReadWriter
	bar  *bar
	done int64
}

func (m *meter) Read(p []byte) (int, error)  { return m.count(m.ReadWriter.Read(p)) }
func (m *meter) Write(p []byte) (int, error) { return m.count(m.ReadWriter.Write(p)) }

func (m *meter) count(n int, err error) (int, error) {
	m.done += int64(n)
	m.bar.set(m.done)
	return n, err
}
