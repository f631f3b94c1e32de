package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
)

// typeFlags say of which type a collection is made if there is none.
type typeFlags struct{ kind, key, value string }

// typ returns the type that the flags and their defaults name.
func (f typeFlags) typ() (t varve.Type, err error) {
	t.Kind = varve.Kind(f.kind)
	switch t.Kind {
	case varve.KindOrdered, varve.KindMap, varve.KindSet, varve.KindList, varve.KindValue, varve.KindVersion:
	default:
		return t, usagef("%q is no kind of collection: choose ordered, map, set, list, value or version", f.kind)
	}
	if hasKeys(t.Kind) {
		t.Key, err = codec.ParseShape(f.key)
	}
	if err == nil && hasValues(t.Kind) {
		t.Value, err = codec.ParseShape(f.value)
	}
	return t, err
}

// check says which flag was given that contradicts what the collection is.
func (f typeFlags) check(cmd *cobra.Command, info varve.Info, keyFlag string) error {
	for _, given := range []struct{ flag, want, have string }{
		{"kind", f.kind, string(info.Kind)}, {keyFlag, f.key, string(info.Key)}, {"value", f.value, string(info.Value)},
	} {
		if cmd.Flags().Changed(given.flag) && given.want != given.have {
			return usagef("%s is %s: leave out --%s %s", info.Name, info.Type, given.flag, given.want)
		}
	}
	return nil
}

// kinds are the values of --kind.
var kindNames = oneOf("ordered", "map", "set", "list", "value", "version")

func (a *app) put() *cobra.Command {
	var t typeFlags
	var at int64
	cmd := &cobra.Command{
		Use:   "put NAME [KEY] VALUE",
		Short: "Store a value",
		Long: "put stores a value under a key; it is on disk when the command returns. A list takes a value, which it\n" +
			"appends, a set a member, a value a value. Keys and values are given as get prints them. In a versioned map\n" +
			"it is uncommitted after, on the main branch, or on that of NAME@BRANCH.\n\n" +
			"A collection that is not there is made, as the flags say; so is the database.",
		Example: "  varve --db data put greetings en hello\n" +
			"  varve --db data put years 2009 go --key int\n" +
			"  varve --db data put users ada '{\"born\": 1815}' --value 'cbor {born int}'",
		Args:              cobra.RangeArgs(2, 3),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&t.kind, "kind", "ordered", "kind of a new collection: ordered, map, set, list, value or version")
	flags.StringVar(&t.key, "key", "string", "shape of the keys of a new collection")
	flags.StringVar(&t.value, "value", "string", "shape of the values of a new collection")
	flags.Int64Var(&at, "at", -1, "index of a list whose element is replaced")
	cmd.RegisterFlagCompletionFunc("kind", kindNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p := &putting{app: a, cmd: cmd, flags: t, name: args[0], args: args[1:], at: at}
		return a.withNew(p.plan, p.run)
	}
	return cmd
}

// putting is one call of put.
type putting struct {
	*app
	cmd   *cobra.Command
	flags typeFlags
	name  string
	args  []string
	at    int64

	typ  varve.Type
	pair pair // encoded
}

// plan prepares to make the collection.
func (p *putting) plan() (err error) {
	if p.cmd.Flags().Changed("at") {
		return usagef("there is no list %s yet: leave out --at to append to a new one", p.name)
	}
	if p.typ, err = p.flags.typ(); err != nil {
		return err
	}
	return p.encode()
}

// encode takes key and value from the arguments.
func (p *putting) encode() error {
	key, value := "", p.args[len(p.args)-1]
	want, how := 1, "VALUE"
	switch {
	case p.typ.Kind == varve.KindSet:
		key, how = value, "MEMBER"
	case hasKeys(p.typ.Kind):
		key, want, how = p.args[0], 2, "KEY VALUE"
	}
	if len(p.args) != want {
		return usagef("%s is %s: varve put %s %s", p.name, p.typ, p.name, how)
	}
	pair, keyErr, valueErr := prepare(p.typ, key, value)
	p.pair = pair
	return errors.Join(keyErr, valueErr)
}

func (p *putting) run(db *varve.DB) error {
	info, _, there, err := findAt(db, p.name)
	if err != nil {
		return err
	}
	if there {
		p.typ = info.Type
		if err = p.flags.check(p.cmd, info, "key"); err == nil {
			err = p.encode()
		}
	} else {
		err = p.plan()
	}
	if err != nil {
		return err
	}
	c, err := p.open(db, there)
	if err != nil {
		return err
	}
	index, err := p.store(c)
	if err != nil {
		return err
	}
	return p.tell(!there, index)
}

// open opens the collection, or makes it.
func (p *putting) open(db *varve.DB, there bool) (collection, error) {
	if there {
		c, _, err := openNamed(db, p.name)
		return c, err
	}
	return openAs(db, p.name, p.typ)
}

// store stores the pair; of a list it returns the index.
func (p *putting) store(c collection) (index *int64, err error) {
	l, ok := c.(list)
	switch {
	case !ok && p.cmd.Flags().Changed("at"):
		return nil, usagef("%s is %s: --at is for lists", p.name, p.typ)
	case !ok:
		return nil, c.putAll([]pair{p.pair})
	case p.cmd.Flags().Changed("at"):
		return &p.at, l.l.Set(p.at, p.pair.value)
	}
	return l.push(p.pair.value)
}

func (p *putting) tell(made bool, index *int64) error {
	if p.json {
		return p.printJSON(struct {
			Name  string `json:"name"`
			Type  string `json:"type"`
			Made  bool   `json:"made"`
			Index *int64 `json:"index,omitempty"`
		}{p.name, p.typ.String(), made, index})
	}
	if made {
		return p.say("made %s, %s", p.name, p.typ)
	}
	return nil
}
