package main

import (
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// bar shows how far long work is, on a terminal; elsewhere it does nothing.
type bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
}

// newBar starts a bar; total 0 is not known yet. It must be ended with done.
func (a *app) newBar(message string, total int64, bytes bool) *bar {
	if a.quiet || a.json || !isTerminal(a.errs) {
		return &bar{}
	}
	units := progress.UnitsDefault
	if bytes {
		units = progress.UnitsBytes
	}
	b := &bar{writer: progress.NewWriter(), tracker: &progress.Tracker{Message: message, Total: total, Units: units}}
	b.writer.SetOutputWriter(a.errs)
	b.writer.SetAutoStop(true)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.AppendTracker(b.tracker)
	go b.writer.Render()
	return b
}

// set tells how much is done.
func (b *bar) set(done int64) {
	if b.tracker != nil {
		b.tracker.SetValue(done)
	}
}

// total tells how much there is.
func (b *bar) total(n int64) {
	if b.tracker != nil {
		b.tracker.UpdateTotal(n)
	}
}

// done ends the bar, and waits until it is drawn.
func (b *bar) done() {
	if b.tracker == nil {
		return
	}
	b.tracker.MarkAsDone()
	for b.writer.IsRenderInProgress() {
		time.Sleep(10 * time.Millisecond)
	}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
