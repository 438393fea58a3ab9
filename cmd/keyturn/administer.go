package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/account"
)

// reasonFlag is why something is done to somebody, as the events keep it.
const reasonFlag = "reason"

// oneAccount is the argument of a command about one account.
func oneAccount(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return wrong(cmd, errors.New("name one account"))
	}
	return nil
}

func accountDisable(p *program) *cobra.Command {
	return p.disabling(true, &cobra.Command{
		Use:   "disable NAME",
		Short: "Disable an account, with every session of it",
		Long: "Disable an account, named by username, proved address or ID: nobody can sign in to it,\n" +
			"and every session, link and ticket of it has ended, at once and for good.",
		Example: "  keyturn account disable ana --reason 'left the company'",
	})
}

func accountEnable(p *program) *cobra.Command {
	return p.disabling(false, &cobra.Command{
		Use:     "enable NAME",
		Short:   "Let the person of a disabled account sign in again",
		Example: "  keyturn account enable ana --reason 'is back'",
	})
}

func (p *program) disabling(disabled bool, cmd *cobra.Command) *cobra.Command {
	cmd.Args = oneAccount
	why := cmd.Flags().String(reasonFlag, "", "why, for whoever reads the events")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
			after, err := o.SetDisabled(ctx, args[0], disabled, *why)
			return p.changed(cmd, args[0], after, err)
		})
	}
	return cmd
}

func accountRole(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "role NAME ROLE",
		Short: "Make somebody a member, support or an administrator",
		Long: "Give an account, named by username, proved address or ID, a role: member, support (looks\n" +
			"after members) or admin (looks after both). Links that were made for it are dead.",
		Example: "  keyturn account role ana support\n  keyturn account role ana admin --reason 'takes over from Ben'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return wrong(cmd, errors.New("name one account and its role"))
			}
			return nil
		},
	}
	why := cmd.Flags().String(reasonFlag, "", "why, for whoever reads the events")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
			after, err := o.SetRole(ctx, args[0], args[1], *why)
			return p.changed(cmd, args[0], after, err)
		})
	}
	return cmd
}

// changed prints an account as it is after a change.
func (p *program) changed(cmd *cobra.Command, name string, after keyturn.Account, err error) error {
	if err != nil {
		return unadministered(err, name)
	}
	if asJSON(cmd) {
		return p.printJSON(listed(after))
	}
	_, err = fmt.Fprintf(p.stdout, "%s: role %s, %s.\n", name, after.Role, after.State)
	return err
}

// unadministered says what to do about something that could not be done to an account.
func unadministered(err error, name string) error {
	var refused *account.NameError
	switch {
	case errors.As(err, &refused) && refused.Field == "role":
		return usageError{errors.New("that is no role; choose member, support or admin")}
	case errors.As(err, &refused) && refused.Field == "reason" && refused.Code == "required":
		return usageError{errors.New("--reason is missing: say why it may be used again")}
	case errors.As(err, &refused) && refused.Field == "reason":
		return usageError{fmt.Errorf("--reason cannot be kept (%s): one line of at most 256 bytes", refused.Code)}
	case errors.Is(err, keyturn.ErrPasskeyUnknown):
		return fmt.Errorf("the account %q has no such passkey; see keyturn passkey list --account %s", name, name)
	case errors.Is(err, keyturn.ErrAccountUnknown):
		return fmt.Errorf("there is no account %q; see keyturn account list", name)
	default:
		return err
	}
}
