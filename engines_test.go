package varve_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/varvedb/varve"
)

// engineVariable names the engine on which the tests of this package make their
// databases, unless they choose one.
const engineVariable = "VARVE_TEST_ENGINE"

// engine returns that engine, nil for the default.
func engine() varve.Engine {
	for _, e := range []varve.Engine{varve.LSM(nil), varve.BTree(nil), varve.Reference(nil)} {
		if e.Name() == os.Getenv(engineVariable) {
			return e
		}
	}
	return nil
}

// The collections know no engine: their tests run again on the others.
func TestTheCollectionsRunOnEveryEngine(t *testing.T) {
	if os.Getenv(engineVariable) != "" || runtime.GOARCH == "wasm" {
		t.Skip("this is such a run, or there are no processes")
	}
	for _, e := range []varve.Engine{varve.BTree(nil), varve.Reference(nil)} {
		t.Run(e.Name(), func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.short", "-test.run", "^Test", "-test.timeout", "5m")
			cmd.Env = append(os.Environ(), engineVariable+"="+e.Name())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

func TestADatabaseKeepsTheEngineThatMadeIt(t *testing.T) {
	for _, e := range []varve.Engine{varve.LSM(nil), varve.BTree(nil), varve.Reference(nil)} {
		dir := t.TempDir()
		db := must(varve.Open(dir, &varve.Options{Engine: e}))(t)
		check(t, must(varve.OpenValue[string](db, "v"))(t).Set(e.Name()))
		check(t, db.Close())
		db = must(varve.Open(dir, nil))(t)
		if v, ok, err := must(varve.OpenValue[string](db, "v"))(t).Get(); !ok || err != nil || v != e.Name() {
			t.Error(e.Name(), v, ok, err)
		}
		check(t, db.Close())
	}
}
