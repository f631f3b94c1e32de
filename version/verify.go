package version

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/varvedb/varve/kv"
)

// Report is what Verify has found, when all is well.
type Report struct {
	Commits int // that the log shows
	Ghosts  int // that retention has hidden and several others descend from
	Lost    int // that only the reflog needs, or a transfer that is not complete
	Nodes   int // stored; each is in a tree
	Bytes   int64
	Staged  int // edits that are not committed
}

// Verify reads all of the map in a keyspace of r and checks it: every node of
// every commit with its checksum, counts and fingerprints; that each stored node
// is in a tree; that the references of each commit are counted right; that what
// is staged belongs to a branch. Damage is a *kv.CorruptionError in the error,
// which names the commit too.
func Verify(ctx context.Context, r kv.Reader, keyspace uint64) (Report, error) {
	v := verifier{session: reading(r, keyspace, NewCache(1<<20)), ctx: ctx,
		seen: make(map[NodeID]bool), commits: make(map[CommitID]*commitRow), refs: make(map[CommitID]uint64),
		edges: make(map[[2]CommitID]bool), branches: make(map[BranchID]*branchRow)}
	err := v.run()
	return v.report, err
}

type verifier struct {
	*session
	ctx      context.Context
	report   Report
	seen     map[NodeID]bool
	commits  map[CommitID]*commitRow
	refs     map[CommitID]uint64
	edges    map[[2]CommitID]bool
	branches map[BranchID]*branchRow
}

func (v *verifier) run() error {
	if err := v.secret(); err != nil {
		return err
	}
	for _, step := range []func() error{v.loadCommits, v.checkTrees, v.checkEdges, v.checkBranches, v.checkNames, v.checkRefs, v.checkOwned, v.checkNodes, v.checkStaged} {
		if err := errors.Join(v.ctx.Err(), step()); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) secret() error {
	data, ok, err := v.r.Get(rowKey(v.space, rowMeta), nil)
	if err != nil || !ok {
		return err
	}
	m, err := decodeMeta(data)
	if err != nil {
		return damagedRow(v.space, "the record of the map", err)
	}
	v.sums.secret = m.secret
	return nil
}

func (v *verifier) loadCommits() error {
	return v.scan(rowKey(v.space, rowCommit), func(key, value []byte) (bool, error) {
		id := CommitID(keyNumber(key, 0))
		c, err := decodeCommit(id, value)
		if err != nil {
			return false, damagedRow(v.space, fmt.Sprintf("commit %d", id), err)
		}
		v.commits[id] = c
		if n, err := v.known(c.Global); err != nil || n != id {
			return false, errors.Join(err, v.wrong(id, fmt.Sprintf("its global id leads to %d", n)))
		}
		if v.report.Commits++; c.ghost {
			v.report.Commits--
			v.report.Ghosts++
		}
		for _, p := range c.Parents {
			if v.commits[p] == nil {
				return false, v.wrong(id, fmt.Sprintf("its parent %d is not there", p))
			}
			v.edges[[2]CommitID{p, id}] = true
		}
		return true, nil
	})
}

func (v *verifier) wrong(id CommitID, what string) error {
	return damagedRow(v.space, fmt.Sprintf("commit %d", id), errors.New(what))
}

func (v *verifier) checkTrees() error {
	// In order, so that the oldest commit that has a damaged node is named.
	for _, id := range slices.Sorted(maps.Keys(v.commits)) {
		err := v.Check(v.commits[id].Root, func(n NodeID) bool {
			again := v.seen[n]
			v.seen[n] = true
			return !again
		})
		if err = errors.Join(err, v.ctx.Err()); err != nil {
			return fmt.Errorf("the tree of commit %d: %w", id, err)
		}
	}
	return nil
}

// checkEdges checks that each commit has an edge from each parent, and that there
// are no others.
func (v *verifier) checkEdges() error {
	err := v.scan(rowKey(v.space, rowEdge), func(key, value []byte) (bool, error) {
		edge := [2]CommitID{CommitID(keyNumber(key, 0)), CommitID(keyNumber(key, 1))}
		if !v.edges[edge] {
			return false, v.wrong(edge[1], fmt.Sprintf("there is an edge from %d, which is not its parent", edge[0]))
		}
		delete(v.edges, edge)
		if _, err := decodeDead(value); err != nil {
			return false, v.wrong(edge[1], fmt.Sprintf("the edge from %d: %v", edge[0], err))
		}
		return true, nil
	})
	for edge := range v.edges {
		err = errors.Join(err, v.wrong(edge[1], fmt.Sprintf("the edge from its parent %d is missing", edge[0])))
	}
	return err
}

// checkBranches checks the heads and names of branches, and counts the heads.
func (v *verifier) checkBranches() error {
	branches, err := v.session.branches()
	if err != nil {
		return err
	}
	for _, b := range branches {
		v.branches[b.id] = b
		if b.head == 0 {
			continue
		}
		v.refs[b.head]++
		if c := v.commits[b.head]; c == nil || c.Root != b.root {
			return damagedRow(v.space, fmt.Sprintf("branch %q", b.name), fmt.Errorf("its head, commit %d, is missing or another one", b.head))
		}
		if named, err := v.branchNamed(b.name); err != nil || named.id != b.id {
			return errors.Join(err, damagedRow(v.space, fmt.Sprintf("branch %q", b.name), errors.New("its name does not lead to it")))
		}
	}
	return nil
}

// checkNames counts who else names each commit.
func (v *verifier) checkNames() error {
	tags, err := v.tags()
	if err != nil {
		return err
	}
	for _, t := range tags {
		v.refs[t.Commit]++
	}
	reachable := make(map[CommitID]bool)
	for id := range v.refs {
		reachable[id] = true
	}
	if err := v.countLost(reachable); err != nil {
		return err
	}
	return v.checkGlobals()
}

// checkGlobals checks that there are as many global ids as commits, whose own
// were seen to lead to them.
func (v *verifier) checkGlobals() error {
	globals := 0
	err := v.scan(rowKey(v.space, rowGlobal), func([]byte, []byte) (bool, error) {
		globals++
		return true, nil
	})
	if err == nil && globals != len(v.commits) {
		err = damagedRow(v.space, "the global ids", fmt.Errorf("there are %d, for %d commits", globals, len(v.commits)))
	}
	return err
}

// countLost counts the commits that only the reflog keeps.
func (v *verifier) countLost(named map[CommitID]bool) error {
	lost, err := v.lost()
	if err != nil {
		return err
	}
	var heads []CommitID
	for id := range named {
		heads = append(heads, id)
	}
	v.report.Lost = len(v.commits)
	for _, l := range lost {
		v.refs[l.Old]++
	}
	arrived, err := v.arrived()
	if err != nil {
		return err
	}
	for _, id := range arrived {
		v.refs[id]++
	}
	return v.ancestors(heads, func(*commitRow) (bool, error) {
		v.report.Lost--
		return true, nil
	})
}

func (v *verifier) checkRefs() error {
	err := v.scan(rowKey(v.space, rowRefs), func(key, value []byte) (bool, error) {
		id := CommitID(keyNumber(key, 0))
		n, k := binary.Uvarint(value)
		if k <= 0 || n != v.refs[id] || n == 0 {
			return false, v.wrong(id, fmt.Sprintf("%d name it, %d are counted", v.refs[id], n))
		}
		delete(v.refs, id)
		if v.commits[id] == nil {
			return false, v.wrong(id, "something names it, but it is not there")
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for id, n := range v.refs {
		return v.wrong(id, fmt.Sprintf("%d name it, none are counted", n))
	}
	for id, c := range v.commits {
		refs, err := v.session.refs(id)
		if err != nil {
			return err
		}
		children, err := v.children(id, 2)
		if err != nil {
			return err
		}
		if refs == 0 && (len(children) == 0 || c.ghost && len(children) == 1) {
			return v.wrong(id, "nobody needs it, and yet it is there")
		}
	}
	return nil
}

// checkOwned checks that each birth belongs to one group, and each group to one
// commit.
func (v *verifier) checkOwned() error {
	groups := make(map[CommitID]CommitID)
	for id, c := range v.commits {
		if other := groups[c.groupID()]; other != 0 {
			return v.wrong(id, fmt.Sprintf("it owns the same nodes as commit %d", other))
		}
		groups[c.groupID()] = id
		if c.groupID() == id {
			continue
		}
		mine, err := v.r.Has(rowKey(v.space, rowOwned, uint64(c.groupID()), uint64(id)))
		if err != nil || !mine {
			return errors.Join(err, v.wrong(id, "its own nodes belong to another"))
		}
	}
	births := make(map[CommitID]bool)
	return v.scan(rowKey(v.space, rowOwned), func(key, _ []byte) (bool, error) {
		group, birth := CommitID(keyNumber(key, 0)), CommitID(keyNumber(key, 1))
		if groups[group] == 0 || births[birth] {
			return false, v.wrong(birth, "its nodes belong to nobody, or to two")
		}
		births[birth] = true
		return true, nil
	})
}

// checkNodes checks that every stored node is in a tree: those of the trees were
// read, so both sets are the same.
func (v *verifier) checkNodes() error {
	return v.scan(rowKey(v.space, rowNode), func(key, value []byte) (bool, error) {
		if len(key) != 9+12 {
			return false, damagedRow(v.space, "the key of a node", errCutOff)
		}
		id := NodeID{CommitID(keyNumber(key, 0)), binary.BigEndian.Uint32(key[17:])}
		if !v.seen[id] {
			return false, v.damaged(id, "it is in no tree")
		}
		v.report.Nodes++
		v.report.Bytes += int64(len(key) + len(value))
		return true, nil
	})
}

// checkStaged checks that what is staged, and what is noted of a branch, belongs
// to a branch.
func (v *verifier) checkStaged() error {
	err := v.scan(rowKey(v.space, rowRemote), func(key, _ []byte) (bool, error) {
		id := BranchID(keyNumber(key, 0))
		if v.branches[id] == nil {
			return false, damagedRow(v.space, fmt.Sprintf("what branch %d follows", id), errors.New("the branch is not there"))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return v.scan(rowKey(v.space, rowStaged), func(key, value []byte) (bool, error) {
		b := v.branches[BranchID(keyNumber(key, 0))]
		if b == nil || b.head != CommitID(keyNumber(key, 1)) || len(value) == 0 {
			return false, damagedRow(v.space, "a staged edit", errors.New("it is cut off, or its branch is not there or has moved on"))
		}
		v.report.Staged++
		return true, nil
	})
}
