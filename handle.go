package varve

import (
	"encoding/binary"
	"fmt"

	"github.com/varvedb/varve/codec"
)

// CollectionOption changes how a collection is opened.
type CollectionOption func(*config)

type config struct {
	counted    bool
	key, value any // codec.Key[K], codec.Value[V]
}

// Counted makes Len cost one read: each insertion and removal then reads the
// key and adds to a counter in the same commit. It matters when the collection
// is made; after that the collection stays as it is.
func Counted() CollectionOption { return func(c *config) { c.counted = true } }

// WithKeys encodes the keys by c.
func WithKeys[K any](c codec.Key[K]) CollectionOption { return func(f *config) { f.key = c } }

// WithValues encodes the values by c.
func WithValues[V any](c codec.Value[V]) CollectionOption { return func(f *config) { f.value = c } }

func newConfig(opts []CollectionOption) *config {
	c := new(config)
	for _, o := range opts {
		o(c)
	}
	return c
}

// keys returns the codec that was asked for, or that of the type.
func keys[K any](c *config) (codec.Key[K], error) {
	if c.key == nil {
		return codec.KeyOf[K]()
	}
	k, ok := c.key.(codec.Key[K])
	if !ok {
		return nil, fmt.Errorf("WithKeys was given a %T, not a codec of %T", c.key, *new(K))
	}
	return k, nil
}

// values returns the codec that was asked for, or that of the type.
func values[V any](c *config) (codec.Value[V], error) {
	if c.value == nil {
		return codec.ValueOf[V]()
	}
	v, ok := c.value.(codec.Value[V])
	if !ok {
		return nil, fmt.Errorf("WithValues was given a %T, not a codec of %T", c.value, *new(V))
	}
	return v, nil
}

// unorderedKey encodes keys whose type has no order by the deterministic bytes
// of its values.
type unorderedKey[K any] struct{ codec.Value[K] }

func (unorderedKey[K]) AppendPrefix(dst []byte, _ K) ([]byte, error) {
	return dst, codec.ErrNoPrefix
}

func (unorderedKey[K]) AppendFields(dst []byte, _ K, _ int) ([]byte, error) {
	return dst, codec.ErrNoPrefix
}

// AppendBinary appends the ID of the collection as a uvarint: a handle can be
// stored as a value. See Attach.
func (s *space) AppendBinary(dst []byte) ([]byte, error) {
	if s.ID() == 0 {
		return dst, errUnbound
	}
	return binary.AppendUvarint(dst, uint64(s.ID())), nil
}

// MarshalBinary is AppendBinary to a new slice.
func (s *space) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary makes a handle that knows only its ID. It can be used after
// Attach.
func (s *space) UnmarshalBinary(b []byte) error {
	id, n := binary.Uvarint(b)
	if n <= 0 || n != len(b) || id == 0 {
		return fmt.Errorf("collection handle: %w", codec.ErrMalformed)
	}
	*s = space{entry: &entry{id: ID(id)}}
	return nil
}

// CodecName keeps the shape of stored handles apart from other binary values.
func (s *space) CodecName() string { return "collection" }

// attach replaces the unbound handle h by the one that open gives for its ID.
func attach[T any, H interface {
	*T
	ID() ID
}](h H, db *DB, open func(*DB, string, ...CollectionOption) (*T, error), opts []CollectionOption) error {
	if h.ID() == 0 {
		return errUnbound
	}
	name, err := db.NameOf(h.ID())
	if err != nil {
		return err
	}
	return bindTo((*T)(h), db, name, opts, open)
}
