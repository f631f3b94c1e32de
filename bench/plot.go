package main

import (
	"fmt"
	"math"
	"strings"
)

var colours = []string{"#0b6e4f", "#c8553d", "#5b5f97", "#b8860b", "#2a9df4", "#7d4e9e", "#555555", "#d4568b", "#6a994e", "#a0522d", "#000000", "#8ecae6", "#f4a261"}

// line is a named series of a plot.
type line struct {
	name string
	y    []float64
}

// logPlot draws lines over labelled positions, on a logarithmic scale.
func logPlot(title, unit string, x []string, lines []line) []byte {
	const width, height, left, right, top, bottom = 720, 380, 70, 150, 40, 40
	low, high := math.Inf(1), 0.0
	for _, l := range lines {
		for _, y := range l.y {
			low, high = min(low, y), max(high, y)
		}
	}
	lo, hi := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	px := func(i int) float64 {
		return left + float64(i)*(width-left-right)/float64(max(1, len(x)-1))
	}
	py := func(y float64) float64 {
		return top + (hi-math.Log10(y))/(hi-lo)*(height-top-bottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="22" font-size="15">%s</text>`, left, title)
	for e := lo; e <= hi; e++ {
		y := py(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s %s</text>`,
			left, width-right, y, y, left-6, y+4, tick(e), unit)
	}
	for i, label := range x {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, px(i), height-bottom+20, label)
	}
	for n, l := range lines {
		var points []string
		for i, y := range l.y {
			points = append(points, fmt.Sprintf("%.1f,%.1f", px(i), py(y)))
		}
		c := colours[n%len(colours)]
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5"/>`, strings.Join(points, " "), c)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" fill="%s">%s</text>`, width-right+8, py(l.y[len(l.y)-1])+4, c, l.name)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// tick is the label of a power of ten.
func tick(exponent float64) string {
	if exponent > 3 {
		return thousands(math.Pow(10, exponent))
	}
	return fmt.Sprintf("%g", math.Pow(10, exponent))
}

// power is the label of a power of two.
func power(exponent float64) string {
	if exponent < 0 {
		return fmt.Sprintf("1/%g", math.Exp2(-exponent))
	}
	return fmt.Sprintf("%g", math.Exp2(exponent))
}

// place is where something is drawn.
type place struct {
	x float64
	y int
}

// legend returns where the names of lines are written, in rows of at most the
// given width, and the last row.
func legend(lines []line, width float64) (places []place, last int) {
	at := place{10, 40}
	for _, l := range lines {
		room := 26 + 6.2*float64(len(l.name))
		if at.x+room > width && at.x > 10 {
			at = place{10, at.y + 18}
		}
		places = append(places, at)
		at.x += room
	}
	return places, at.y
}

// dotPlot draws a dot for each value of each row on a logarithmic scale; y of a
// line are its values by row, 0 where there is none.
func dotPlot(title, unit string, rows []string, lines []line) []byte {
	const width, left, right, step = 760, 170, 20, 26
	places, top := legend(lines, width)
	top += 24
	low, high := 1.0, 1.0
	for _, l := range lines {
		for _, y := range l.y {
			if y > 0 {
				low, high = min(low, y), max(high, y)
			}
		}
	}
	lo, hi := math.Floor(math.Log2(low)), max(1, math.Ceil(math.Log2(high)))
	px := func(v float64) float64 { return left + (math.Log2(v)-lo)/(hi-lo)*(width-left-right) }
	height := top + step*len(rows) + 30
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="10" y="22" font-size="15">%s</text>`, title)
	for e := lo; e <= hi; e += max(1, math.Round((hi-lo)/8)) {
		x, colour := px(math.Exp2(e)), "#ddd"
		if e == 0 {
			colour = "#888"
		}
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>`, x, x, top-12, height-26, colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s%s</text>`, x, height-10, power(e), unit)
	}
	for i, row := range rows {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-10, top+step*i+4, row)
	}
	for n, l := range lines {
		c, at := colours[n%len(colours)], places[n]
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%d" r="4" fill="%s"/><text x="%.1f" y="%d">%s</text>`, at.x, at.y, c, at.x+8, at.y+4, l.name)
		for i, y := range l.y {
			if y > 0 {
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%d" r="5" fill="%s" fill-opacity="0.85"/>`, px(y), top+step*i, c)
			}
		}
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func syncPlot(engines []engine, workers []int, rates map[[2]int][]float64) []byte {
	var x []string
	for _, n := range workers {
		x = append(x, fmt.Sprint(n))
	}
	var lines []line
	for e, eng := range engines {
		l := line{name: eng.name}
		for w := range workers {
			l.y = append(l.y, median(rates[[2]int{e, w}]))
		}
		lines = append(lines, l)
	}
	return logPlot("Durable puts per second by goroutines", "/s", x, lines)
}
