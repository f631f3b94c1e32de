package version

import (
	"encoding/binary"
	"errors"
	"time"
)

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

var errCommit = errors.New("it has no id, unknown flags, or too many edits")

// name is a branch or tag on its way.
type name struct {
	global GlobalID
	name   string
	tag    *Tag
}

// decodeArrival reads a commit frame, as sendCommit writes it.
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
	if n > 1<<31-1 || a.flags > flagGhost || a.global == (GlobalID{}) {
		return nil, errCommit
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

// decodeName reads the frame of a branch or tag, as sendNames writes it.
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
