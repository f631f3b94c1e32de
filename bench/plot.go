package main

import (
	"fmt"
	"math"
	"strings"
)

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
			left, width-right, y, y, left-6, y+4, thousands(math.Pow(10, e)), unit)
	}
	for i, label := range x {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, px(i), height-bottom+20, label)
	}
	colours := []string{"#0b6e4f", "#c8553d", "#5b5f97", "#b8860b"}
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
