package ethdb

import (
	"fmt"
	"strings"
	"time"

	"github.com/varvedb/varve/kv"
)

// statText lists the counters, a line each. Those that the engine does not know
// without a scan are left out.
func statText(m kv.Metrics) string {
	var text strings.Builder
	for _, line := range []struct {
		name  string
		value int64
	}{
		{"gets", m.Gets},
		{"iterators", m.Iterators},
		{"batches", m.Batches},
		{"conflicts", m.Conflicts},
		{"bytes in", m.BytesIn},
		{"log bytes", m.LogBytes},
		{"log syncs", m.LogSyncs},
		{"flushes", m.Flushes},
		{"flush bytes", m.FlushBytes},
		{"open snapshots", m.OpenSnapshots},
		{"open iterators", m.OpenIterators},
		{"live keys", m.LiveKeys},
		{"live bytes", m.LiveBytes},
		{"disk bytes", m.DiskBytes},
		{"resident bytes", m.ResidentBytes},
	} {
		if line.value >= 0 {
			fmt.Fprintf(&text, "%s: %d\n", line.name, line.value)
		}
	}
	if !m.LastFlush.IsZero() {
		fmt.Fprintf(&text, "last flush: %s\n", m.LastFlush.UTC().Format(time.RFC3339))
	}
	return text.String()
}
