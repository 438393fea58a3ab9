package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/transfer/passwordless"
)

// fromPasswordless names the only other system that accounts are read from.
const fromPasswordless = "cognito-passwordless"

// importFlags are those of import.
type importFlags struct {
	lock     lockFlags
	identity string
	signer   string
	from     string
	table    passwordless.Config
	users    string
	roles    bool
	dry      bool
	yes      bool
}

func importCommand(p *program) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take accounts in from an export, or from another system",
		Long: "Take accounts in from a file that keyturn export wrote, or from the DynamoDB table of\n" +
			"amazon-cognito-passwordless-auth. The whole of it is read and verified first; then you\n" +
			"are shown what would come, and asked. What is here is never changed: an account that is\n" +
			"in the way of one here is left out and named. Begun again, it goes on where it stopped.\n" +
			"A file is believed when it is signed by the key that --signer names or, without it, by\n" +
			"this deployment's own. Stop the server first: every link, challenge and refresh token of\n" +
			"before is refused afterwards.",
		Example: "  keyturn import --identity key.txt --signer keyturn-signer-… accounts.export\n" +
			"  keyturn import --dry-run --passphrase-file secret.txt accounts.export\n" +
			"  keyturn import --from cognito-passwordless --table Authenticators --region eu-central-1",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd, args); err != nil {
				return err
			}
			return p.operate(cmd, false, func(ctx context.Context, o keyturn.Operator) error {
				return p.importFrom(ctx, cmd, o, f, args)
			})
		},
	}
	addSettings(cmd.Flags(), true)
	f.lock.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&f.identity, "identity", "", "file of age identities that open it")
	flags.StringVar(&f.signer, "signer", "", "public key that must have signed it, as its export printed it")
	flags.StringVar(&f.from, "from", "", "read from another system: "+fromPasswordless)
	flags.StringVar(&f.table.Table, "table", "", "its DynamoDB table of authenticators")
	flags.StringVar(&f.table.Region, "region", "", "the table's region")
	flags.StringVar(&f.table.Endpoint, "endpoint", "", "URL of a server compatible with DynamoDB")
	flags.StringVar(&f.users, "users", "", "what aws cognito-idp list-users printed, for usernames that the table does not know")
	flags.BoolVar(&f.roles, "with-roles", false, "keep roles; without it everybody becomes a member")
	flags.BoolVar(&f.dry, "dry-run", false, "only say what would come")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.Bool(jsonFlag, false, "print JSON")
	return cmd
}

func (f *importFlags) check(cmd *cobra.Command, args []string) error {
	if f.from == "" {
		if err := oneFile(cmd, args); err != nil {
			return err
		}
		if (f.identity != "") == (f.lock.passphraseFile != "") {
			return wrong(cmd, errors.New("say what opens it: --identity or --passphrase-file"))
		}
		return nil
	}
	switch {
	case f.from != fromPasswordless:
		return wrong(cmd, fmt.Errorf("nothing can be read from %q; %s is known", f.from, fromPasswordless))
	case len(args) > 0:
		return wrong(cmd, errors.New("name a file or --from, not both"))
	case f.table.Table == "":
		return wrong(cmd, errors.New("--table is missing"))
	}
	return nil
}

// errNotAll makes an import that had to leave something out fail, after it is done.
var errNotAll = errors.New("not everything came: see above")

func (p *program) importFrom(ctx context.Context, cmd *cobra.Command, o keyturn.Operator, f importFlags, args []string) (err error) {
	in := keyturn.Importation{Signer: f.signer, WithRoles: f.roles, DryRun: f.dry, Watch: p.watch()}
	in.Ask = func(c keyturn.ImportCounts) (bool, error) {
		// Whatever is in the way has been named; the import itself need not repeat it.
		return p.ask(cmd, c, f)
	}
	if f.from != "" {
		if in.Table, err = f.source(); err != nil {
			return err
		}
	} else {
		if in.Lock, err = f.lock.read(); err != nil {
			return err
		}
		in.Lock.Identity = f.identity
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // it was only read
		in.File = file
	}
	counts, err := o.Import(ctx, in)
	if err != nil {
		return err
	}
	if err := p.printImport(cmd, counts, f.dry); err != nil {
		return err
	}
	if counts.Conflicts+counts.Refused > 0 {
		return errNotAll
	}
	return nil
}

// source is the table that the flags name.
func (f *importFlags) source() (*passwordless.Config, error) {
	table := f.table
	if f.users != "" {
		file, err := os.Open(f.users)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		if table.Users, err = passwordless.ReadUsers(bufio.NewReader(file)); err != nil {
			return nil, err
		}
	}
	return &table, nil
}

// ask shows what would come and asks whether it shall.
func (p *program) ask(cmd *cobra.Command, c keyturn.ImportCounts, f importFlags) (bool, error) {
	if f.dry || f.yes {
		return true, nil
	}
	return p.confirm(cmd, fmt.Sprintf("%sImport %d accounts?", described(c), c.New))
}

// confirm asks on the terminal. Whoever does not say yes has said no.
func (p *program) confirm(cmd *cobra.Command, question string) (bool, error) {
	if _, err := fmt.Fprintf(p.stderr, "%s [y/N] ", question); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

// described says what there is in a source and what comes of it.
func described(c keyturn.ImportCounts) string {
	text := fmt.Sprintf("%d accounts with %d passkeys; %d of support, %d administrators, %d disabled, %d without a username.\n",
		c.Accounts, c.Passkeys, c.Support, c.Admins, c.Disabled, c.Nameless)
	text += fmt.Sprintf("%d are new, %d are here already, %d are in the way of something here, %d cannot come.\n",
		c.New, c.There, c.Conflicts, c.Refused)
	if c.Many > 0 {
		text += fmt.Sprintf("%d have more passkeys than limits.passkeys_per_account; they keep them all.\n", c.Many)
	}
	return text
}

// importView is an import as it is printed as JSON.
type importView struct {
	DryRun    bool `json:"dry_run"`
	Accounts  int  `json:"accounts"`
	Passkeys  int  `json:"passkeys"`
	New       int  `json:"new"`
	There     int  `json:"there"`
	Conflicts int  `json:"conflicts"`
	Refused   int  `json:"refused"`
	Support   int  `json:"support"`
	Admins    int  `json:"admins"`
	Disabled  int  `json:"disabled"`
	Nameless  int  `json:"without_username"`
	Many      int  `json:"above_passkey_limit"`
}

func (p *program) printImport(cmd *cobra.Command, c keyturn.ImportCounts, dry bool) error {
	if asJSON(cmd) {
		return p.printJSON(importView{
			DryRun: dry, Accounts: c.Accounts, Passkeys: c.Passkeys, New: c.New, There: c.There,
			Conflicts: c.Conflicts, Refused: c.Refused, Support: c.Support, Admins: c.Admins,
			Disabled: c.Disabled, Nameless: c.Nameless, Many: c.Many,
		})
	}
	last := "They are here. Every link, challenge and refresh token of before is refused now;\n" +
		"start every server of this deployment (again).\n"
	if dry {
		last = "Nothing was written.\n"
	}
	_, err := fmt.Fprint(p.stdout, described(c)+last)
	return err
}
