package kvtest

// components returns the strongly connected groups of more than one
// transaction, by Tarjan's algorithm with a stack of its own.
func (j *isoJudge) components() (groups [][]*isoTxn) {
	w := &isoWalk{j: j, index: map[*isoTxn]int{}, low: map[*isoTxn]int{}, onStack: map[*isoTxn]bool{}}
	for _, t := range j.txns {
		if w.index[t] == 0 {
			w.visit(t)
		}
	}
	return w.groups
}

// isoWalk is the state of Tarjan's algorithm. Indexes begin with 1.
type isoWalk struct {
	j       *isoJudge
	index   map[*isoTxn]int
	low     map[*isoTxn]int
	onStack map[*isoTxn]bool
	stack   []*isoTxn
	groups  [][]*isoTxn
}

// isoFrame is a transaction whose edges are being followed.
type isoFrame struct {
	t    *isoTxn
	next int // edge
}

func (w *isoWalk) visit(root *isoTxn) {
	frames := []isoFrame{w.enter(root)}
	for len(frames) > 0 {
		f := &frames[len(frames)-1]
		if edges := w.j.edges[f.t]; f.next < len(edges) {
			to := edges[f.next].to
			f.next++
			if w.index[to] == 0 {
				frames = append(frames, w.enter(to))
			} else if w.onStack[to] {
				w.low[f.t] = min(w.low[f.t], w.index[to])
			}
			continue
		}
		w.leave(f.t)
		frames = frames[:len(frames)-1]
		if len(frames) > 0 {
			above := frames[len(frames)-1].t
			w.low[above] = min(w.low[above], w.low[f.t])
		}
	}
}

func (w *isoWalk) enter(t *isoTxn) isoFrame {
	n := len(w.index) + 1
	w.index[t], w.low[t], w.onStack[t] = n, n, true
	w.stack = append(w.stack, t)
	return isoFrame{t: t}
}

// leave takes the group of t off the stack if t is its root.
func (w *isoWalk) leave(t *isoTxn) {
	if w.low[t] != w.index[t] {
		return
	}
	at := len(w.stack) - 1
	for w.stack[at] != t {
		at--
	}
	group := append([]*isoTxn(nil), w.stack[at:]...)
	w.stack = w.stack[:at]
	for _, member := range group {
		w.onStack[member] = false
	}
	if len(group) > 1 {
		w.groups = append(w.groups, group)
	}
}

// shortest returns the shortest cycle through a group.
func (j *isoJudge) shortest(group []*isoTxn) (best []isoStep) {
	inGroup := map[*isoTxn]bool{}
	for _, t := range group {
		inGroup[t] = true
	}
	for _, t := range group {
		if cycle := j.cycleFrom(t, inGroup); best == nil || len(cycle) < len(best) {
			best = cycle
		}
	}
	return best
}

// cycleFrom searches breadth-first for the shortest way from start back to it.
func (j *isoJudge) cycleFrom(start *isoTxn, inGroup map[*isoTxn]bool) []isoStep {
	came := map[*isoTxn]isoStep{}
	for queue := []*isoTxn{start}; len(queue) > 0; queue = queue[1:] {
		for _, e := range j.edges[queue[0]] {
			if _, seen := came[e.to]; seen || !inGroup[e.to] {
				continue
			}
			came[e.to] = isoStep{queue[0], e}
			if e.to == start {
				return trace(came, start)
			}
			queue = append(queue, e.to)
		}
	}
	return nil
}

// trace follows the way back from start to start.
func trace(came map[*isoTxn]isoStep, start *isoTxn) (cycle []isoStep) {
	for at := start; ; {
		s := came[at]
		cycle = append([]isoStep{s}, cycle...)
		if at = s.from; at == start {
			return cycle
		}
	}
}
