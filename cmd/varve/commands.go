package main

import "github.com/spf13/cobra"

// commands returns the commands in the order of the help.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{a.tour()}
}
