package kvbench

import "errors"

// large fills and reads values of another size, half as many bytes again as the
// other workloads have.
func large(size int) runFunc {
	return func(r *runner, name string, threads int) ([]*Result, error) {
		n, value, bytes := r.n(), r.vals.size, r.n()*r.record()
		if err := r.drop(); err != nil {
			return nil, err
		}
		r.setSize(max(100, bytes*3/2/uint64(size+keySize)), size)
		results, err := r.large(name, threads)
		err = errors.Join(err, r.drop())
		r.setSize(n, value)
		return results, err
	}
}

func (r *runner) large(name string, threads int) ([]*Result, error) {
	filled, err := r.fill(name+"-fill", threads, fillOptions{})
	if err != nil {
		return nil, err
	}
	var absent []uint32 // if time ran out
	for i, v := range r.ver {
		if v == 0 {
			absent = append(absent, uint32(i))
		}
	}
	if err := errors.Join(r.put(absent), r.warmUp()); err != nil {
		return nil, err
	}
	p := r.begin(name+"-read", threads)
	err = p.read(randomKeys, 2*r.n())
	return []*Result{filled, p.endRead()}, err
}
