package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve/version"
)

// keyVersions is what blame and history ask: a branch or a commit.
type keyVersions interface {
	Blame(any) (version.Version[any], bool, error)
	History(any) *version.History[any]
	All() *version.Cursor[any, any]
	Prefix(any) *version.Cursor[any, any]
}

func (m *versionMap) versionsAt(rev string) (keyVersions, error) {
	c, err := m.at(rev)
	if err != nil {
		return nil, err
	}
	return c.(revision).r.(keyVersions), nil
}

func (a *app) blame() *cobra.Command {
	var at, prefix string
	cmd := &cobra.Command{
		Use:   "blame NAME [KEY]",
		Short: "Tell which commit made a key what it is",
		Long: "blame prints which commit last wrote KEY, or removed it; without a key, for all that are there. A key that\n" +
			"was never there is exit code 3.",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.names(1),
	}
	cmd.Flags().StringVar(&at, "at", "", "revision (default the main branch with what is uncommitted)")
	cmd.Flags().StringVar(&prefix, "prefix", "", "only keys that begin with this")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		return a.withVersions(reading, args[0], func(m *versionMap) error {
			r, err := m.versionsAt(at)
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return a.blameKey(r, args[0], args[1])
			}
			c := r.All()
			if prefix != "" {
				c = r.Prefix(prefix)
			}
			for k := range c.Keys() {
				s, err := text(k)
				if err == nil {
					err = a.blameKey(r, args[0], s)
				}
				if err != nil {
					return err
				}
			}
			return c.Err()
		})
	}
	return cmd
}

func (a *app) blameKey(r keyVersions, name, key string) error {
	v, ok, err := r.Blame(key)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %s never had the key %q", errNotFound, name, key)
	}
	if err != nil {
		return err
	}
	return a.printVersion(key, v)
}

// versionObject is what a commit made of a key, in JSON.
type versionObject struct {
	Key     string        `json:"key"`
	Value   any           `json:"value,omitempty"`
	Removed bool          `json:"removed,omitempty"`
	Commit  *commitObject `json:"commit,omitempty"`
}

func (a *app) printVersion(key string, v version.Version[any]) error {
	if a.json {
		o := versionObject{Key: key, Value: v.Value, Removed: v.Removed}
		if v.Commit != 0 {
			c := objectOfCommit(v.Info)
			c.ID = v.Commit
			o.Commit = &c
		}
		return a.printJSON(o)
	}
	by := headline(v.Info)
	switch {
	case v.Commit == 0:
		by = "uncommitted"
	case !v.Known:
		by = fmt.Sprintf("%d  no longer known", v.Commit)
	}
	value := "removed"
	if !v.Removed {
		var err error
		if value, err = cell(v.Value); err != nil {
			return err
		}
	}
	shown, err := cell(key)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\t%s\t%s\n", shown, value, by)
	return err
}

func (a *app) history() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:               "history NAME KEY",
		Short:             "List the commits that changed a key",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
	}
	cmd.Flags().StringVar(&at, "at", "", "revision (default the main branch with what is uncommitted)")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		return a.withVersions(reading, args[0], func(m *versionMap) error {
			r, err := m.versionsAt(at)
			if err != nil {
				return err
			}
			h := r.History(args[1])
			found := false
			for v := range h.All() {
				found = true
				if err := a.printVersion(args[1], v); err != nil {
					return err
				}
			}
			if h.Err() == nil && !found {
				return fmt.Errorf("%w: %s never had the key %q", errNotFound, args[0], args[1])
			}
			return h.Err()
		})
	}
	return cmd
}
