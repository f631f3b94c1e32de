package vfs

import "errors"

// faultyFile is a file of a Faulty.
type faultyFile struct {
	fs    *Faulty
	inner File
}

// faultyMapper is a file of a Faulty that can be mapped.
type faultyMapper struct {
	*faultyFile
	mapper Mapper
}

var (
	_ File   = (*faultyFile)(nil)
	_ Mapper = (*faultyMapper)(nil)
)

func (f *faultyFile) op(kind OpKind, offset, length int64) Op {
	return Op{Kind: kind, Name: f.inner.Name(), Offset: offset, Length: length}
}

func (f *faultyFile) Name() string { return f.inner.Name() }

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	return f.transfer(f.op(OpRead, off, int64(len(p))), p, f.inner.ReadAt)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	return f.transfer(f.op(OpWrite, off, int64(len(p))), p, f.inner.WriteAt)
}

func (f *faultyFile) transfer(op Op, p []byte, do func([]byte, int64) (int, error)) (int, error) {
	fault := f.fs.ask(op)
	if fault == nil {
		return do(p, op.Offset)
	}
	n := 0
	if short := (*shortIO)(nil); errors.As(fault, &short) {
		var err error
		n, err = do(p[:max(0, min(short.n, len(p)))], op.Offset)
		if err != nil {
			return n, err
		}
	}
	return n, f.fs.fail(op, fault)
}

func (f *faultyFile) Sync() error {
	op := f.op(OpSync, 0, 0)
	fault := f.fs.ask(op)
	if fault == nil {
		return f.inner.Sync()
	}
	if dropped := (*droppedSync)(nil); errors.As(fault, &dropped) {
		f.dropUnsynced()
	}
	return f.fs.fail(op, fault)
}

func (f *faultyFile) dropUnsynced() {
	if inner, ok := f.inner.(interface{ dropUnsynced() }); ok {
		inner.dropUnsynced()
	}
}

func (f *faultyFile) Size() (int64, error) {
	if err := f.fs.before(f.op(OpSize, 0, 0)); err != nil {
		return 0, err
	}
	return f.inner.Size()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.fs.before(f.op(OpTruncate, size, 0)); err != nil {
		return err
	}
	return f.inner.Truncate(size)
}

func (f *faultyFile) Preallocate(offset, length int64) error {
	if err := f.fs.before(f.op(OpPreallocate, offset, length)); err != nil {
		return err
	}
	return f.inner.Preallocate(offset, length)
}

func (f *faultyFile) PunchHole(offset, length int64) error {
	if err := f.fs.before(f.op(OpPunch, offset, length)); err != nil {
		return err
	}
	return f.inner.PunchHole(offset, length)
}

func (f *faultyFile) Close() error {
	err := f.fs.before(f.op(OpCloseFile, 0, 0))
	return firstError(err, f.inner.Close())
}

func (f *faultyMapper) Map(offset, length int64) (Mapping, error) {
	if err := f.fs.before(f.op(OpMap, offset, length)); err != nil {
		return nil, err
	}
	return f.mapper.Map(offset, length)
}
