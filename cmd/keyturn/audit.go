package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
)

func auditCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "audit",
		Short:   "Verify the record of what happened",
		Example: "  keyturn audit verify",
		Args:    noArguments,
		RunE:    helpful,
	}
	addSettings(cmd.PersistentFlags(), true)
	cmd.PersistentFlags().Bool(jsonFlag, false, "print JSON")
	cmd.AddCommand(auditVerify(p))
	return cmd
}

// keptHeads is the file of heads.
type keptHeads struct {
	Chains []keyturn.ChainHead `json:"chains"`
}

func auditVerify(p *program) *cobra.Command {
	var read, write string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Walk every chain of events from its first",
		Long: "Walk every chain of events from its first, and check that none was edited, exchanged, put\n" +
			"in or taken out. That the newest were taken away shows only beside heads that were kept\n" +
			"elsewhere: write them to a file (--write-heads), keep it where the database's writers\n" +
			"cannot reach it, and compare the next time (--heads). Heads are written only when\n" +
			"everything verifies. The exit code is 1 when something does not.",
		Example: "  keyturn audit verify\n" +
			"  keyturn audit verify --heads /mnt/elsewhere/heads.json --write-heads /mnt/elsewhere/heads.json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var kept keptHeads
			if read != "" {
				text, err := os.ReadFile(read)
				if err != nil {
					return fmt.Errorf("the heads cannot be read (%w); write them with --write-heads first", err)
				}
				if err := json.Unmarshal(text, &kept); err != nil || len(kept.Chains) == 0 {
					return fmt.Errorf("%s is no file of heads; name one that --write-heads wrote", read)
				}
			}
			return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
				reports, err := o.VerifyEvents(ctx, kept.Chains)
				if err != nil {
					return err
				}
				if err := p.printChains(cmd, reports); err != nil {
					return err
				}
				if err := faulty(reports); err != nil || write == "" {
					return err
				}
				return writeHeads(write, reports)
			})
		},
	}
	cmd.Flags().StringVar(&read, "heads", "", "file of heads to compare with")
	cmd.Flags().StringVar(&write, "write-heads", "", "file to keep the heads in")
	return cmd
}

func (p *program) printChains(cmd *cobra.Command, reports []keyturn.ChainReport) error {
	if asJSON(cmd) {
		return p.printJSON(map[string]any{"intact": faulty(reports) == nil, "chains": reports})
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	// tabwriter keeps the first error and returns it from Flush.
	_, _ = fmt.Fprintln(table, "CHAIN\tEVENTS\tHEAD\tFAULT")
	for _, r := range reports {
		_, _ = fmt.Fprintf(table, "%d\t%d\t%x\t%s\n", r.Chain, r.Number, r.Link, r.Fault)
	}
	if err := table.Flush(); err != nil || faulty(reports) != nil {
		return err
	}
	var events uint64
	for _, r := range reports {
		events += r.Number
	}
	_, err := fmt.Fprintf(p.stdout, "\nAll chains hold: %d events.\n", events)
	return err
}

// faulty is one sentence for each chain that is not as it was written.
func faulty(reports []keyturn.ChainReport) (err error) {
	for _, r := range reports {
		var fault error
		switch r.Fault {
		case "":
		case "shortened":
			fault = fmt.Errorf("chain %d was cut short: it has %d events, fewer than the heads that were kept say; compare with a backup", r.Chain, r.Number)
		case "replaced":
			fault = fmt.Errorf("chain %d was replaced: it does not lead to the head that was kept; compare with a backup", r.Chain)
		default:
			fault = fmt.Errorf("chain %d was tampered with: event %d is not what was written; compare with a backup", r.Chain, r.Number+1)
		}
		err = errors.Join(err, fault)
	}
	return err
}

// writeHeads keeps the heads, whole or not at all.
func writeHeads(path string, reports []keyturn.ChainReport) error {
	var heads keptHeads
	for _, r := range reports {
		heads.Chains = append(heads.Chains, r.ChainHead)
	}
	text, err := json.MarshalIndent(heads, "", "  ")
	if err != nil {
		return err
	}
	if err = os.WriteFile(path+".new", append(text, '\n'), 0o600); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("the heads cannot be written (%w)", err)
	}
	return nil
}
