package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/varvedb/varve"
)

// gitHistory writes a history for git fast-import: commits on several branches
// that part, merge and cross.
func gitHistory(rng *rand.Rand, commits, merges int) string {
	var b strings.Builder
	branches := []string{"main", "a", "b", "c/d"}
	tips := map[string]int{}
	mark := 0
	commit := func(branch, from, merge string) {
		mark++
		fmt.Fprintf(&b, "commit refs/heads/%s\nmark :%d\ncommitter A U Thor <a@example.org> %d +0200\n", branch, mark, 1_700_000_000+mark)
		message := fmt.Sprintf("Commit %d\n\nwith a body", mark)
		fmt.Fprintf(&b, "data %d\n%s\n", len(message), message)
		if tips[from] != 0 {
			fmt.Fprintf(&b, "from :%d\n", tips[from])
		}
		if merge != "" {
			fmt.Fprintf(&b, "merge :%d\n", tips[merge])
		}
		for range rng.IntN(4) {
			path := fmt.Sprintf("dir%d/file%d", rng.IntN(5), rng.IntN(20))
			if rng.IntN(4) == 0 {
				path = fmt.Sprintf("ü %d", rng.IntN(5))
			}
			if rng.IntN(5) == 0 {
				fmt.Fprintf(&b, "D %s\n", path)
				continue
			}
			content := fmt.Sprint("content ", rng.IntN(50))
			fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
		}
		b.WriteByte('\n')
		tips[branch] = mark
	}
	commit("main", "", "")
	for _, name := range branches[1:] {
		commit(name, "main", "")
	}
	for i := len(branches); i < commits; i++ {
		branch, other := branches[rng.IntN(len(branches))], branches[rng.IntN(len(branches))]
		if other == branch || rng.IntN(commits) >= merges*4/3 {
			other = ""
		}
		commit(branch, branch, other)
		if other != "" && rng.IntN(2) == 0 { // each into the other: histories that cross
			i++
			commit(other, other, branch)
		}
	}
	fmt.Fprintf(&b, "tag v1\nfrom :%d\ntagger A U Thor <a@example.org> 1700000000 +0000\ndata 5\nfirst\n", mark/2)
	fmt.Fprintf(&b, "reset refs/tags/light\nfrom :%d\n\n", mark)
	return b.String()
}

// TestImportGitGivesWhatGitHas imports a generated repository; the command
// compares each commit with Git's own tree.
func TestImportGitGivesWhatGitHas(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	commits, merges := 1000, 100
	if testing.Short() {
		commits, merges = 300, 40
	}
	dir := t.TempDir()
	git := func(in string, args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("", "init", "-q", "-b", "main", ".")
	git(gitHistory(rand.New(rand.NewPCG(1, 1)), commits, merges), "fast-import", "--quiet")
	total := git("", "rev-list", "--count", "--all")
	crossed := 0
	for _, line := range strings.Split(git("", "rev-list", "--merges", "--parents", "--all"), "\n") {
		f := strings.Fields(line)
		if strings.Count(git("", "merge-base", "--all", f[1], f[2]), "\n") > 0 {
			crossed++
		}
	}
	if crossed == 0 {
		t.Fatal("no history crosses another")
	}
	data := filepath.Join(t.TempDir(), "db")
	var out, errs bytes.Buffer
	if code := run([]string{"--db", data, "--quiet", "import-git", dir, "repo"}, nil, &out, &errs); code != 0 {
		t.Fatal(code, errs.String())
	}
	want := fmt.Sprintf("imported %s commits; %s commits compared", thousandsOf(total), thousandsOf(total))
	if !strings.Contains(out.String(), want) {
		t.Fatalf("%s, expected %s", out.String(), want)
	}
	db, err := varve.Open(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	m, err := varve.OpenVersionMap[string, string](db, "repo")
	if err != nil {
		t.Fatal(err)
	}
	compareBases(t, m, git)
	if code := run([]string{"--db", data, "import-git", dir, "repo"}, nil, &out, &errs); code == 0 {
		t.Fatal("it was imported twice")
	}
}

func thousandsOf(n string) string {
	if len(n) > 3 {
		return n[:len(n)-3] + "," + n[len(n)-3:]
	}
	return n
}

// compareBases compares merge bases and counts of commits with Git's.
func compareBases(t *testing.T, m *varve.VersionMap[string, string], git func(in string, args ...string) string) {
	t.Helper()
	list, err := m.Branches()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		for _, b := range list {
			bases, err := m.MergeBases(a.Head, b.Head)
			if err != nil {
				t.Fatal(err)
			}
			ours := map[string]bool{}
			for _, id := range bases {
				c, err := m.Commit(id)
				if err != nil {
					t.Fatal(err)
				}
				ours[c.Meta["git"]] = true
			}
			theirs := strings.Fields(git("", "merge-base", "--all", a.Name, b.Name))
			for _, hash := range theirs {
				if !ours[hash] || len(ours) != len(theirs) {
					t.Fatalf("the bases of %s and %s are %v, Git's %v", a.Name, b.Name, ours, theirs)
				}
			}
			ahead, behind, err := m.AheadBehind(a.Head, b.Head)
			counts := git("", "rev-list", "--left-right", "--count", a.Name+"..."+b.Name)
			if err != nil || strings.Join(strings.Fields(counts), " ") != fmt.Sprint(ahead, behind) {
				t.Fatalf("%s is %d ahead of %s and %d behind, Git says %s: %v", a.Name, ahead, b.Name, behind, counts, err)
			}
		}
	}
}
