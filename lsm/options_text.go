package lsm

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// numbers are the fields of the options that are numbers, by the names that they
// have in text. The names are stable.
func (o *Options) numbers() []struct {
	name string
	at   any
} {
	return []struct {
		name string
		at   any
	}{
		{"memory", &o.Memory}, {"write_buffer", &o.WriteBuffer}, {"max_memtables", &o.MaxMemtables}, {"block_cache", &o.BlockCache},
		{"max_open_files", &o.MaxOpenFiles}, {"block_size", &o.BlockSize}, {"restart_interval", &o.RestartInterval},
		{"bloom_bits", &o.BloomBits}, {"prefix_length", &o.PrefixLength}, {"l0_trigger", &o.L0Trigger},
		{"l0_slowdown", &o.L0Slowdown}, {"l0_stop", &o.L0Stop}, {"level_base", &o.LevelBase},
		{"level_multiplier", &o.LevelMultiplier}, {"target_file", &o.TargetFile}, {"max_compactions", &o.MaxCompactions},
		{"max_subcompactions", &o.MaxSubcompactions}, {"compaction_rate", &o.CompactionRate},
		{"segment_bytes", &o.SegmentBytes}, {"log_retention", &o.LogRetention}, {"spill_bytes", &o.SpillBytes}, {"history_bytes", &o.HistoryBytes},
		{"sync_interval", &o.SyncInterval},
	}
}

const compressionName = "compression"

var compressionNames = []string{"default", "none", "lz4", "s2", "zstd"}

// String returns the name of the compression.
func (c Compression) String() string {
	if int(c) < len(compressionNames) {
		return compressionNames[c]
	}
	return fmt.Sprintf("compression(%d)", uint8(c))
}

// MarshalText writes the settings that shape a store, a line "name = value" for
// each that is not its default. Where the store is, how it is opened, functions
// and interfaces are left out.
func (o Options) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	for _, f := range o.numbers() {
		switch at := f.at.(type) {
		case *int:
			writeNumber(&b, f.name, int64(*at))
		case *int64:
			writeNumber(&b, f.name, *at)
		case *time.Duration:
			if *at != 0 {
				fmt.Fprintf(&b, "%s = %s\n", f.name, *at)
			}
		}
	}
	var names []string
	for _, c := range o.Compression {
		names = append(names, c.String())
	}
	if len(names) > 0 {
		fmt.Fprintf(&b, "%s = %s\n", compressionName, strings.Join(names, ", "))
	}
	return b.Bytes(), o.Validate()
}

func writeNumber(b *bytes.Buffer, name string, n int64) {
	if n != 0 {
		fmt.Fprintf(b, "%s = %d\n", name, n)
	}
}

// UnmarshalText sets the fields that the text names, as MarshalText writes it,
// and leaves the others. Empty lines and those that begin with # are passed over;
// anything else is an error that names the line.
func (o *Options) UnmarshalText(text []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if err := o.set(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("lsm: options, line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("lsm: options: %w", err)
	}
	return o.Validate()
}

// set sets a field by its name.
func (o *Options) set(name, value string) (err error) {
	if name == compressionName {
		o.Compression, err = parseCompressions(value)
		return err
	}
	for _, f := range o.numbers() {
		if f.name != name {
			continue
		}
		switch at := f.at.(type) {
		case *int:
			*at, err = strconv.Atoi(value)
		case *int64:
			*at, err = strconv.ParseInt(value, 10, 64)
		case *time.Duration:
			*at, err = time.ParseDuration(value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("no option is called %q", name)
}

func parseCompressions(text string) (list []Compression, err error) {
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		found := false
		for i, known := range compressionNames {
			if known == name {
				list, found = append(list, Compression(i)), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no compression is called %q: choose from %s", name, strings.Join(compressionNames, ", "))
		}
	}
	return list, nil
}
