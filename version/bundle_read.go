package version

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Received tells what came from another map.
type Received struct {
	Commits  int          // that were not here
	Branches []BranchInfo // that follow the other map's, moved or not
	Tags     int          // that were not here
}

// Unbundle reads a bundle into the map. Its branches get names that begin with
// remote and a slash, as remotes' in Git, and follow those of the other map
// wherever they go; with an empty remote they are the map's own, and are only
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

// arrival is a commit on its way.
type arrival struct {
	flags     byte
	global    GlobalID
	parents   []GlobalID
	count     uint64
	sum       Sum
	message   string
	opt       CommitOptions
	editCount int
	edits     []Edit
}

// name is a branch or tag on its way.
type name struct {
	global GlobalID
	name   string
	tag    *Tag
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

func decodeArrival(data []byte) (*arrival, error) {
	r := &record{data: data}
	a := &arrival{flags: r.byte()}
	r.fixed(a.global[:])
	for range r.length() {
		var p GlobalID
		r.fixed(p[:])
		if r.bad {
			break
		}
		a.parents = append(a.parents, p)
	}
	a.count = r.uvarint()
	var sum [sumSize]byte
	r.fixed(sum[:])
	a.sum, _, _ = takeSum(sum[:])
	var at [8]byte
	r.fixed(at[:])
	a.opt.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(at[:]))).UTC()
	a.message, a.opt.Author = r.string(), r.string()
	if n := r.length(); n > 0 {
		a.opt.Meta = make(map[string]string)
		for range n {
			if r.bad {
				break
			}
			key := r.string()
			a.opt.Meta[key] = r.string()
		}
	}
	n := r.uvarint()
	if n > 1<<31-1 {
		return nil, errCutOff
	}
	a.editCount = int(n)
	a.opt.global, a.opt.AllowEmpty = a.global, true
	return a, r.end()
}

func decodeEdits(list []Edit, data []byte) ([]Edit, error) {
	for len(data) > 0 {
		flags := data[0]
		key, rest, ok := takeBytes(data[1:])
		if !ok || flags > stagedDelete || len(key) > MaxKey {
			return nil, errCutOff
		}
		e := Edit{Key: key, Delete: flags == stagedDelete}
		if data = rest; !e.Delete {
			if e.Value, data, ok = takeBytes(data); !ok {
				return nil, errCutOff
			}
		}
		list = append(list, e)
	}
	return list, nil
}

func (r *receiver) name(kind byte, data []byte) error {
	n, err := decodeName(kind, data)
	if err != nil {
		return r.f.damaged("a name: " + err.Error())
	}
	r.names = append(r.names, n)
	return nil
}

func decodeName(kind byte, data []byte) (n name, err error) {
	rec := &record{data: data}
	rec.fixed(n.global[:])
	n.name = rec.string()
	if kind == frameTag {
		var at [8]byte
		rec.fixed(at[:])
		n.tag = &Tag{Name: n.name, Time: time.UnixMicro(int64(binary.BigEndian.Uint64(at[:]))).UTC(), Message: rec.string()}
	}
	return n, errors.Join(rec.end(), checkName(n.name))
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

// arrived returns the commits of transfers that are not complete.
func (s *session) arrived() (list []CommitID, err error) {
	err = s.scan(rowKey(s.space, rowArrived), func(key, _ []byte) (bool, error) {
		list = append(list, CommitID(keyNumber(key, 0)))
		return true, nil
	})
	return list, err
}

// finish moves branches and makes tags, and lets go of what came and is not
// named.
func (r *receiver) finish(remote string) error {
	return r.core.update(func(s *session) error {
		r.res.Branches, r.res.Tags = nil, 0
		if remote == "" && r.main != "" {
			if err := s.nameMain(r.main); err != nil {
				return err
			}
		}
		for _, n := range r.names {
			id, err := s.known(n.global)
			if err == nil && id == 0 {
				err = fmt.Errorf("%q names commit %s: %w", n.name, n.global, ErrNoCommit)
			}
			if err == nil && n.tag != nil {
				err = r.makeTag(s, n, id)
			} else if err == nil {
				err = r.moveBranch(s, n, id, remote)
			}
			if err != nil {
				return err
			}
		}
		return s.settleArrived(r.ghosts)
	})
}

// nameMain gives the main branch a name, if it has no commits and no edits yet
// and the name is free.
func (s *session) nameMain(name string) error {
	id, err := s.mainBranch()
	if err != nil {
		return err
	}
	b, err := s.branch(id)
	if err != nil || b.head != 0 {
		return err
	}
	dirty, err := s.dirty(b)
	if err != nil || dirty {
		return err
	}
	if err = s.renameBranch(b, name); errors.Is(err, ErrExists) {
		return nil
	}
	return err
}

func (r *receiver) makeTag(s *session, n name, id CommitID) error {
	taken, err := s.r.Has(nameKey(s.space, rowTag, n.name))
	if err != nil || taken {
		return err
	}
	t := *n.tag
	t.Commit = id
	s.t.Put(nameKey(s.space, rowTag, n.name), t.append(nil))
	r.res.Tags++
	return s.retain(id)
}

func (r *receiver) moveBranch(s *session, n name, id CommitID, remote string) error {
	full := n.name
	if remote != "" {
		full = remote + "/" + n.name
	}
	c, err := s.anyCommit(id)
	if err != nil {
		return err
	}
	b, err := s.branchNamed(full)
	switch {
	case errors.Is(err, ErrNoBranch):
		b, err = s.createBranch(full, id, c.Root)
	case err != nil || b.head == id:
	case remote != "":
		s.unstage(b)
		err = s.moveHead(b, id, c.Root, "fetch")
	default:
		err = s.forwardTo(b, c)
	}
	if err != nil {
		return err
	}
	main, err := s.mainBranch()
	r.res.Branches = append(r.res.Branches, b.info(main))
	return err
}

// forwardTo moves a branch to a commit that descends from its head.
func (s *session) forwardTo(b *branchRow, c *commitRow) error {
	if err := s.clean(b); err != nil {
		return err
	}
	behind, err := s.descends(c.ID, b.head)
	if err == nil && !behind {
		if ahead, err2 := s.descends(b.head, c.ID); err2 != nil || ahead {
			return err2 // it has more already
		}
		err = fmt.Errorf("branch %q: %w", b.name, ErrDiverged)
	}
	if err != nil {
		return err
	}
	return s.advance(b, c)
}

// hideArrived makes a commit a ghost, as it is where it comes from, if nothing
// but the transfer names it.
func (s *session) hideArrived(global GlobalID) error {
	id, err := s.known(global)
	if err != nil || id == 0 {
		return err
	}
	refs, err := s.refs(id)
	if err != nil || refs != 1 {
		return err
	}
	c, err := s.anyCommit(id)
	if err == nil {
		c.ghost = true
		s.putCommit(c)
	}
	return err
}

// settleArrived lets go of the commits that came, those first from which others
// descend.
func (s *session) settleArrived(ghosts []GlobalID) error {
	list, err := s.arrived()
	if err != nil {
		return err
	}
	for _, global := range ghosts {
		if err := s.hideArrived(global); err != nil {
			return err
		}
	}
	for _, id := range list {
		s.t.Delete(rowKey(s.space, rowArrived, uint64(id)))
		if err := s.release(id); err != nil {
			return err
		}
	}
	return nil
}
