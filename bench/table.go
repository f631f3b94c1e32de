package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// table is a result, printed as Markdown.
type table struct {
	head []string
	rows [][]string
	note string
}

func (t *table) print(w io.Writer) {
	fmt.Fprintln(w, "| "+strings.Join(t.head, " | ")+" |")
	fmt.Fprintln(w, "|---"+strings.Repeat("|---:", len(t.head)-1)+"|")
	for _, row := range t.rows {
		fmt.Fprintln(w, "| "+strings.Join(row, " | ")+" |")
	}
	if t.note != "" {
		fmt.Fprintln(w, "\n"+t.note)
	}
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// withSpread writes the median, and half the distance between the extremes in
// percent: differences below that mean nothing.
func withSpread(v []float64) string {
	m := median(v)
	if m == 0 {
		return "0"
	}
	return fmt.Sprintf("%s ±%.0f %%", thousands(m), 50*(slices.Max(v)-slices.Min(v))/m)
}

func thousands(x float64) string {
	if x >= 10_000 {
		return fmt.Sprintf("%.1fk", x/1000)
	}
	return fmt.Sprintf("%.0f", x)
}

// target says whether a measurement meets its target.
func target(what string, measured, wanted float64) string {
	return fmt.Sprintf("%s: measured %.1f×, target %.1f×: %s", what, measured, wanted, verdict(measured, wanted))
}

func verdict(measured, wanted float64) string {
	if measured < wanted {
		return "short"
	}
	return "met"
}
