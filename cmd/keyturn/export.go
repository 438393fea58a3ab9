package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/keyturn/keyturn"
)

func exportCommand(p *program) *cobra.Command {
	var lock lockFlags
	var recipients []string
	var show bool
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write all accounts with their passkeys to an encrypted, signed file",
		Long: "Write all accounts with their names and passkeys to a file that is not there yet, mode\n" +
			"0600, encrypted to age recipients or to a passphrase, and signed with the key of this\n" +
			"deployment. keyturn import reads it into any other store. Sessions, links, mails, events\n" +
			"and recovery codes are not in it. The server may run.",
		Example: "  keyturn export --recipient age1… accounts.export\n" +
			"  keyturn export --passphrase-file secret.txt accounts.export\n" +
			"  keyturn export --show-signer",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if show {
				if err := noArguments(cmd, args); err != nil {
					return err
				}
				return p.operate(cmd, true, func(_ context.Context, o keyturn.Operator) error {
					_, err := fmt.Fprintln(p.stdout, o.Signer())
					return err
				})
			}
			if err := oneFile(cmd, args); err != nil {
				return err
			}
			if (len(recipients) > 0) == (lock.passphraseFile != "") {
				return wrong(cmd, errors.New("say who can open it: --recipient (of age, age1…) or --passphrase-file"))
			}
			with, err := lock.read()
			if err != nil {
				return err
			}
			with.Recipients = recipients
			return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
				return p.export(ctx, cmd, o, args[0], with)
			})
		},
	}
	addSettings(cmd.Flags(), true)
	lock.add(cmd.Flags())
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "age recipient who can open it; may be given several times")
	cmd.Flags().BoolVar(&show, "show-signer", false, "only print the public key that exports of this deployment are signed with")
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}

// lockFlags say where a secret that opens an export is read from: a secret is never a flag.
type lockFlags struct{ passphraseFile string }

func (l *lockFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&l.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase")
}

func (l *lockFlags) read() (keyturn.Lock, error) {
	if l.passphraseFile == "" {
		return keyturn.Lock{}, nil
	}
	text, err := os.ReadFile(l.passphraseFile)
	if err != nil {
		return keyturn.Lock{}, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return keyturn.Lock{}, fmt.Errorf("the first line of %s is empty: no passphrase", l.passphraseFile)
	}
	return keyturn.Lock{Passphrase: line}, nil
}

// errFaults makes a command that found rows that are not ours fail, after it is done.
var errFaults = errors.New("rows were found that this deployment did not seal, or that are missing: see above, and the log")

// export writes the file, and takes it away again when that fails.
func (p *program) export(ctx context.Context, cmd *cobra.Command, o keyturn.Operator, path string, lock keyturn.Lock) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a file %s already, and exports never overwrite; choose another name", path)
	}
	if err != nil {
		return err
	}
	done, err := o.Export(ctx, file, lock, p.watch())
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if err := p.printExport(cmd, path, done, o.Signer()); err != nil {
		return err
	}
	if done.Faults > 0 {
		return errFaults
	}
	return nil
}

// watch says on standard error how far it is, and what does not move.
func (p *program) watch() keyturn.Watch {
	return keyturn.Watch{
		Progress: func(n int) { _, _ = fmt.Fprintf(p.stderr, "%d accounts\n", n) },
		LeftOut: func(l keyturn.LeftOut) {
			text := l.Username
			if l.Account != (keyturn.LeftOut{}).Account {
				text += " " + l.Account.String()
			}
			text = strings.TrimSpace(text + " " + l.Item)
			_, _ = fmt.Fprintf(p.stderr, "%s: %s\n", text, because(l))
		},
	}
}

// because says why something does not move.
func because(l keyturn.LeftOut) string {
	text, known := map[string]string{
		"tampered":   "left out: a row is missing, or is not what was sealed",
		"name":       "moves, but its name does not lead to it here",
		"key":        "left out: the public key cannot be used",
		"malformed":  "left out: it is not complete",
		"rp_id":      "left out: a passkey of it is for another RP ID",
		"invalid":    "left out: no account can be like that",
		"account":    "conflict: the account is here and says something else",
		"name_taken": "conflict: somebody here has its username or address",
		"passkey":    "conflict: somebody here has its passkey",
	}[string(l.Why)]
	if !known {
		text = string(l.Why)
	}
	return text
}

// exportView is an export as it is printed as JSON.
type exportView struct {
	File     string `json:"file"`
	Accounts int    `json:"accounts"`
	Passkeys int    `json:"passkeys"`
	Faults   int    `json:"faults"`
	Codes    int    `json:"accounts_without_their_recovery_codes"`
	Signer   string `json:"signer"`
}

func (p *program) printExport(cmd *cobra.Command, path string, done keyturn.Moved, signer string) error {
	if asJSON(cmd) {
		return p.printJSON(exportView{path, done.Accounts, done.Passkeys, done.Faults, done.Codes, signer})
	}
	text := fmt.Sprintf("The export is %s: %d accounts with %d passkeys.\n", path, done.Accounts, done.Passkeys)
	if done.Codes > 0 {
		text += fmt.Sprintf("Recovery codes do not move: %d people must make new ones.\n", done.Codes)
	}
	if done.Faults > 0 {
		text += fmt.Sprintf("%d rows were found wanting; accounts and passkeys among them are not in it.\n", done.Faults)
	}
	_, err := fmt.Fprintf(p.stdout, "%sIt is signed by\n\n  %s\n\nwhich another deployment must be told: keyturn import --signer.\n", text, signer)
	return err
}
