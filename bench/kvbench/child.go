package kvbench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// childEnv tells a process what to do instead of its main.
const childEnv = "VARVE_KVBENCH_CHILD"

// order is what a child process is told.
type order struct {
	Engine    string
	Options   Options
	Workloads []string
	// Crash, if set, makes the child write so many records durably into Dir and
	// kill itself.
	Crash uint64
	Dir   string
}

// Child does what the process was started for by Run, and does not return then.
// In other processes it does nothing.
func Child() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	switch {
	case err != nil:
	case o.Crash > 0:
		err = crash(o)
	default:
		err = measure(o, func(x *Result) error { return json.NewEncoder(os.Stdout).Encode(x) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Run measures the workloads (name@goroutines) with one engine in a process of
// its own. What was measured before an error is returned with it.
func Run(engine string, o Options, workloads []string) (all []*Result, err error) {
	cmd, err := child(order{Engine: engine, Options: o, Workloads: workloads})
	if err != nil {
		return nil, err
	}
	out, failed := cmd.Output()
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		x := new(Result)
		if err := dec.Decode(x); err != nil {
			return all, fmt.Errorf("%s: result: %w", engine, err)
		}
		all = append(all, x)
	}
	var exit *exec.ExitError
	if errors.As(failed, &exit) {
		failed = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if failed != nil {
		return all, fmt.Errorf("%s: %w", engine, failed)
	}
	syncDir(o.Dir) // the next engine does not pay for these pages
	return all, nil
}

func child(o order) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	return cmd, nil
}

// measure runs the workloads in this process.
func measure(o order, emit func(*Result) error) (err error) {
	e, err := Find(o.Engine)
	if err != nil {
		return err
	}
	base, err := os.MkdirTemp(o.Options.Dir, "kvbench-"+filepath.Base(o.Engine)+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	r := newRunner(e, o.Options, base)
	defer func() { err = errors.Join(err, r.close()) }()
	for _, spec := range o.Workloads {
		results, err := r.runWorkload(spec)
		if err != nil {
			return fmt.Errorf("%s: %w", spec, err)
		}
		for _, x := range results {
			if err := emit(x); err != nil {
				return err
			}
		}
	}
	return nil
}
