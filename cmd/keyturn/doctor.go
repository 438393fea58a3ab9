package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/doctor"
	"github.com/keyturn/keyturn/internal/settings"
)

func doctorCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether the server can run as it is set, and say how to mend what is wrong",
		Long: "Looks at names and origins, the public address and its certificate, association files,\n" +
			"mail, keys, store, disk and clock, and says how to mend what is wrong. It sends no mail.\n" +
			"What cannot be reached from here is not checked, and is no failure. The exit code is 1\n" +
			"when a check fails.",
		Example: "  keyturn doctor\n  keyturn doctor --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, err := p.examine(cmd)
			if err != nil {
				return err
			}
			if err := p.printFindings(cmd, findings); err != nil {
				return err
			}
			if n := doctor.Failed(findings); n > 0 {
				return fmt.Errorf("%d of %d checks failed", n, len(findings))
			}
			return nil
		},
	}
	addSettings(cmd.Flags(), true)
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}

// examine looks at the server that the settings describe.
func (p *program) examine(cmd *cobra.Command) ([]doctor.Finding, error) {
	from, err := p.sources(cmd)
	if err != nil {
		return nil, err
	}
	set, values, err := settings.Load(from)
	if faults, ok := errors.AsType[settings.Faults](err); ok {
		return doctor.Refused(faults), nil
	}
	if err != nil {
		return nil, err
	}
	given := make(map[string]bool)
	for _, v := range values {
		given[v.Name] = v.Source != settings.SourceDefault
	}
	// What is wrong is said in the findings, and no second time in a log.
	cfg := keyturn.Config{Settings: set, Log: slog.New(slog.DiscardHandler)}
	patient := doctor.Patient{
		Settings: set, Given: given, Free: free, Now: time.Now,
		Store: func(ctx context.Context) (doctor.StoreState, error) {
			state, err := keyturn.CheckStore(ctx, cfg)
			return doctor.StoreState{Skew: state.Skew, Founded: state.Founded}, unusable(err)
		},
	}
	if set.Backend() == "sqlite" {
		patient.Integrity = func(ctx context.Context) error { return keyturn.CheckIntegrity(ctx, cfg) }
	}
	return doctor.Examine(cmd.Context(), patient), nil
}

func (p *program) printFindings(cmd *cobra.Command, findings []doctor.Finding) error {
	if asJSON(cmd) {
		return p.printJSON(map[string]any{"findings": findings})
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", f.Level, f.Name, f.Sentence)
	}
	return table.Flush()
}
