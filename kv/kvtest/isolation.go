package kvtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// IsolationOptions say how much CheckIsolation does. The zero value is what each
// change is tested with.
type IsolationOptions struct {
	// Histories is how many are run; default 300. Every fourth runs on real
	// goroutines, the others on a simulated executor.
	Histories int
	// Clients is how many run transactions at once; default 5.
	Clients int
	// Txns is how many transactions each client runs; default 30.
	Txns int
	// Seed is that of the first history, the others follow; default 1.
	Seed uint64
}

func (o IsolationOptions) filled() IsolationOptions {
	o.Histories = cmp.Or(o.Histories, 300)
	o.Clients = cmp.Or(o.Clients, 5)
	o.Txns = cmp.Or(o.Txns, 30)
	o.Seed = cmp.Or(o.Seed, 1)
	return o
}

// IsolationError is a history of transactions that no order, one after the other,
// explains.
type IsolationError struct {
	Engine  string
	Seed    uint64
	Real    bool   // it ran on goroutines, so another run may differ
	Anomaly string // the transactions, and why they cannot be ordered
}

// Error describes the anomaly.
func (e *IsolationError) Error() string {
	mode := "simulated tasks, so a run with the seed repeats it"
	if e.Real {
		mode = "goroutines, so a run with the seed may not repeat it"
	}
	return fmt.Sprintf("engine %s, transactions of seed %d (on %s) are not strictly serializable:\n%s", e.Engine, e.Seed, mode, e.Anomaly)
}

// RunIsolation checks that concurrent transactions are strictly serializable;
// see [CheckIsolation]. Two well-known invariants are checked besides.
// VARVE_SEED runs one history alone.
func RunIsolation(t *testing.T, e Engine, opt IsolationOptions) {
	opt = opt.filled()
	if testing.Short() {
		opt.Histories = min(opt.Histories, 40)
	}
	if list := seeds(t, 2); len(list) == 1 {
		opt.Seed, opt.Histories = list[0], 1
	}
	t.Run("histories have an order", func(t *testing.T) {
		if err := CheckIsolation(e, opt); err != nil {
			t.Fatalf("%v%s", err, replayHint(t, err))
		}
	})
	t.Run("money is neither made nor lost", func(t *testing.T) { bank(newSubject(t, e, 0)) })
	t.Run("two who look at each other do not both leave", func(t *testing.T) { writeSkew(newSubject(t, e, 0)) })
}

// CheckIsolation checks transactions by the method of Elle: clients append
// unique elements to lists and read lists, by key and by range, in random
// transactions beside plain writes. The lists tell which transaction saw which,
// and so which must come before which; a cycle, or a transaction that must come
// before one that had ended when it began, is an anomaly. So are lost, repeated
// and half-seen appends and reads of what was aborted. The error is an
// *IsolationError that shows the shortest cycle.
func CheckIsolation(e Engine, opt IsolationOptions) error {
	opt = opt.filled()
	for i := range opt.Histories {
		seed := opt.Seed + uint64(i)
		real := seed%4 == 0
		txns, err := runTransactions(e, seed, real, opt)
		if err == nil {
			err = judgeIsolation(txns)
		}
		if err != nil {
			return &IsolationError{Engine: e.Name, Seed: seed, Real: real, Anomaly: err.Error()}
		}
	}
	return nil
}

// runTransactions runs the clients of one history and returns what they did. The
// last transaction reads all lists, alone.
func runTransactions(e Engine, seed uint64, real bool, opt IsolationOptions) (txns []*isoTxn, err error) {
	env := Env{FS: vfs.NewMem(), Executor: vfs.Go(), Dir: "db", Seed: seed, Mergers: testMergers()}
	if e.Volatile {
		env.Dir = ""
	}
	run := func(main func()) error { main(); return nil }
	if !real {
		sim := vfs.NewSim(seed)
		env.Executor, run = sim, sim.Run
	}
	ended := run(func() {
		h := &isoHistory{exec: env.Executor}
		err = h.run(e, env, seed, opt)
		txns = h.txns()
	})
	return txns, errors.Join(err, ended)
}

// isoTxn is what is known of one transaction.
type isoTxn struct {
	name       string
	start, end int64 // in the order of real time
	reads      []isoRead
	appends    []isoAppend
	committed  bool
	unknown    bool // its outcome
	snapshot   kv.Seq
	seq        kv.Seq // of its batch, 0 if it wrote nothing
}

// isoRead is what a transaction read of one list, and what it had appended to it
// itself by then.
type isoRead struct {
	list int
	how  string
	elems
	own elems
}

// foreign returns what the read saw of others, and whether it saw its own
// appends behind that.
func (r isoRead) foreign() (got elems, ok bool) {
	n := len(r.elems) - len(r.own)
	if n < 0 || !slices.Equal(r.elems[n:], r.own) {
		return r.elems, false
	}
	return r.elems[:n], true
}

// isoAppend is an element that a transaction appended.
type isoAppend struct{ list, elem int }

// elems is the content of a list. The writer of each element is known, because
// each is appended once.
type elems []int

func (t *isoTxn) String() string {
	state := "aborted"
	switch {
	case t.unknown:
		state = "outcome unknown"
	case t.committed:
		state = fmt.Sprintf("committed as %d", t.seq)
	}
	text := fmt.Sprintf("%s [time %d to %d, read state %d, %s]", t.name, t.start, t.end, t.snapshot, state)
	for _, r := range t.reads {
		text += fmt.Sprintf("\n      read list %d by %s: %v", r.list, r.how, r.elems)
	}
	for _, a := range t.appends {
		text += fmt.Sprintf("\n      appended %d to list %d", a.elem, a.list)
	}
	return text
}
