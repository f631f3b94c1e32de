package version

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/varvedb/varve/codec"
)

// BundleInfo tells what is in a bundle.
type BundleInfo struct {
	// Keys and Values are the shapes of the map that it comes from.
	Keys, Values codec.Shape
	// Commits that it has, and what all of them changed in their first parents.
	Commits, Edits int
	// Needs are the commits that it builds on and does not have. [Map.Holds] tells
	// whether a map has them.
	Needs []GlobalID
	// Main is the name of the main branch, which may have no commit.
	Main string
	// Branches and Tags with their commits.
	Branches, Tags []NamedCommit
}

// NamedCommit is the name of a branch or tag, and its commit.
type NamedCommit struct {
	Name   string
	Commit GlobalID
}

// InspectBundle reads a bundle and tells what is in it. In memory it has a frame
// and the ids of the commits. It finds any damage in transit; whether the states
// are what their fingerprints say is seen by Unbundle. Errors:
// *kv.CorruptionError, io.ErrUnexpectedEOF if the bundle is cut off, and those of
// r.
func InspectBundle(r io.Reader) (BundleInfo, error) {
	in := inspector{f: newFrameReader(r), here: make(map[GlobalID]bool)}
	err := in.run()
	return in.info, err
}

// inspector reads a bundle and keeps what BundleInfo tells.
type inspector struct {
	f     *frameReader
	info  BundleInfo
	here  map[GlobalID]bool // commits: true, the bundle has it; false, it needs it
	edits int               // of the newest commit that have not come yet
}

func (in *inspector) run() error {
	rec, err := in.f.header(bundleMagic)
	if err != nil {
		return err
	}
	var secret Secret
	rec.fixed(secret[:])
	in.info.Keys, in.info.Values = codec.Shape(rec.string()), codec.Shape(rec.string())
	if err := rec.end(); err != nil {
		return in.f.damaged("the header: " + err.Error())
	}
	for {
		kind, data, err := in.f.next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if in.edits > 0 && kind != frameEdits {
			return in.f.damaged("a commit without all of its edits")
		}
		if ended, err := in.frame(kind, data); ended || err != nil {
			return err
		}
	}
}

func (in *inspector) frame(kind byte, data []byte) (ended bool, err error) {
	switch kind {
	case frameCommit:
		err = in.commit(data)
	case frameEdits:
		err = in.someEdits(data)
	case frameMain:
		in.info.Main = string(data)
	case frameRef, frameTag:
		err = in.name(kind, data)
	case frameEnd:
		if n, k := binary.Uvarint(data); k <= 0 || k != len(data) || n != uint64(in.info.Commits) {
			err = in.f.damaged("the number of commits is wrong")
		}
		return true, err
	default:
		err = in.f.damaged(fmt.Sprintf("a frame of kind %q", kind))
	}
	return false, err
}

func (in *inspector) commit(data []byte) error {
	a, err := decodeArrival(data)
	if err != nil {
		return in.f.damaged("a commit: " + err.Error())
	}
	for _, p := range a.parents {
		in.need(p)
	}
	in.here[a.global] = true
	in.info.Commits++
	in.info.Edits += a.editCount
	in.edits = a.editCount
	return nil
}

// need notes a commit that the bundle does not have, unless it did come.
func (in *inspector) need(id GlobalID) {
	if _, known := in.here[id]; !known {
		in.here[id] = false
		in.info.Needs = append(in.info.Needs, id)
	}
}

func (in *inspector) someEdits(data []byte) error {
	list, err := decodeEdits(nil, data)
	if err != nil || len(list) > in.edits {
		return in.f.damaged("the edits of a commit")
	}
	in.edits -= len(list)
	return nil
}

func (in *inspector) name(kind byte, data []byte) error {
	n, err := decodeName(kind, data)
	if err != nil {
		return in.f.damaged("a name: " + err.Error())
	}
	in.need(n.global)
	list := &in.info.Branches
	if kind == frameTag {
		list = &in.info.Tags
	}
	*list = append(*list, NamedCommit{n.name, n.global})
	return nil
}

// Holds reports whether a commit is here, so that what builds on it can be
// received. Retention may have hidden it.
func (m *Map[K, V]) Holds(id GlobalID) (yes bool, err error) {
	err = m.view(func(s *session) error {
		n, err := s.known(id)
		yes = n != 0
		return err
	})
	return yes, err
}
