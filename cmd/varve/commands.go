package main

import (
	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

// commands returns the commands in the order of the help.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.tour(),
		a.ls(), a.stat(),
		a.get(), a.put(), a.del(), a.scan(),
		a.load(), a.dump(), a.importGit(),
		a.branch(), a.tag(), a.commit(), a.log(), a.show(), a.diff(), a.merge(), a.patch(), a.blame(), a.history(),
		a.clone(), a.fetch(), a.push(), a.bundle(),
		a.rename(), a.drop(),
		a.verify(), a.repair(), a.compact(),
		a.backup(), a.restore(), a.checkpoint(),
		a.print(), a.pco(),
		a.version(),
	}
}

// names completes the names of collections, up to most of them. It is silent
// about errors: a shell has no place for them.
func (a *app) names(most int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var names []string
		_ = a.with(reading, func(db *varve.DB) error {
			list, err := db.Collections(prefix)
			for _, info := range list {
				names = append(names, info.Name)
			}
			return err
		})
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// oneOf completes the values of a flag.
func oneOf(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}
