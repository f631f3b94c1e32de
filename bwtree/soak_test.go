package bwtree_test

import (
	"testing"

	"github.com/varvedb/varve/kv/kvtest"
)

// TestSoak is the long run of make soak.
func TestSoak(t *testing.T) { kvtest.Soak(t, engine) }
