package main

import (
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/varvedb/varve/version"
)

// graph lays commits out, the newest on top: each in a column, with lines down
// to the columns in which its parents will stand.
type graph struct {
	rows  []graphRow
	lanes []version.CommitID // what each column waits for; 0 is free
}

// graphRow is a commit and the lines from its row to the next.
type graphRow struct {
	commit version.Commit
	label  string
	column int
	busy   []bool   // columns with a line passing this row
	lines  [][2]int // columns from here to there
}

func newGraph() *graph { return &graph{} }

// add puts a commit below those before it.
func (g *graph) add(c version.Commit, label string) {
	column := slices.Index(g.lanes, c.ID)
	if column < 0 {
		column = g.lane(0)
		g.lanes[column] = c.ID
	}
	row := graphRow{commit: c, label: label, column: column}
	for _, waits := range g.lanes {
		row.busy = append(row.busy, waits != 0)
	}
	g.lanes[column] = 0
	before := slices.Clone(g.lanes)
	for i, p := range c.Parents {
		at := slices.Index(g.lanes, p)
		if at < 0 && i == 0 && g.lanes[column] == 0 {
			at = column
		}
		if at < 0 {
			at = g.lane(0)
		}
		g.lanes[at] = p
		row.lines = append(row.lines, [2]int{column, at})
	}
	for i, waits := range before {
		if waits != 0 {
			row.lines = append(row.lines, [2]int{i, i})
		}
	}
	for len(g.lanes) > 0 && g.lanes[len(g.lanes)-1] == 0 {
		g.lanes = g.lanes[:len(g.lanes)-1]
	}
	g.rows = append(g.rows, row)
}

// lane returns the first column that waits for id, or a new one.
func (g *graph) lane(id version.CommitID) int {
	if i := slices.Index(g.lanes, id); i >= 0 {
		return i
	}
	g.lanes = append(g.lanes, 0)
	return len(g.lanes) - 1
}

// text draws the graph with characters.
func (g *graph) text(w io.Writer) error {
	for i, row := range g.rows {
		if _, err := fmt.Fprintln(w, row.textLine()); err != nil {
			return err
		}
		if line := row.linesText(); i+1 < len(g.rows) && strings.ContainsAny(line, `/\_`) {
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *graphRow) textLine() string {
	var b strings.Builder
	for i, busy := range r.busy {
		switch {
		case i == r.column:
			b.WriteString("* ")
		case busy:
			b.WriteString("| ")
		default:
			b.WriteString("  ")
		}
	}
	b.WriteString(" " + headline(r.commit))
	if r.label != "" {
		b.WriteString("  [" + r.label + "]")
	}
	return b.String()
}

// linesText draws the lines to the next row.
func (r *graphRow) linesText() string {
	var cells []byte
	set := func(at int, c byte) {
		for len(cells) <= at {
			cells = append(cells, ' ')
		}
		if cells[at] == ' ' || c != '_' {
			cells[at] = c
		}
	}
	for _, l := range r.lines {
		from, to := 2*l[0], 2*l[1]
		switch {
		case from == to:
			set(from, '|')
		case from < to:
			for at := from + 1; at < to-1; at++ {
				set(at, '_')
			}
			set(to-1, '\\')
		default:
			set(to+1, '/')
			for at := to + 2; at < from; at++ {
				set(at, '_')
			}
		}
	}
	return string(cells)
}

// svg draws the graph as a picture.
func (g *graph) svg(w io.Writer) {
	const step, gap, left, font = 22, 18, 16, 13
	width := 0
	for _, r := range g.rows {
		width = max(width, len(r.busy))
	}
	colours := []string{"#3465a4", "#cc0000", "#4e9a06", "#75507b", "#c17d11", "#f57900", "#06989a", "#555753"}
	x := func(column int) int { return left + gap*column }
	y := func(row int) int { return left + step*row }
	fmt.Fprintf(w, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"%d\">\n",
		x(width)+900, y(len(g.rows))+left, font)
	fmt.Fprintln(w, `<rect width="100%" height="100%" fill="white"/>`)
	for i, r := range g.rows {
		if i+1 == len(g.rows) {
			break
		}
		for _, l := range r.lines {
			fmt.Fprintf(w, "<path d=\"M%d %d C%d %d %d %d %d %d\" stroke=\"%s\" stroke-width=\"2\" fill=\"none\"/>\n",
				x(l[0]), y(i), x(l[0]), y(i)+step/2, x(l[1]), y(i)+step/2, x(l[1]), y(i+1), colours[max(l[0], l[1])%len(colours)])
		}
	}
	for i, r := range g.rows {
		fmt.Fprintf(w, "<circle cx=\"%d\" cy=\"%d\" r=\"5\" fill=\"%s\"/>\n", x(r.column), y(i), colours[r.column%len(colours)])
		text := headline(r.commit)
		if r.label != "" {
			text += "  [" + r.label + "]"
		}
		fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\">%s</text>\n", x(width)+6, y(i)+font/3, html.EscapeString(text))
	}
	fmt.Fprintln(w, "</svg>")
}
