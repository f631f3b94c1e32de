package bwtree_test

import (
	"testing"

	"github.com/varvedb/varve/kv/kvtest"
)

func TestTheFirstFormatIsRead(t *testing.T) { kvtest.RunFixture(t, engine, "testdata/format1") }
