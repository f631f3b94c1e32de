package main

import (
	"strings"
	"testing"
)

func TestTheVersionedExampleRuns(t *testing.T) {
	var out strings.Builder
	if err := run(&out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Fatal(out.String())
	}
}
