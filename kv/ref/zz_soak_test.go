package ref_test

import (
	"testing"

	"github.com/varvedb/varve/kv/kvtest"
)

func TestSoak(t *testing.T) {
	e := kvtest.Engine{Name: "ref", Open: openForTest}
	if err := kvtest.CheckModel(e, kvtest.ModelOptions{Histories: 6000, Seed: 10_000}); err != nil {
		t.Error(err)
	}
	if err := kvtest.CheckModel(e, kvtest.ModelOptions{Histories: 100, Ops: 3000, Seed: 90_000}); err != nil {
		t.Error(err)
	}
	if err := kvtest.CheckIsolation(e, kvtest.IsolationOptions{Histories: 3000, Seed: 10_000}); err != nil {
		t.Error(err)
	}
	if err := kvtest.CheckIsolation(e, kvtest.IsolationOptions{Histories: 200, Seed: 50_000, Clients: 8, Txns: 150}); err != nil {
		t.Error(err)
	}
}
