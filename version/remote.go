package version

import (
	"errors"
	"fmt"
	"io"

	"github.com/varvedb/varve/kv"
)

// Kinds of frames between two maps, beside those of bundles.
const (
	frameAsk    = '?' // global ids
	frameAnswer = '!' // for each a byte: 1, the commit is here
	frameFetch  = 'F' // global ids of what the asker has; a bundle answers
	framePush   = 'P' // a bundle follows; frameDone or frameRefused answers
	frameDone   = 'K'
	frameRefuse = 'X' // why
)

// Serve answers Fetch and Push of another map's handle at the other end of rw,
// one after the other, until rw ends. Who may connect, and what else travels, is
// the caller's matter.
func (m *Map[K, V]) Serve(rw io.ReadWriter) error {
	in, out := newFrameReader(rw), newFrameWriter(rw)
	for {
		kind, data, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch kind {
		case frameAsk:
			err = m.core.answer(out, data)
		case frameFetch:
			err = m.core.serveFetch(out, m.shapes(), data)
		case framePush:
			err = m.core.servePush(in, out, m.shapes())
		default:
			err = in.damaged(fmt.Sprintf("a request of kind %q", kind))
		}
		if err := errors.Join(err, out.flush()); err != nil {
			return err
		}
		if kind != frameAsk {
			in.sum, out.sum = 0, 0 // the next Fetch or Push begins anew
		}
	}
}

// answer says which of the commits asked for are here.
func (c *core) answer(out *frameWriter, data []byte) error {
	return c.view(func(s *session) error {
		var reply []byte
		for ; len(data) >= len(GlobalID{}); data = data[len(GlobalID{}):] {
			id, err := s.known(GlobalID(data[:len(GlobalID{})]))
			if err != nil {
				return err
			}
			here := byte(0)
			if id != 0 {
				here = 1
			}
			reply = append(reply, here)
		}
		out.frame(frameAnswer, reply)
		return nil
	})
}

func (c *core) serveFetch(out *frameWriter, shapes [2]string, data []byte) error {
	return c.view(func(s *session) error {
		var have []CommitID
		for ; len(data) >= len(GlobalID{}); data = data[len(GlobalID{}):] {
			id, err := s.known(GlobalID(data[:len(GlobalID{})]))
			if err != nil {
				return err
			}
			if id != 0 {
				have = append(have, id)
			}
		}
		return s.sendAll(out, shapes, have)
	})
}

// servePush takes a bundle. What it refuses it reads to the end, so that the
// other side comes to listen.
func (c *core) servePush(in *frameReader, out *frameWriter, shapes [2]string) error {
	r := receiver{core: c, f: in}
	err := r.run(shapes, "")
	var damage *kv.CorruptionError
	if errors.As(err, &damage) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if err == nil {
		out.frame(frameDone, nil)
		return nil
	}
	if dropped := c.update(func(s *session) error { return s.settleArrived(nil) }); dropped != nil {
		return errors.Join(err, dropped)
	}
	for !r.ended {
		kind, _, readErr := in.next()
		if readErr != nil {
			return errors.Join(err, readErr)
		}
		r.ended = kind == frameEnd
	}
	out.frame(frameRefuse, []byte(err.Error()))
	return nil
}

// Fetch brings the commits, branches and tags of the map at the other end of rw,
// where Serve answers. Only commits that are not here travel. See Unbundle for
// remote, and for what becomes of branches: an empty map that fetches with an
// empty remote is a clone.
func (m *Map[K, V]) Fetch(rw io.ReadWriter, remote string) (Received, error) {
	p := peer{newFrameReader(rw), newFrameWriter(rw)}
	var have []byte
	err := m.view(func(s *session) error {
		common, err := s.common(&p)
		have = nil
		for _, c := range common {
			have = append(have, c.Global[:]...)
		}
		return err
	})
	if err != nil {
		return Received{}, err
	}
	p.out.frame(frameFetch, have)
	if err := p.out.flush(); err != nil {
		return Received{}, err
	}
	return m.core.receive(p.in, m.shapes(), remote)
}

// Push brings branches and what they descend from to the map at the other end of
// rw, where Serve answers; if none are named all branches and tags, but for
// branches that follow another map's. There they are made or moved forward, all
// or none: ErrRefused says why not.
func (m *Map[K, V]) Push(rw io.ReadWriter, branches ...*Branch[K, V]) error {
	p := peer{newFrameReader(rw), newFrameWriter(rw)}
	err := m.view(func(s *session) error {
		common, err := s.common(&p)
		if err != nil {
			return err
		}
		var have []CommitID
		for _, c := range common {
			have = append(have, c.ID)
		}
		p.out.frame(framePush, nil)
		if len(branches) == 0 {
			return s.sendAll(p.out, m.shapes(), have)
		}
		var some names
		for _, b := range branches {
			if err := s.addName(&some, b.branch); err != nil {
				return err
			}
		}
		return s.send(p.out, m.shapes(), &some, have)
	})
	if err := errors.Join(err, p.out.flush()); err != nil {
		return err
	}
	kind, text, err := p.in.next()
	switch {
	case err != nil:
		return err
	case kind == frameRefuse:
		return fmt.Errorf("%w: %s", ErrRefused, text)
	case kind != frameDone:
		return p.in.damaged(fmt.Sprintf("a reply of kind %q", kind))
	}
	return nil
}

// addName adds a branch, which must have a commit.
func (s *session) addName(some *names, id BranchID) error {
	b, err := s.branch(id)
	if err == nil && b.head == 0 {
		err = fmt.Errorf("branch %q has none: %w", b.name, ErrNoCommit)
	}
	some.branches = append(some.branches, b)
	return err
}

// peer is the other end.
type peer struct {
	in  *frameReader
	out *frameWriter
}

// ask returns which of the commits the other side has.
func (p *peer) ask(list []*commitRow) ([]bool, error) {
	var data []byte
	for _, c := range list {
		data = append(data, c.Global[:]...)
	}
	p.out.frame(frameAsk, data)
	if err := p.out.flush(); err != nil {
		return nil, err
	}
	reply, err := p.in.expect(frameAnswer)
	if err == nil && len(reply) != len(list) {
		err = p.in.damaged("a reply to another question")
	}
	if err != nil {
		return nil, err
	}
	have := make([]bool, len(list))
	for i := range have {
		have[i] = reply[i] == 1
	}
	return have, nil
}

// common returns, for each head of this map, the newest commit of its
// first-parent history that the other side has. All are looked for at once, in
// steps that double and then halve, so a few questions do.
func (s *session) common(p *peer) (found []*commitRow, err error) {
	heads, err := s.tips()
	if err != nil {
		return nil, err
	}
	var searches []*search
	for _, id := range heads {
		c, err := s.anyCommit(id)
		if err != nil {
			return nil, err
		}
		searches = append(searches, &search{chain: []*commitRow{c}, step: 1})
	}
	for len(searches) > 0 {
		list := make([]*commitRow, len(searches))
		for i, x := range searches {
			list[i] = x.chain[x.at]
		}
		have, err := p.ask(list)
		if err != nil {
			return nil, err
		}
		var next []*search
		for i, x := range searches {
			more, err := x.answered(s, have[i])
			if err != nil {
				return nil, err
			}
			if more {
				next = append(next, x)
			} else if x.found != nil {
				found = append(found, x.found)
			}
		}
		searches = next
	}
	return found, nil
}

// tips returns the heads of branches and tags, and what has come of a transfer
// that is not complete, without those that others of these descend from.
func (s *session) tips() (list []CommitID, err error) {
	all, err := s.heads()
	if err != nil {
		return nil, err
	}
	for _, id := range distinct(all) {
		children, err := s.children(id, 1)
		if err != nil {
			return nil, err
		}
		named, err := s.refs(id)
		if err != nil {
			return nil, err
		}
		arriving, err := s.r.Has(rowKey(s.space, rowArrived, uint64(id)))
		if err != nil {
			return nil, err
		}
		if arriving {
			named--
		}
		if len(children) == 0 || named > 0 {
			list = append(list, id)
		}
	}
	return list, nil
}

// search looks for the newest commit of a first-parent history that the other
// side has. Those before lo it has not, that at hi it has.
type search struct {
	chain []*commitRow // the newest first, as far as was needed
	at    int          // asked for
	lo    int          // all before are not there
	hi    int          // is there, if found is set
	step  int
	found *commitRow
}

// answered takes an answer and reports whether there is another question.
func (x *search) answered(s *session, have bool) (more bool, err error) {
	if have {
		x.found, x.hi = x.chain[x.at], x.at
	} else {
		x.lo = x.at + 1
	}
	if x.found != nil {
		x.at = (x.lo + x.hi) / 2
		return x.lo < x.hi, nil
	}
	want := x.at + x.step
	x.step *= 2
	for len(x.chain) <= want {
		last := x.chain[len(x.chain)-1]
		if last.firstParent() == 0 {
			break
		}
		c, err := s.anyCommit(last.firstParent())
		if err != nil {
			return false, err
		}
		x.chain = append(x.chain, c)
	}
	x.at = min(want, len(x.chain)-1)
	return x.at >= x.lo, nil
}
