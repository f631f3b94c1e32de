package version

import (
	"errors"
	"fmt"
)

// Errors, to be matched with errors.Is.
var (
	// ErrNoBranch says that there is no such branch, or not any more.
	ErrNoBranch = errors.New("no such branch")
	// ErrNoCommit says that there is no such commit, or not any more.
	ErrNoCommit = errors.New("no such commit")
	// ErrNoTag says that there is no such tag.
	ErrNoTag = errors.New("no such tag")
	// ErrExists says that a branch or tag of the name is there.
	ErrExists = errors.New("name is taken")
	// ErrName says that a name cannot be one of a branch or tag.
	ErrName = errors.New("bad name")
	// ErrUncommitted says that a branch has changes that are not committed: commit
	// or discard them first.
	ErrUncommitted = errors.New("uncommitted changes")
	// ErrUnchanged says that there is nothing to commit; AllowEmpty permits it.
	ErrUnchanged = errors.New("nothing to commit")
	// ErrUnrelated says that a commit is not an ancestor of the branch's head.
	ErrUnrelated = errors.New("not an ancestor")
	// ErrMain says that the main branch cannot be deleted.
	ErrMain = errors.New("the main branch cannot be deleted")
	// ErrSame says that a branch cannot be merged into itself.
	ErrSame = errors.New("source and target are the same branch")
	// ErrMoved says that a branch's head is not the one that was expected.
	ErrMoved = errors.New("the head has moved")
	// ErrDiverged says that a merge that may only fast-forward would not.
	ErrDiverged = errors.New("the branches have diverged")
	// ErrConflicts says that both sides changed the same keys; the error is a
	// *ConflictsError.
	ErrConflicts = errors.New("merge conflicts")

	// ErrForeign says that two maps do not come from one: they have no secret in
	// common, so they cannot tell whether what they hold is the same.
	ErrForeign = errors.New("not a clone of this map")
	// ErrRefused says that the other side did not take what was pushed; the error
	// says why.
	ErrRefused = errors.New("the other map refused")

	errUncounted = errors.New("it is zero, and yet something names the commit")
	errUnsorted  = errors.New("keys are not in strictly ascending order")
)

// ConflictsError tells how many keys both sides of a merge have changed in
// different ways; errors.Is(err, ErrConflicts) holds. The preview of the merge
// lists them.
type ConflictsError struct {
	Count int
	First []byte // the encoded key of the first
}

// Error names the first key.
func (e *ConflictsError) Error() string {
	return fmt.Sprintf("%s: %d keys, the first is %q", ErrConflicts, e.Count, e.First)
}

// Is reports whether target is ErrConflicts.
func (e *ConflictsError) Is(target error) bool { return target == ErrConflicts }
