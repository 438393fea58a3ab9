package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
)

func restoreCommand(p *program) *cobra.Command {
	var r keyturn.Restoration
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in place of the SQLite database",
		Long: "Put a backup in place of the SQLite database, after looking whether it is sound, of a\n" +
			"version that this program knows, and opens with the keys that the settings name. The\n" +
			"backup itself is only read. Stop the server first. A database that is there is replaced\n" +
			"only with --force, and kept beside the new one.",
		Example: "  keyturn restore /backups/keyturn-2026-05-04.db\n  keyturn restore --force /backups/keyturn-2026-05-04.db",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			r.Backup = args[0]
			done, err := keyturn.Restore(cmd.Context(), cfg, r)
			if err != nil {
				return unrestored(err)
			}
			return p.printRestored(cmd, done)
		},
	}
	addSettings(cmd.Flags(), true)
	cmd.Flags().BoolVar(&r.Force, "force", false, "replace a database that is there, and keep it under another name")
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}

// unrestored says what to do about a restore that is refused.
func unrestored(err error) error {
	switch {
	case errors.Is(err, keyturn.ErrStoreInUse):
		return fmt.Errorf("%w; stop the server first", err)
	case errors.Is(err, keyturn.ErrStoreThere):
		return fmt.Errorf("%w; look whether it is needed, and use --force to replace it (it is kept under another name)", err)
	default:
		return err
	}
}

// restoredView is a restore as it is printed as JSON.
type restoredView struct {
	Database string `json:"database"`
	Kept     string `json:"kept,omitempty"`
	Accounts int    `json:"accounts"`
}

// whatFollows is what a restore means for people.
const whatFollows = `It stands as it stood when the backup was made, and from now on:
- every link, code and challenge of before is refused: invitations and other links
  must be made again;
- who is signed in by tokens signs in again; who is signed in by a cookie stays so;
- what was undone since is back: sessions that were ended, passkeys that were removed
  or suspended, names and roles that were changed, accounts that were deleted. Undo it
  again before you start the server for everybody;
- what was done since is gone: accounts and passkeys made since must be made again;
- mails that were owed at that moment are sent, perhaps once more.
`

func (p *program) printRestored(cmd *cobra.Command, done keyturn.Restored) error {
	if asJSON(cmd) {
		return p.printJSON(restoredView{Database: done.Path, Kept: done.Kept, Accounts: done.Accounts})
	}
	accounts := "1 account"
	if done.Accounts != 1 {
		accounts = fmt.Sprintf("%d accounts", done.Accounts)
	}
	text := fmt.Sprintf("The database is %s, with %s.\n", done.Path, accounts)
	if done.Kept != "" {
		text += fmt.Sprintf("The one that was there is kept as %s.\n", done.Kept)
	}
	_, err := fmt.Fprint(p.stdout, text+whatFollows)
	return err
}
