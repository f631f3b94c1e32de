package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// gitRepo reads a repository through the git command.
type gitRepo struct {
	ctx context.Context
	dir string
}

// gitCommit is a commit of Git.
type gitCommit struct {
	hash    string
	parents []string
	author  string
	time    time.Time
	message string
}

// gitEdit is a path that differs between two commits; an empty id says that it
// is gone.
type gitEdit struct{ path, id string }

func (g *gitRepo) command(args ...string) *exec.Cmd {
	return exec.CommandContext(g.ctx, "git", append([]string{"-C", g.dir}, args...)...)
}

// stream runs git with the given input and lets read take its output.
func (g *gitRepo) stream(in io.Reader, read func(*bufio.Reader) error, args ...string) error {
	cmd := g.command(args...)
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	failed := read(bufio.NewReaderSize(out, 1<<20))
	if failed != nil {
		cmd.Process.Kill()
	}
	err = cmd.Wait()
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return nil
}

// lines returns the lines that git prints.
func (g *gitRepo) lines(args ...string) (list []string, err error) {
	err = g.stream(nil, func(r *bufio.Reader) error {
		for {
			line, err := r.ReadString('\n')
			if line = strings.TrimSuffix(line, "\n"); line != "" {
				list = append(list, line)
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}, args...)
	return list, err
}

// commits returns all commits that branches and tags reach, parents before
// children.
func (g *gitRepo) commits() (list []gitCommit, err error) {
	err = g.stream(nil, func(r *bufio.Reader) error {
		for {
			c, err := readCommit(r)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			list = append(list, c)
		}
	}, "log", "--branches", "--tags", "HEAD", "--topo-order", "--reverse", "--format=%H%x00%P%x00%an <%ae>%x00%at%x00%B%x00")
	return list, err
}

func readCommit(r *bufio.Reader) (c gitCommit, err error) {
	var fields [5]string
	for i := range fields {
		s, err := r.ReadString(0)
		if err == io.EOF && i == 0 && strings.TrimSpace(s) == "" {
			return c, io.EOF
		}
		if err != nil {
			return c, fmt.Errorf("git log ended within a commit: %w", err)
		}
		fields[i] = strings.TrimSuffix(s, "\x00")
	}
	seconds, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil {
		return c, fmt.Errorf("the time of commit %s: %w", fields[0], err)
	}
	return gitCommit{
		hash: strings.TrimSpace(fields[0]), parents: strings.Fields(fields[1]), author: fields[2],
		time: time.Unix(seconds, 0).UTC(), message: strings.TrimRight(fields[4], "\n"),
	}, nil
}

// changes calls f for each commit, in order, with what it changed in its first
// parent; submodules count as files whose id is their commit.
func (g *gitRepo) changes(list []gitCommit, f func(i int, edits []gitEdit) error) error {
	var in bytes.Buffer
	for _, c := range list {
		in.WriteString(c.hash)
		if len(c.parents) > 0 {
			in.WriteString(" " + c.parents[0])
		}
		in.WriteByte('\n')
	}
	return g.stream(&in, func(r *bufio.Reader) error {
		d := diffReader{r: r}
		for i, c := range list {
			edits, err := d.next(c.hash)
			if err == nil {
				err = f(i, edits)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}, "diff-tree", "--stdin", "--always", "--root", "-r", "-z", "--raw", "--no-abbrev", "--no-renames")
}

// diffReader reads what git diff-tree prints with -z: the hash of a commit, then
// for each path the change and the path, all ended by a zero byte.
type diffReader struct {
	r     *bufio.Reader
	token string // read and not taken
}

func (d *diffReader) read() (string, error) {
	if d.token != "" {
		t := d.token
		d.token = ""
		return t, nil
	}
	t, err := d.r.ReadString(0)
	return strings.TrimSuffix(t, "\x00"), err
}

func (d *diffReader) next(hash string) (edits []gitEdit, err error) {
	head, err := d.read()
	if err != nil || head != hash {
		return nil, fmt.Errorf("git diff-tree told of %q instead of %s: %w", head, hash, orMismatch(err))
	}
	for {
		change, err := d.read()
		if err == io.EOF && change == "" {
			return edits, nil
		}
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(change, ":") {
			d.token = change
			return edits, nil
		}
		path, err := d.read()
		fields := strings.Fields(change)
		if err != nil || len(fields) != 5 {
			return nil, fmt.Errorf("git diff-tree printed %q: %w", change, orMismatch(err))
		}
		e := gitEdit{path: path, id: fields[3]}
		if fields[4] == "D" {
			e.id = ""
		}
		edits = append(edits, e)
	}
}

var errMismatch = errors.New("it is not what was asked for")

func orMismatch(err error) error {
	if err == nil {
		return errMismatch
	}
	return err
}

// tree returns all paths of a commit with their ids, in order.
func (g *gitRepo) tree(hash string) (list []gitEdit, err error) {
	err = g.stream(nil, func(r *bufio.Reader) error {
		for {
			line, err := r.ReadString(0)
			if err == io.EOF && line == "" {
				return nil
			}
			if err != nil {
				return err
			}
			info, path, _ := strings.Cut(strings.TrimSuffix(line, "\x00"), "\t")
			fields := strings.Fields(info)
			if len(fields) != 3 {
				return fmt.Errorf("git ls-tree printed %q: %w", line, errMismatch)
			}
			list = append(list, gitEdit{path, fields[2]})
		}
	}, "ls-tree", "-r", "-z", "--full-tree", hash)
	return list, err
}

// refs returns the branches and tags with the commits that they name, and the
// branch that is checked out.
func (g *gitRepo) refs() (branches, tags map[string]string, head string, err error) {
	branches, tags = map[string]string{}, map[string]string{}
	list, err := g.lines("for-each-ref", "--format=%(refname) %(objecttype) %(objectname) %(*objecttype) %(*objectname)", "refs/heads", "refs/tags")
	if err != nil {
		return nil, nil, "", err
	}
	for _, line := range list {
		fields := strings.Fields(line)
		hash := ""
		for i := 1; i+1 < len(fields); i += 2 {
			if fields[i] == "commit" {
				hash = fields[i+1]
			}
		}
		if name, ok := strings.CutPrefix(fields[0], "refs/heads/"); ok && hash != "" {
			branches[name] = hash
		}
		if name, ok := strings.CutPrefix(fields[0], "refs/tags/"); ok && hash != "" {
			tags[name] = hash
		}
	}
	// A detached head is no branch: the error says no more.
	if line, err := g.lines("symbolic-ref", "--short", "-q", "HEAD"); err == nil && len(line) == 1 {
		head = line[0]
	}
	return branches, tags, head, nil
}
