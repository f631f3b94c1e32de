package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestHelloRunsTwice(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := run(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHelloIsSmall holds the promise that a program with a database is under
// 6 MB.
func TestHelloIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	out := filepath.Join(t.TempDir(), "hello")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f MB", float64(info.Size())/1e6)
	if info.Size() > 6e6 {
		t.Errorf("hello has %d bytes, at most 6,000,000 are promised", info.Size())
	}
}
