package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/varvedb/varve/bench/kvbench"
)

//go:embed targets/kv.txt
var kvTargetText string

// parseTargets reads lines of a row and the ratio it must reach.
func parseTargets(text string) (map[string]float64, error) {
	targets := map[string]float64{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 2 {
			return nil, fmt.Errorf("target %q: want a row and a ratio", line)
		}
		ratio, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return nil, fmt.Errorf("target %q: %w", line, err)
		}
		targets[f[0]] = ratio
	}
	return targets, nil
}

// duel is our best engine against the peer that leaves it least.
type duel struct {
	ours, peer string
	ratio      float64
}

// closest compares each peer in Go with the fastest of ours whose writes survive
// at least as much, and returns the closest of these comparisons.
func (r *kvReport) closest(row string) (d duel, ok bool) {
	for _, p := range r.entrants {
		rate := r.rate(row, p.Name)
		if p.Ours || p.CGo || rate == 0 {
			continue
		}
		our, ourRate := r.fastest(row, p)
		if our == "" {
			continue
		}
		if x := ourRate / rate; !ok || x < d.ratio {
			d, ok = duel{our, p.Name, x}, true
		}
	}
	return d, ok
}

// fastest is the fastest of ours that may be compared with a peer.
func (r *kvReport) fastest(row string, peer kvbench.Entrant) (name string, rate float64) {
	for _, e := range r.entrants {
		if !e.Ours || e.Resident && r.bench.SmallCache || !r.comparable(row, e, peer) {
			continue
		}
		if x := r.rate(row, e.Name); x > rate {
			name, rate = e.Name, x
		}
	}
	return name, rate
}

// comparable reports whether an engine of ours may stand against a peer. Each of
// ours runs with two durabilities, and only one may count, or else ours would
// have the better of two tries: where unsynced writes are measured that of the
// peer, elsewhere the stronger.
func (r *kvReport) comparable(row string, ours, peer kvbench.Entrant) bool {
	switch r.durability(row, ours.Name) {
	case "", kvbench.Sync:
		return ours.Unsynced == kvbench.Buffered
	}
	if ours.Unsynced == peer.Unsynced {
		return true
	}
	return ours.Unsynced.AtLeast(peer.Unsynced) && !r.hasOurs(row, peer.Unsynced)
}

// hasOurs reports whether an engine of ours ran with that durability.
func (r *kvReport) hasOurs(row string, d kvbench.Durability) bool {
	for _, e := range r.entrants {
		if e.Ours && e.Unsynced == d && r.rate(row, e.Name) > 0 {
			return true
		}
	}
	return false
}

func (r *kvReport) targetTable() *table {
	t := &table{head: []string{"row", "ours", "against", "measured", "target", "verdict"}}
	for _, row := range r.rows {
		d, ok := r.closest(row)
		if !ok {
			continue
		}
		wanted, judged, said := r.targets[row], "–", "–"
		if wanted > 0 {
			judged, said = fmt.Sprintf("%.2f×", wanted), verdict(d.ratio, wanted)
		}
		t.rows = append(t.rows, []string{row, d.ours, d.peer, fmt.Sprintf("%.2f×", d.ratio), judged, said})
	}
	return t
}
