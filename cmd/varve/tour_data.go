package main

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// sourceData is the real input of the tour.
type sourceData struct {
	from     string // in words, where it comes from
	files    []sourceFile
	symbols  []symbol
	features []feature
}

type sourceFile struct {
	Path    string
	Package string
	Bytes   int64
	Lines   int
}

type symbol struct {
	Package, Name, Kind, File string
}

// feature is a line of Go's public API: what a package has, since which release.
type feature struct {
	Package, Name string
	Release       int // the n of go1.n
}

//go:embed data/go-api.tsv.gz
var builtinAPI []byte

// collect reads Go's source tree and the history of its API; where these are not
// at hand, the small part of that history which is in the binary.
func collect(ctx context.Context, progress func(done, total int)) (*sourceData, error) {
	root := goRoot(ctx)
	d := &sourceData{}
	if root != "" {
		if err := d.readSource(ctx, filepath.Join(root, "src"), progress); err != nil {
			return nil, err
		}
		d.readAPI(filepath.Join(root, "api"))
		d.from = "Go's source tree in " + root
	}
	if len(d.features) == 0 {
		if err := d.readBuiltin(); err != nil {
			return nil, err
		}
		if root == "" {
			d.from = "the history of a part of Go's API, from the binary"
		}
	}
	return d, nil
}

// goRoot returns the directory of the Go installation, empty if there is none.
func goRoot(ctx context.Context) string {
	root := os.Getenv("GOROOT")
	if root == "" {
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return ""
		}
		root = strings.TrimSpace(string(out))
	}
	if info, err := os.Stat(filepath.Join(root, "src", "strings")); err != nil || !info.IsDir() {
		return ""
	}
	return root
}

// readSource parses the packages of the standard library, on all processors.
func (d *sourceData) readSource(ctx context.Context, src string, progress func(done, total int)) error {
	names, err := sourceFiles(src)
	if err != nil {
		return err
	}
	type result struct {
		file    sourceFile
		symbols []symbol
	}
	results := make([]result, len(names))
	var wg sync.WaitGroup
	var mu sync.Mutex
	next, done := 0, 0
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(names) || ctx.Err() != nil {
					return
				}
				results[i].file, results[i].symbols = parseFile(src, names[i])
				mu.Lock()
				done++
				progress(done, len(names))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, r := range results {
		d.files = append(d.files, r.file)
		d.symbols = append(d.symbols, r.symbols...)
	}
	return ctx.Err()
}

func sourceFiles(src string) (names []string, err error) {
	err = filepath.WalkDir(src, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch base := e.Name(); {
		case e.IsDir() && (base == "testdata" || base == "vendor" || name == filepath.Join(src, "cmd")):
			return filepath.SkipDir
		case !e.IsDir() && strings.HasSuffix(base, ".go"):
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// parseFile returns what is in a file; a file that cannot be read or parsed is
// listed without symbols.
func parseFile(src, name string) (sourceFile, []symbol) {
	rel, _ := filepath.Rel(src, name)
	rel = filepath.ToSlash(rel)
	f := sourceFile{Path: rel, Package: path.Dir(rel)}
	text, err := os.ReadFile(name)
	if err != nil {
		return f, nil
	}
	f.Bytes, f.Lines = int64(len(text)), bytes.Count(text, []byte("\n"))
	tree, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return f, nil
	}
	var list []symbol
	for _, decl := range tree.Decls {
		for _, s := range declared(decl) {
			s.Package, s.File = f.Package, rel
			list = append(list, s)
		}
	}
	return f, list
}

// declared returns the names that a declaration declares.
func declared(decl ast.Decl) (list []symbol) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []symbol{{Name: d.Name.Name, Kind: "func"}}
		}
		return []symbol{{Name: receiver(d.Recv) + "." + d.Name.Name, Kind: "method"}}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				list = append(list, symbol{Name: s.Name.Name, Kind: "type"})
			case *ast.ValueSpec:
				for _, n := range s.Names {
					list = append(list, symbol{Name: n.Name, Kind: d.Tok.String()})
				}
			}
		}
	}
	return list
}

func receiver(r *ast.FieldList) string {
	t := r.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return "?"
		}
	}
}

// readAPI reads api/go1*.txt. Lines for single platforms are left out.
func (d *sourceData) readAPI(dir string) {
	names, _ := filepath.Glob(filepath.Join(dir, "go1*.txt"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		release := strings.TrimSuffix(filepath.Base(name), ".txt")
		for line := range strings.Lines(string(text)) {
			if line, ok := strings.CutPrefix(line, "pkg "); ok {
				d.addFeature(release, line)
			}
		}
	}
}

func (d *sourceData) readBuiltin() error {
	r, err := gzip.NewReader(bytes.NewReader(builtinAPI))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		release, rest, _ := strings.Cut(line, "\t")
		d.addFeature(release, rest)
	}
	return nil
}

// addFeature adds a line such as "strings, func Cut(string, string) …".
func (d *sourceData) addFeature(release, line string) {
	pkg, name, ok := strings.Cut(strings.TrimSpace(line), ", ")
	name, _, _ = strings.Cut(name, " #")
	if !ok || strings.Contains(pkg, " ") {
		return
	}
	n := 0
	if _, minor, ok := strings.Cut(release, "."); ok {
		n, _ = strconv.Atoi(minor)
	}
	d.features = append(d.features, feature{Package: pkg, Name: name, Release: n})
}
