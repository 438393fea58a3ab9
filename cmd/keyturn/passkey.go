package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
)

const accountFlag = "account"

func passkeyCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "passkey",
		Short: "List, suspend, restore and remove passkeys",
		Long: "List, suspend, restore and remove the passkeys of an account, on the machine that has the\n" +
			"keys. The person is told by mail. The settings are those of the server; every flag of\n" +
			"serve may be given here too.",
		Example: "  keyturn passkey list --account ana\n" +
			"  keyturn passkey suspend 019aa7c8-3f00-7b0e-b6a1-2f1b6ad2c001 --account ana --reason 'phone stolen'",
		Args: noArguments,
		RunE: helpful,
	}
	addSettings(cmd.PersistentFlags(), true)
	cmd.PersistentFlags().Bool(jsonFlag, false, "print JSON")
	cmd.PersistentFlags().String(accountFlag, "", "account, by username, proved address or ID")
	cmd.AddCommand(passkeyList(p), passkeySuspend(p), passkeyRestore(p), passkeyRemove(p))
	return cmd
}

// ofAccount is the account that a command about passkeys is about.
func ofAccount(cmd *cobra.Command) (string, error) {
	name := cmd.Flag(accountFlag).Value.String()
	if name == "" {
		return "", wrong(cmd, errors.New("--account is missing"))
	}
	return name, nil
}

// listedPasskey is a passkey as it is printed.
type listedPasskey struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	Suspended bool      `json:"suspended"`
	Created   time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used_at,omitzero"`
}

func newListedPasskey(k keyturn.Passkey) listedPasskey {
	return listedPasskey{ID: k.ID, Name: k.Name, Suspended: k.Suspended, Created: k.Created.UTC(), LastUsed: k.LastUsed}
}

func passkeyList(p *program) *cobra.Command {
	return &cobra.Command{
		Use:     "list --account NAME",
		Short:   "List the passkeys of an account, oldest first",
		Example: "  keyturn passkey list --account ana\n  keyturn passkey list --account ana --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, err := ofAccount(cmd)
			if err != nil {
				return err
			}
			return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
				found, err := o.Passkeys(ctx, name)
				if err != nil {
					return unadministered(err, name)
				}
				passkeys := []listedPasskey{}
				for _, k := range found {
					passkeys = append(passkeys, newListedPasskey(k))
				}
				if asJSON(cmd) {
					return p.printJSON(map[string]any{"passkeys": passkeys})
				}
				return p.printPasskeys(passkeys)
			})
		},
	}
}

func (p *program) printPasskeys(passkeys []listedPasskey) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	// tabwriter keeps the first error and returns it from Flush.
	_, _ = fmt.Fprintln(table, "ID\tNAME\tSTATE\tCREATED\tLAST USED")
	for _, k := range passkeys {
		state, used := "active", "never"
		if k.Suspended {
			state = "suspended"
		}
		if !k.LastUsed.IsZero() {
			used = k.LastUsed.Format(time.DateOnly)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, state, k.Created.Format(time.DateOnly), used)
	}
	return table.Flush()
}

// aboutPasskey completes a command about one passkey of an account.
func aboutPasskey(cmd *cobra.Command, do func(cmd *cobra.Command, name string, id uuid.UUID, why string) error) *cobra.Command {
	why := cmd.Flags().String(reasonFlag, "", "why, for whoever reads the events")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return wrong(cmd, errors.New("name one passkey by its ID"))
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := ofAccount(cmd)
		if err != nil {
			return err
		}
		id, err := uuid.Parse(args[0])
		if err != nil {
			return wrong(cmd, fmt.Errorf("%q is no ID of a passkey", args[0]))
		}
		return do(cmd, name, id, *why)
	}
	return cmd
}

func passkeySuspend(p *program) *cobra.Command {
	return p.suspending(true, "suspended", &cobra.Command{
		Use:   "suspend ID --account NAME",
		Short: "Suspend a passkey, with the sessions that it proved",
		Long: "Suspend a passkey: it does not sign in, and the sessions that it proved have ended, until\n" +
			"it is restored. It may be the only one of the account.",
		Example: "  keyturn passkey suspend 019aa7c8-3f00-7b0e-b6a1-2f1b6ad2c001 --account ana --reason 'phone stolen'",
	})
}

func passkeyRestore(p *program) *cobra.Command {
	return p.suspending(false, "restored", &cobra.Command{
		Use:     "restore ID --account NAME --reason WHY",
		Short:   "Let a suspended passkey sign in again",
		Example: "  keyturn passkey restore 019aa7c8-3f00-7b0e-b6a1-2f1b6ad2c001 --account ana --reason 'phone found'",
	})
}

func (p *program) suspending(suspended bool, done string, cmd *cobra.Command) *cobra.Command {
	return aboutPasskey(cmd, func(cmd *cobra.Command, name string, id uuid.UUID, why string) error {
		return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
			after, err := o.SetSuspended(ctx, name, id, suspended, why)
			if err != nil {
				return unadministered(err, name)
			}
			if asJSON(cmd) {
				return p.printJSON(newListedPasskey(after))
			}
			_, err = fmt.Fprintf(p.stdout, "The passkey %q of %s is %s.\n", after.Name, name, done)
			return err
		})
	})
}

func passkeyRemove(p *program) *cobra.Command {
	return aboutPasskey(&cobra.Command{
		Use:   "remove ID --account NAME",
		Short: "Remove a passkey, with the sessions that it proved",
		Long: "Remove a passkey for good. It may be the only one of the account: make its person a link\n" +
			"then, with keyturn account link.",
		Example: "  keyturn passkey remove 019aa7c8-3f00-7b0e-b6a1-2f1b6ad2c001 --account ana --reason 'phone lost'",
	}, func(cmd *cobra.Command, name string, id uuid.UUID, why string) error {
		return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
			if err := o.RemovePasskey(ctx, name, id, why); err != nil {
				return unadministered(err, name)
			}
			if asJSON(cmd) {
				return p.printJSON(map[string]any{"id": id, "removed": true})
			}
			_, err := fmt.Fprintf(p.stdout, "The passkey %s of %s is removed.\n", id, name)
			return err
		})
	})
}
