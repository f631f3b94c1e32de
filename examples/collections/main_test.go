package main

import (
	"strings"
	"testing"
)

func TestTheExampleRuns(t *testing.T) {
	var out strings.Builder
	if err := run(&out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 6 {
		t.Fatal(out.String())
	}
}
