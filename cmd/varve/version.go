package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			version := "(devel)"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			platform := runtime.GOOS + "/" + runtime.GOARCH
			return a.result(map[string]any{"version": version, "go": runtime.Version(), "platform": platform},
				"varve %s, %s, %s", version, runtime.Version(), platform)
		},
	}
}
