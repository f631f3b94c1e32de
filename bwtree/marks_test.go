package bwtree_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each compare-and-swap, and each exchange, of the engine stands behind a mark of
// package step, so that the tests with the tag interleave let others run there.
func TestEachCompareAndSwapIsMarked(t *testing.T) {
	if _, err := os.Stat("marks_test.go"); err != nil {
		t.Skip("the source is not here")
	}
	found := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			marked := false
			ast.Inspect(decl, func(n ast.Node) bool {
				switch call := calledMethod(n); call {
				case "At":
					marked = true
				case "CompareAndSwap", "Swap":
					found++
					if !marked {
						t.Errorf("%s: no mark before %s", files.Position(n.Pos()), call)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 40 {
		t.Errorf("only %d were found", found)
	}
}

// calledMethod returns the name of what a node calls, empty if it calls no method.
func calledMethod(n ast.Node) string {
	if call, ok := n.(*ast.CallExpr); ok {
		if f, ok := call.Fun.(*ast.SelectorExpr); ok {
			return f.Sel.Name
		}
	}
	return ""
}
