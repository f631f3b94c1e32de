package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/pco"
	"github.com/varvedb/varve/version"
)

// usageError is an error in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef makes a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

var (
	errNotFound = errors.New("not found")
	errNoDir    = usageError{errors.New("no database: name its directory with --db DIR or VARVE_DB")}
)

// lineError is a line of an input file that cannot be loaded.
type lineError struct {
	file         string
	line, column int
	loaded       int64 // records before it, which stay
	appended     bool  // loading them again would append them again
	err          error
}

func (e *lineError) Unwrap() error { return e.err }

// Error names the place as compilers do.
func (e *lineError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v; %s loaded before it", e.file, e.line, e.column, e.err, counted(e.loaded, "record", "records"))
}

// exitCode is what the command's documentation promises.
func exitCode(err error) int {
	var usage usageError
	var line *lineError
	var damage *varve.CorruptionError
	var lost *lossError
	var format *pco.FormatError
	var stream *streamError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &line), errors.Is(err, varve.ErrForeign):
		return 1
	case errors.As(err, &usage), isAny(err, codec.ErrUnencodable, codec.ErrShape, codec.ErrNoPrefix, varve.ErrName, version.ErrName):
		return 2
	case isAny(err, errNotFound, varve.ErrNoCollection, varve.ErrNotExist, varve.ErrOutOfRange, fs.ErrNotExist,
		version.ErrNoBranch, version.ErrNoCommit, version.ErrNoTag):
		return 3
	case errors.Is(err, varve.ErrLocked):
		return 4
	case errors.As(err, &damage), errors.As(err, &lost), errors.As(err, &format), errors.As(err, &stream):
		return 5
	}
	return 1
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// hint says what to do next, where the error does not.
func hint(cmd *cobra.Command, err error) string {
	var line *lineError
	var damage *varve.CorruptionError
	var stream *streamError
	switch {
	case errors.As(err, &line) && line.appended:
		return "mend the line, and load only what is not in the list yet"
	case errors.As(err, &line):
		return "mend the line and load again: records that are there are replaced"
	case exitCode(err) == 2:
		return fmt.Sprintf("usage: %s; %q tells more", usageLine(cmd), cmd.CommandPath()+" --help")
	case errors.Is(err, varve.ErrForeign), errors.Is(err, errNotFound):
		return ""
	case errors.Is(err, varve.ErrNotExist):
		return "check --db or VARVE_DB; put, load and restore make a new database"
	case errors.Is(err, varve.ErrNoCollection):
		return `"varve ls" shows the collections that are there`
	case errors.Is(err, version.ErrNoBranch):
		return `"varve branch NAME" lists the branches`
	case errors.Is(err, version.ErrNoCommit):
		return `"varve log NAME" lists the commits, "varve branch NAME" and "varve tag NAME" what names them`
	case errors.Is(err, version.ErrUncommitted):
		return `"varve commit NAME" keeps them; "varve diff NAME" prints them`
	case errors.Is(err, version.ErrConflicts):
		return "--dry-run lists them; --policy source or target decides"
	case errors.Is(err, version.ErrRefused) && strings.Contains(err.Error(), version.ErrDiverged.Error()):
		return `"varve fetch NAME TARGET" brings what is new there; merge it, and push again`
	case errors.Is(err, varve.ErrOutOfRange):
		return `"varve stat NAME" tells how many entries there are`
	case errors.Is(err, varve.ErrLocked):
		return "commands that only read, such as get, scan, dump and backup, work beside it"
	case errors.As(err, &damage) && cmd.Name() == "print":
		return "what can be read was printed"
	case errors.As(err, &damage) && cmd.Name() == "restore":
		return "nothing was restored; try another backup"
	case errors.As(err, &stream):
		return "get the file anew; nothing damaged was taken from it"
	case errors.As(err, &damage):
		return "leave the files as they are, and restore the last backup into a new directory: varve --db NEW restore FILE; without one: varve repair NEW"
	case errors.Is(err, varve.ErrExist):
		return "choose a new directory with --db"
	case errors.Is(err, varve.ErrCollectionExists):
		return "choose another name, or drop that collection first"
	case errors.Is(err, varve.ErrNewerFormat):
		return "use the version of varve that wrote it, or a newer one"
	case errors.Is(err, varve.ErrNoSpace):
		return "make room on the disk and try again: nothing was changed"
	case errors.Is(err, fs.ErrPermission):
		return "check who may read and write there"
	}
	return ""
}

func usageLine(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return cmd.Name() + " COMMAND"
	}
	return cmd.UseLine()
}

// flagError is a flag that is not known, or a key that looks like one.
func flagError(_ *cobra.Command, err error) error {
	if strings.Contains(err.Error(), "shorthand") {
		return usagef("%w: put -- before arguments that begin with -", err)
	}
	return usageError{err}
}

// report prints an error as a line, with what to do next below, or as JSON.
func (a *app) report(cmd *cobra.Command, err error) {
	next := hint(cmd, err)
	if a.json {
		newEncoder(a.errs).Encode(errorObject(err, next))
		return
	}
	fmt.Fprintln(a.errs, "varve:", oneLine(err))
	if next != "" {
		fmt.Fprintln(a.errs, "      ", next)
	}
}

// errorObject is an error in JSON.
func errorObject(err error, next string) map[string]any {
	object := map[string]any{"error": oneLine(err), "code": exitCode(err)}
	if next != "" {
		object["hint"] = next
	}
	var damage *varve.CorruptionError
	if errors.As(err, &damage) {
		object["file"], object["offset"] = damage.File, damage.Offset
	}
	var stream *streamError
	if errors.As(err, &stream) {
		object["file"] = stream.file
	}
	var locked *varve.LockedError
	if errors.As(err, &locked) {
		object["holder"] = locked.Holder
	}
	var line *lineError
	if errors.As(err, &line) {
		object["file"], object["line"], object["column"], object["loaded"] = line.file, line.line, line.column, line.loaded
	}
	return object
}

// oneLine writes an error, which may be several, on a line.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "varve: "); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}
