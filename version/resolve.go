package version

import "cmp"

// Number is what counters count in.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Counter resolves conflicts of numbers that are added to: both sides' additions
// count. A side that has removed the key counts as zero.
func Counter[K any, V Number](c Conflict[K, V]) (Decision[V], error) {
	return Keep(c.Source + c.Target - c.Base), nil
}

// Max resolves conflicts in favour of the greater value, and of a value against
// none.
func Max[K any, V cmp.Ordered](c Conflict[K, V]) (Decision[V], error) {
	return sideIf[K, V](c, c.Source > c.Target), nil
}

// Min resolves conflicts in favour of the lesser value, and of a value against
// none.
func Min[K any, V cmp.Ordered](c Conflict[K, V]) (Decision[V], error) {
	return sideIf[K, V](c, c.Source < c.Target), nil
}

func sideIf[K, V any](c Conflict[K, V], source bool) Decision[V] {
	if c.InSource && (source || !c.InTarget) {
		return TakeSource[V]()
	}
	return TakeTarget[V]()
}

// LastWriter returns a resolver in favour of the value that was written last,
// which newer tells: it reports whether a was written after b. A removal has no
// time and loses.
func LastWriter[K, V any](newer func(a, b V) bool) Resolver[K, V] {
	return func(c Conflict[K, V]) (Decision[V], error) {
		return sideIf[K, V](c, c.InSource && c.InTarget && newer(c.Source, c.Target)), nil
	}
}

// SetUnion resolves conflicts of sets by a three-way merge of their members:
// those that either side has added are there, those that either has removed are
// not.
func SetUnion[K any, S ~map[E]struct{}, E comparable](c Conflict[K, S]) (Decision[S], error) {
	merged := make(S)
	for _, side := range []S{c.Source, c.Target} {
		for e := range side {
			_, s := c.Source[e]
			_, t := c.Target[e]
			_, b := c.Base[e]
			if s && t || !b {
				merged[e] = struct{}{}
			}
		}
	}
	return Keep(merged), nil
}
