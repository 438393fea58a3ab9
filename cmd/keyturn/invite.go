package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/account"
)

func accountInvite(p *program) *cobra.Command {
	var in keyturn.Invitation
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Print a link that opens an account",
		Long: "Print a link that opens one account, once, within seven days: whoever opens it chooses\n" +
			"a name and makes a passkey. It works where sign_up is open, email or invite. Hand it\n" +
			"over in secret, or let it be mailed.",
		Example: "  keyturn account invite\n" +
			"  keyturn account invite --email ana@example.com --name 'Ana Lima' --role admin\n" +
			"  keyturn account invite --email ana@example.com --send",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if in.Send && in.Email == "" {
				return wrong(cmd, errors.New("--send needs --email"))
			}
			return p.operate(cmd, false, func(ctx context.Context, o keyturn.Operator) error {
				link, err := o.Invite(ctx, in)
				if err != nil {
					return uninvited(err, in)
				}
				return p.printLink(cmd, "This link opens an account", madeLink{Link: link.URL, Expires: link.Expires})
			})
		},
	}
	cmd.Flags().StringVar(&in.Email, "email", "", "address that the account is for; it is proved later, or by the mail")
	cmd.Flags().StringVar(&in.Role, "role", "member", "what the account may do: member, support or admin")
	cmd.Flags().StringVar(&in.DisplayName, "name", "", "name to be shown")
	cmd.Flags().BoolVar(&in.Send, "send", false, "mail the invitation to --email too")
	return cmd
}

// uninvited says what to do about an invitation that cannot be made.
func uninvited(err error, in keyturn.Invitation) error {
	var refused *account.NameError
	switch {
	case errors.As(err, &refused) && refused.Field == "role":
		return usageError{fmt.Errorf("%q is no role; choose member, support or admin", in.Role)}
	case errors.As(err, &refused) && refused.Code == account.NameTaken:
		return fmt.Errorf("the address %q belongs to somebody; make a link for that account: keyturn account link %s", in.Email, in.Email)
	case errors.As(err, &refused) && refused.Field == "email":
		return usageError{fmt.Errorf("%q is no address that mail could go to (%s)", in.Email, refused.Code)}
	case errors.As(err, &refused):
		return usageError{fmt.Errorf("the name %q cannot be used (%s)", in.DisplayName, refused.Code)}
	case errors.Is(err, keyturn.ErrCannotInvite) && in.Send:
		return errors.New("the invitation cannot be mailed: sign_up is closed, or mail is not set; leave out --send, or see keyturn config")
	case errors.Is(err, keyturn.ErrCannotInvite):
		return errors.New("sign_up is closed, and invitations are not honoured; set sign_up to invite, or add the account: keyturn account add")
	default:
		return err
	}
}
