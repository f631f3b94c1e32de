package version

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Received tells what came from another map.
type Received struct {
	Commits  int          // that were not here
	Branches []BranchInfo // that follow the other map's, moved or not
	Tags     int          // that were not here
}

// Unbundle reads a bundle into the map. Its branches get names that begin with
// remote and a slash, as remotes' in Git, and follow those of the other map
// wherever they go, but travel no further by themselves; with an empty remote they are the map's own, and are only
// moved forward: where one has commits of its own, or uncommitted edits, nothing
// is moved and the error is ErrDiverged or ErrUncommitted. A main branch without
// commits takes the name of the other map's then. Tags that are not here are made.
//
// Commits are made durable as they come, so a stream that was cut off can be
// sent again and goes on where it ended. Each state is compared with its
// fingerprint. A damaged stream is a *kv.CorruptionError; ErrNoCommit says that
// the bundle builds on commits that are not here, ErrForeign that the map has
// commits and another secret, so is no clone.
func (m *Map[K, V]) Unbundle(r io.Reader, remote string) (Received, error) {
	return m.core.receive(newFrameReader(r), m.shapes(), remote)
}

// receiver reads a bundle into a map.
type receiver struct {
	core   *core
	f      *frameReader
	res    Received
	batch  []*arrival
	size   int
	ghosts []GlobalID
	names  []name
	main   string // name of the main branch
	total  int
	ended  bool // the end frame was read
}

const receiveBatch = 4 << 20 // bytes of edits in a transaction

func (c *core) receive(f *frameReader, shapes [2]string, remote string) (Received, error) {
	r := receiver{core: c, f: f}
	err := r.run(shapes, remote)
	return r.res, err
}

func (r *receiver) run(shapes [2]string, remote string) error {
	if err := r.header(shapes); err != nil {
		return err
	}
	if err := r.body(); err != nil {
		return err
	}
	return r.finish(remote)
}

// header checks what map the bundle is of. A map without commits takes the
// secret over.
func (r *receiver) header(shapes [2]string) error {
	rec, err := r.f.header(bundleMagic)
	if err != nil {
		return err
	}
	var secret Secret
	rec.fixed(secret[:])
	key, value := rec.string(), rec.string()
	if err := rec.end(); err != nil {
		return r.f.damaged("the header: " + err.Error())
	}
	if key != shapes[0] || value != shapes[1] {
		return fmt.Errorf("the bundle has keys of %s and values of %s, the map of %s and %s: %w", key, value, shapes[0], shapes[1], ErrForeign)
	}
	return r.core.update(func(s *session) error {
		if s.sums.secret == secret || secret == (Secret{}) {
			return nil // there is nothing yet in a map that has no secret
		}
		last, err := s.last('c')
		if err != nil {
			return err
		}
		if last != 0 {
			return ErrForeign
		}
		m := meta{secret, s.reflog}
		s.t.Put(rowKey(s.space, rowMeta), m.append(nil))
		return nil
	})
}

// body reads commits and names up to the end.
func (r *receiver) body() error {
	for {
		kind, data, err := r.f.next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return errors.Join(err, r.apply()) // what has come is kept
		}
		switch kind {
		case frameCommit:
			err = r.commit(data)
		case frameMain:
			if err = checkName(string(data)); err != nil {
				return r.f.damaged("a name: " + err.Error())
			}
			r.main = string(data)
		case frameRef, frameTag:
			err = r.name(kind, data)
		case frameEnd:
			r.ended = true
			n, k := binary.Uvarint(data)
			if k <= 0 || k != len(data) || n != uint64(r.total) {
				return r.f.damaged("the number of commits is wrong")
			}
			return r.apply()
		default:
			err = r.f.damaged(fmt.Sprintf("a frame of kind %q", kind))
		}
		if err != nil {
			return err
		}
	}
}

// commit reads a commit with its edits.
func (r *receiver) commit(data []byte) error {
	a, err := decodeArrival(data)
	if err != nil {
		return r.f.damaged("a commit: " + err.Error())
	}
	for len(a.edits) < a.editCount {
		data, err := r.f.expect(frameEdits)
		if err != nil {
			return errors.Join(err, r.apply())
		}
		if a.edits, err = decodeEdits(a.edits, data); err != nil || len(a.edits) > a.editCount {
			return r.f.damaged(fmt.Sprintf("the edits of commit %s", a.global))
		}
		r.size += len(data)
	}
	r.total++
	r.batch = append(r.batch, a)
	if a.flags&flagGhost != 0 {
		r.ghosts = append(r.ghosts, a.global)
	}
	if r.size >= receiveBatch || len(r.batch) >= 256 {
		return r.apply()
	}
	return nil
}

func (r *receiver) name(kind byte, data []byte) error {
	n, err := decodeName(kind, data)
	if err != nil {
		return r.f.damaged("a name: " + err.Error())
	}
	r.names = append(r.names, n)
	return nil
}

// apply makes the commits that have come, in one transaction.
func (r *receiver) apply() error {
	if len(r.batch) == 0 {
		return nil
	}
	made := 0
	err := r.core.update(func(s *session) error {
		made = 0
		for _, a := range r.batch {
			known, err := s.known(a.global)
			if err == nil && known == 0 {
				made++
				err = s.arrive(a)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		r.res.Commits += made
		r.batch, r.size = nil, 0
	}
	return err
}

// arrive makes a commit that was made elsewhere, and keeps it until the transfer
// is complete.
func (s *session) arrive(a *arrival) error {
	opt, base := a.opt, Root{}
	first := CommitID(0)
	for i, global := range a.parents {
		id, err := s.known(global)
		if err == nil && id == 0 {
			err = fmt.Errorf("commit %s builds on %s: %w", a.global, global, ErrNoCommit)
		}
		if err != nil {
			return err
		}
		if i > 0 {
			opt.Merged = append(opt.Merged, id)
			continue
		}
		c, err := s.anyCommit(id)
		if err != nil {
			return err
		}
		first, base = id, c.Root
	}
	edits := slices.Clone(a.edits) // a second attempt stamps them anew
	c, err := s.commitOn(first, base, edits, a.message, &opt)
	if err != nil {
		return err
	}
	if c.Root.Count != a.count || c.Root.Sum != a.sum {
		return damagedRow(s.space, fmt.Sprintf("commit %s in the stream", a.global), errors.New("it does not have the fingerprint that it was sent with"))
	}
	s.t.Put(rowKey(s.space, rowArrived, uint64(c.ID)), nil)
	return s.retain(c.ID)
}
