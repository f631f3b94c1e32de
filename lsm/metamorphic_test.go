package lsm_test

import (
	"context"
	"os"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/kvtest"
	"github.com/varvedb/varve/kv/ref"
)

var reference = kvtest.Engine{Name: "ref", Open: func(ctx context.Context, env kvtest.Env) (kv.Store, error) {
	s, err := ref.Open(ctx, &ref.Options{FS: env.FS, Executor: env.Executor, Dir: env.Dir, ReadOnly: env.ReadOnly,
		MustExist: env.MustExist, MustBeNew: env.MustBeNew, Mergers: env.Mergers, Logger: env.Logger})
	if err != nil {
		return nil, err
	}
	return s, nil
}}

func TestHistoriesAgreeWithTheReference(t *testing.T) {
	kvtest.RunModel(t, engine, kvtest.ModelOptions{Histories: 40, Ops: 400, Seed: 1000, Against: []kvtest.Engine{reference}})
}

// TestSoakMillion runs a million steps of random histories on both engines.
func TestSoakMillion(t *testing.T) {
	if os.Getenv("VARVE_SOAK") == "" {
		t.Skip("VARVE_SOAK is not set: this is part of make soak")
	}
	kvtest.RunModel(t, engine, kvtest.ModelOptions{Histories: 2500, Ops: 400, Seed: 100_000, Against: []kvtest.Engine{reference}})
}
