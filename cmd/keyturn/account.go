package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
)

// accountsAtOnce is how many accounts are read from the store in one go.
const accountsAtOnce = 500

const (
	jsonFlag = "json"
	qrFlag   = "qr"
)

func accountCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Add, invite, list, disable and promote accounts, make links",
		Long: "Add, invite, list, disable and promote accounts, and make one-time links, on the machine\n" +
			"that has the keys. Nobody's role is asked for: who has the keys may do everything.\n" +
			"The settings are those of the server; every flag of serve may be given here too.",
		Example: "  keyturn account add --username ana --admin\n  keyturn account invite\n  keyturn account list\n  keyturn account link ana",
		Args:    noArguments,
		RunE:    helpful,
	}
	addSettings(cmd.PersistentFlags(), true)
	cmd.PersistentFlags().Bool(jsonFlag, false, "print JSON")
	cmd.PersistentFlags().Bool(qrFlag, false, "draw a link as a QR code even where nobody looks; on a terminal it always is")
	cmd.AddCommand(accountAdd(p), accountInvite(p), accountList(p), accountLink(p), accountDisable(p), accountEnable(p), accountRole(p))
	return cmd
}

// madeLink is what is printed of a link, and of the account it is for.
type madeLink struct {
	ID       string    `json:"id,omitempty"`
	Username string    `json:"username,omitempty"`
	Link     string    `json:"link"`
	Expires  time.Time `json:"expires_at"`
}

// printLink prints a link, behind a sentence on what it does and for whom.
func (p *program) printLink(cmd *cobra.Command, sentence string, made madeLink) error {
	made.Expires = made.Expires.UTC().Truncate(time.Second)
	if asJSON(cmd) {
		return p.printJSON(made)
	}
	until := made.Expires.Local().Format("15:04")
	if time.Until(made.Expires) > 12*time.Hour {
		until = made.Expires.Local().Format("2006-01-02 15:04")
	}
	if _, err := fmt.Fprintf(p.stdout, "%s. It works once, until %s:\n\n  %s\n\n", sentence, until, made.Link); err != nil {
		return err
	}
	if !terminal(p.stdout) && cmd.Flag(qrFlag).Value.String() != "true" {
		return nil
	}
	return drawQR(p.stdout, made.Link)
}

func asJSON(cmd *cobra.Command) bool { return cmd.Flag(jsonFlag).Value.String() == "true" }

func accountAdd(p *program) *cobra.Command {
	var n keyturn.NewAccount
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add an account and print the link that makes its first passkey",
		Long: "Add an account. It has no passkey; the printed link makes the first one, once,\n" +
			"within 30 minutes. Hand it over in secret: whoever opens it has the account.",
		Example: "  keyturn account add --username ana --display-name 'Ana Lima'\n" +
			"  keyturn account add --username root --admin",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n.Username == "" {
				return wrong(cmd, errors.New("--username is missing"))
			}
			return p.operate(cmd, false, func(ctx context.Context, o keyturn.Operator) error {
				id, link, err := o.AddAccount(ctx, n)
				if err != nil {
					return explained(err, n.Username)
				}
				return p.printLink(cmd, "This link makes a passkey for "+n.Username,
					madeLink{id.String(), n.Username, link.URL, link.Expires})
			})
		},
	}
	cmd.Flags().StringVar(&n.Username, "username", "", "name to sign in with")
	cmd.Flags().StringVar(&n.DisplayName, "display-name", "", "name to be shown")
	cmd.Flags().BoolVar(&n.Admin, "admin", false, "make it an administrator's account")
	return cmd
}

func accountLink(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "link NAME",
		Short: "Print a link that makes another passkey for an account",
		Long: "Print a link that makes another passkey for an account, named by username or ID,\n" +
			"once, within 30 minutes. Hand it over in secret: whoever opens it has the account.",
		Example: "  keyturn account link ana",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return wrong(cmd, errors.New("name one account"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
				link, err := o.EnrolmentLink(ctx, args[0])
				if err != nil {
					return explained(err, args[0])
				}
				return p.printLink(cmd, "This link makes a passkey for "+args[0],
					madeLink{Username: args[0], Link: link.URL, Expires: link.Expires})
			})
		},
	}
}

// listedAccount is an account as it is printed.
type listedAccount struct {
	ID          uuid.UUID `json:"id"`
	Username    string    `json:"username,omitempty"`
	DisplayName string    `json:"display_name,omitempty"`
	Emails      []string  `json:"emails,omitempty"`        // proved
	Pending     string    `json:"pending_email,omitempty"` // claimed, not proved
	Role        string    `json:"role"`
	State       string    `json:"state"`
	Passkeys    int       `json:"passkeys"`
	Created     time.Time `json:"created_at"`
}

func accountList(p *program) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the accounts, oldest first",
		Example: "  keyturn account list\n  keyturn account list --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
				accounts, err := allAccounts(ctx, o)
				if err != nil {
					return err
				}
				if asJSON(cmd) {
					return p.printJSON(map[string]any{"accounts": accounts})
				}
				return p.printAccounts(accounts)
			})
		},
	}
}

func listed(a keyturn.Account) listedAccount {
	return listedAccount{
		ID: a.ID, Username: a.Username, DisplayName: a.DisplayName, Emails: a.Emails, Pending: a.PendingEmail,
		Role: a.Role, State: a.State, Passkeys: a.Passkeys, Created: a.Created.UTC(),
	}
}

func allAccounts(ctx context.Context, o keyturn.Operator) ([]listedAccount, error) {
	accounts := []listedAccount{}
	for after := uuid.Nil; ; {
		some, next, err := o.Accounts(ctx, after, accountsAtOnce)
		if err != nil {
			return nil, err
		}
		for _, a := range some {
			accounts = append(accounts, listed(a))
		}
		if next == uuid.Nil {
			return accounts, nil
		}
		after = next
	}
}

// addresses are the e-mail addresses of an account in one column.
func (a listedAccount) addresses() string {
	if a.Pending == "" {
		return strings.Join(a.Emails, ", ")
	}
	return strings.Join(append(slices.Clone(a.Emails), a.Pending+" (not proved)"), ", ")
}

func (p *program) printAccounts(accounts []listedAccount) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	// tabwriter keeps the first error and returns it from Flush.
	_, _ = fmt.Fprintln(table, "USERNAME\tNAME\tE-MAIL\tROLE\tSTATE\tPASSKEYS\tCREATED\tID")
	for _, a := range accounts {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			a.Username, a.DisplayName, a.addresses(), a.Role, a.State, a.Passkeys, a.Created.Format(time.DateOnly), a.ID)
	}
	return table.Flush()
}
