package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) == "1" {
		main() // the process that the tour kills
	}
	testscript.Main(m, map[string]func(){"varve": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			varve, err := exec.LookPath("varve")
			env.Setenv("BIN", filepath.Dir(varve))
			return err
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0 || runtime.GOOS == "windows", nil
			}
			return false, errors.New("unknown condition " + name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await": await, "masked": masked, "flip": flip,
		},
	})
}

// exits CODE COMMAND... runs a command, which must exit with that code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// await COMMAND... runs a command until it succeeds.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 200 {
		if ts.Exec(args[0], args[1:]...) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("it never succeeded")
}

// masks hide what differs from run to run.
var masks = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|ms|s)\b`), "DURATION"},
	{regexp.MustCompile(`"seconds":[0-9.e-]+`), `"seconds":N`},
	{regexp.MustCompile(`[0-9.,]+ (bytes|KiB|MiB)\b`), "SIZE"},
	{regexp.MustCompile(`("(?:disk_)?bytes":)\d+`), "${1}N"},
}

// masked STREAM FILE compares a stream with a file after masking.
func masked(ts *testscript.TestScript, _ bool, args []string) {
	got := ts.ReadFile(args[0])
	for _, m := range masks {
		got = m.pattern.ReplaceAllString(got, m.instead)
	}
	if want := ts.ReadFile(args[1]); got != want {
		ts.Fatalf("%s is\n%s\nwant\n%s", args[0], got, want)
	}
}

// flip FILE OFFSET inverts a byte.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	data[at] ^= 0xff
	ts.Check(os.WriteFile(name, data, 0o666))
}

func TestTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads all of Go's source")
	}
	t.Setenv("VARVE_DB", "")
	t.Setenv("TMPDIR", t.TempDir())
	var out, errs bytes.Buffer
	if code := run([]string{"tour"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	for _, want := range []string{"Go's source tree in ", "the counter is 200", "killed after it had acknowledged 2", "all done in "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if errs.Len() > 0 {
		t.Errorf("on stderr: %s", errs.String())
	}
}
