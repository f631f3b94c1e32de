package docs

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// source is what the Go files of a module declare.
type source struct {
	tests, examples map[string]bool // Test…, Fuzz…, Benchmark…; "pkg.ExampleX"
	files           map[string]bool
	types           []exported
}

// exported is an exported type of a package that users import.
type exported struct{ pkg, name, file string }

func parseAll(t *testing.T) *source {
	t.Helper()
	s := &source{tests: map[string]bool{}, examples: map[string]bool{}, files: map[string]bool{}}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".") && e.Name() != ".." || e.Name() == "testdata") && name != root {
			return filepath.SkipDir
		}
		rel, _ := filepath.Rel(root, name)
		s.files[filepath.ToSlash(rel)] = true
		if strings.HasSuffix(name, ".go") {
			return s.parse(name, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *source) parse(name, rel string) error {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	pkg := strings.TrimSuffix(f.Name.Name, "_test")
	test := strings.HasSuffix(name, "_test.go")
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if test && d.Recv == nil {
				s.tests[d.Name.Name] = true
				s.examples[pkg+"."+d.Name.Name] = true
			}
		case *ast.GenDecl:
			if !test && public(rel) {
				s.addTypes(pkg, rel, d)
			}
		}
	}
	return nil
}

// public reports whether a file belongs to a package that users import.
func public(rel string) bool {
	for _, part := range strings.Split(rel, "/") {
		if slices.Contains([]string{"internal", "cmd", "bench", "examples", "tools", "conformance", "kvtest"}, part) {
			return false
		}
	}
	return true
}

func (s *source) addTypes(pkg, rel string, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() {
			s.types = append(s.types, exported{pkg, ts.Name.Name, rel})
		}
	}
}

// plain are types without behaviour of their own, shown in the example of what
// uses them.
var plain = regexp.MustCompile(`^(varve\.(ID|Kind|Type|Info|Durability|CollectionOption|Entry|CorruptionError|LockedError|TypeError|Engine|Change|ChangeKind)|` +
	`kv\.(Seq|Reader|Keyspace|KeyspaceOptions|KeyspaceStats|Durability|WriteOptions|Span|KV|Features|Limits|Syncer|Flusher|Compactor|Checkpointer|Verifier|Watcher|Importer|Change|Histogram|Loss|Repaired|Progress|Metrics|OpKind|Op|IterOptions|MergerID|Merger|MergerSource|ExecutorSource|Savepoint|CorruptionError|LockedError|ConflictError)|` +
	`vfs\.(File|Mapper|Mapping|Info|Usage|LockOptions|LockedError|CorruptionError|Mutex|Cond|FS|Executor|CrashOptions|CrashMode|Op|OpKind|DeadlockError|PanicError)|` +
	`logstore\.(Addr|Ref|Outcome|Options|End|Tail|Torn|Record|Stats)|` +
	`pagecache\.(Page|Token|Stats|Materializer|Location|Options)|` +
	`journal\.(Level|Options|Sealer|Record|End|Tail|Torn|Lost|Stats|Ticket)|` +
	`logstore\.(Addr|Ref|Outcome|Options|End|Tail|Torn|Record|Stats)|pagecache\.(Page|Token|Stats|Materializer|Location|Options)|` +
	`lsm\.(BlockProperty|BlockCollector|BlockIterator)|` +
	`pco\.(Number|Float16|Type|Mode|Delta|ModeChoice|DeltaChoice|ChunkInfo|VarInfo|BinInfo)|` +
	`version\.(CommitID|BranchID|NodeID|GlobalID|Sum|Secret|Edit|Writer|Cache|Commit|NamedCommit|Policy|FastForward|MergeKind|Report|BranchInfo|Decision|Move|Number|Difference)|` +
	`codec\.(KeyAppender|KeyDecoder|Bytes|Field|Fields))$`)

func TestEveryPublicTypeHasAnExample(t *testing.T) {
	s := parseAll(t)
	for _, e := range s.types {
		if plain.MatchString(e.pkg + "." + e.name) {
			continue
		}
		found := false
		for name := range s.examples {
			after, ok := strings.CutPrefix(name, e.pkg+".Example"+e.name)
			found = found || ok && (after == "" || after[0] == '_')
		}
		if !found {
			t.Errorf("%s: type %s.%s has no Example%s", e.file, e.pkg, e.name, e.name)
		}
	}
}

// TestFeaturesNamesWhatExists checks docs/features.md: each row names, in
// backquotes, tests, examples or files that exist.
func TestFeaturesNamesWhatExists(t *testing.T) {
	s := parseAll(t)
	f, err := os.Open(filepath.Join(root, "docs/features.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := 0
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		cells := strings.Split(lines.Text(), " | ")
		if len(cells) != 4 || strings.HasPrefix(cells[0], "| row") {
			continue
		}
		rows++
		names := quoted.FindAllStringSubmatch(cells[2]+cells[3], -1)
		if len(names) == 0 {
			t.Errorf("line %d names no test", n)
		}
		for _, m := range names {
			if name := m[1]; !s.tests[name] && !s.examples[name] && !s.files[name] {
				t.Errorf("line %d: there is no %q", n, name)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows were found", rows)
	}
}

// TestLinksInTheDocsLead checks that the documents link to files that exist.
func TestLinksInTheDocsLead(t *testing.T) {
	s := parseAll(t)
	code := regexp.MustCompile("(?s)```.*?```")
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for name := range s.files {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			to := filepath.ToSlash(filepath.Join(filepath.Dir(name), m[1]))
			if !strings.Contains(m[1], "://") && !s.files[to] {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}
