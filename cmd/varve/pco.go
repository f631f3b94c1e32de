package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve/pco"
)

func (a *app) pco() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pco",
		Short: "Compress and decompress numbers in the Pcodec format",
		Long:  "pco reads and writes standalone Pcodec files (.pco). It needs no --db; - is the standard input or output.",
	}
	cmd.AddCommand(a.pcoCompress(), a.pcoDecompress(), a.pcoInspect())
	return cmd
}

func (a *app) pcoCompress() *cobra.Command {
	var out, typ, column string
	var opt pco.Options
	cmd := &cobra.Command{
		Use:   "compress IN -o OUT.pco",
		Short: "Compress numbers: raw little-endian ones, an NPY file, or a column of a CSV file",
		Long: `compress reads numbers from a file: of an .npy file its array, which says what they are; of a .csv file the column
named by --column, else the first; of any other raw little-endian numbers of --type.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			begin := time.Now()
			data, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			raw, t, err := numbersIn(args[0], data, typ, column)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			file, err := pco.CompressRaw(nil, raw, t, &opt)
			if err != nil {
				return usageError{err}
			}
			if err := a.writeOutput(cmd.Context(), out, file); err != nil || out == "-" {
				return err
			}
			n := int64(len(raw) * 8 / t.Bits())
			return a.result(map[string]any{"file": out, "type": t.String(), "numbers": n, "bytes": len(file), "seconds": time.Since(begin).Seconds()},
				"%s of type %v: %s to %s in %s", counted(n, "number", "numbers"), t, size(int64(len(raw))), size(int64(len(file))), short(time.Since(begin)))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write, or -")
	cmd.Flags().StringVar(&typ, "type", "", "type of the numbers: u8 to u64, i8 to i64, f16 to f64")
	cmd.Flags().StringVar(&column, "column", "", "name of the column of a CSV file")
	cmd.Flags().IntVar(&opt.Level, "level", 8, "work to do, from 1 to 12")
	_ = cmd.MarkFlagRequired("output")
	_ = cmd.RegisterFlagCompletionFunc("type", oneOf("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16", "f32", "f64"))
	return cmd
}

func (a *app) pcoDecompress() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "decompress IN.pco -o OUT",
		Short: "Write the numbers of a file, little-endian",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			begin := time.Now()
			data, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			raw, t, err := pco.DecompressRaw(nil, data, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := a.writeOutput(cmd.Context(), out, raw); err != nil || out == "-" {
				return err
			}
			n := int64(0)
			if t != 0 {
				n = int64(len(raw) * 8 / t.Bits())
			}
			return a.result(map[string]any{"file": out, "type": t.String(), "numbers": n, "bytes": len(raw), "seconds": time.Since(begin).Seconds()},
				"%s of type %v: %s in %s", counted(n, "number", "numbers"), t, size(int64(len(raw))), short(time.Since(begin)))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write, or -")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

func (a *app) pcoInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect IN.pco",
		Short: "Show how a file is compressed: chunks, modes, deltas, bins",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			info, err := pco.Inspect(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if a.json {
				return a.printJSON(info)
			}
			return a.showPco(info, len(data))
		},
	}
}

// showPco prints the parts of a file.
func (a *app) showPco(info *pco.Info, bytes int) error {
	err := a.fields("file version", info.Standalone, "format", fmt.Sprintf("%d.%d", info.Version.Major, info.Version.Minor),
		"numbers", info.Numbers, "chunks", len(info.Chunks), "bytes", info.Bytes, "bytes behind the end", bytes-info.Bytes)
	for _, c := range info.Chunks {
		how := []string{c.Mode.String(), "delta " + c.Delta.String()}
		switch {
		case c.Order > 0:
			how = append(how, fmt.Sprint("order ", c.Order))
		case c.Window > 0:
			how = append(how, fmt.Sprint("window ", c.Window))
		}
		err = errors.Join(err, a.say("chunk at %d: %d numbers of type %v, %s; %d bytes of metadata, %d of numbers",
			c.Offset, c.Numbers, c.Type, strings.Join(how, ", "), c.Meta, c.Page))
		for _, v := range c.Vars {
			err = errors.Join(err, a.say("  %s: %s, table of 2^%d", v.Name, counted(int64(len(v.Bins)), "bin", "bins"), v.TableLog))
			for _, b := range v.Bins {
				err = errors.Join(err, a.say("    from %d, %d bits, weight %d", b.Lower, b.OffsetBits, b.Weight))
			}
		}
	}
	return err
}

// readInput reads a file, or the standard input for -.
func (a *app) readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(name)
}

// writeOutput writes a file of bytes; - is the standard output.
func (a *app) writeOutput(ctx context.Context, name string, data []byte) error {
	_, err := a.writeFile(ctx, name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return err
}
