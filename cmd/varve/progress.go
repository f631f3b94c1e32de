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
	drawn   chan struct{} // closed when nothing more is drawn
}

// newBar starts a bar; total 0 is not known yet. It must be ended with done or
// end.
func (a *app) newBar(message string, total int64, bytes bool) *bar {
	if a.quiet || a.json || !isTerminal(a.errs) {
		return &bar{}
	}
	units := progress.UnitsDefault
	if bytes {
		units = progress.UnitsBytes
	}
	w := progress.NewWriter()
	w.SetOutputWriter(a.errs)
	w.SetAutoStop(true)
	w.SetUpdateFrequency(100 * time.Millisecond)
	w.SetStyle(progress.StyleBlocks)
	b := &bar{w, &progress.Tracker{Message: message, Total: total, Units: units}, make(chan struct{})}
	w.AppendTracker(b.tracker)
	go func() {
		defer close(b.drawn)
		w.Render()
	}()
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
func (b *bar) done() { b.end(nil) }

// end ends the bar of work that may have failed, and waits until it is drawn.
func (b *bar) end(err error) {
	if b.tracker == nil {
		return
	}
	if err != nil {
		b.tracker.MarkAsErrored()
	} else {
		b.tracker.MarkAsDone()
	}
	b.writer.Stop() // at once, and not when it is next drawn
	<-b.drawn
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
