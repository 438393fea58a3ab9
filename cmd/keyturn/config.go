package main

import (
	"cmp"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/internal/settings"
)

// settingView is one setting as it is printed as JSON.
type settingView struct {
	Name        string `json:"name"`
	Value       string `json:"value,omitempty"` // as it is written; a secret is masked
	Source      string `json:"source"`          // file, variable, flag, or "default"
	Default     string `json:"default,omitempty"`
	Environment string `json:"environment"`
	Flag        string `json:"flag,omitempty"` // none for a secret
	Meaning     string `json:"meaning"`
	Secret      bool   `json:"secret"`
}

func configCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print every setting with its value, its source and its meaning",
		Long: "Prints every setting as it holds now, from the file, the environment and the flags,\n" +
			"and then what is wrong with them, if anything is. Secrets are masked.",
		Example: "  keyturn config\n  keyturn config --public-url https://login.example.com --sign-up closed\n  keyturn config --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := p.sources(cmd)
			if err != nil {
				return err
			}
			_, values, faults := settings.Load(from)
			if asJSON(cmd) {
				return errors.Join(p.printJSON(views(values)), faults)
			}
			return errors.Join(p.printSettings(values), faults)
		},
	}
	addSettings(cmd.Flags(), true)
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}

func views(values []settings.Value) []settingView {
	list := make([]settingView, len(values))
	for i, v := range values {
		list[i] = settingView{
			Name: v.Name, Value: v.Text, Source: v.Source, Default: v.Default,
			Environment: v.Environment(), Flag: v.Flag(), Meaning: v.Meaning, Secret: v.Secret,
		}
	}
	return list
}

// printSettings writes a table for people. What is not set is a dash.
func (p *program) printSettings(values []settings.Value) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SETTING\tVALUE\tSOURCE\tMEANING")
	for _, v := range values {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", v.Name, cmp.Or(v.Text, "-"), v.Source, v.Meaning)
	}
	return table.Flush()
}
