package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/settings"
)

// program is what every command is given of the world.
type program struct {
	env            []string
	stdout, stderr io.Writer
}

// usageError says that the command was asked wrongly: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "keyturn",
		Short: "A passkey server",
		Long:  "Keyturn signs people in with passkeys.",
		Example: "  keyturn serve\n" +
			"  keyturn account add --username ana --admin",
		Args:              noArguments,
		SilenceErrors:     true, // report prints them
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:              helpful,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return wrong(cmd, err) })
	root.AddCommand(serveCommand(p), configCommand(p), accountCommand(p), passkeyCommand(p), auditCommand(p), storeCommand(p), backupCommand(p), restoreCommand(p), exportCommand(p), importCommand(p), doctorCommand(p), benchCommand(p), benchServerCommand(p), benchFillCommand(p), versionCommand(p))
	return root
}

// helpful is the run of a command that only has commands below it.
func helpful(cmd *cobra.Command, _ []string) error {
	return wrong(cmd, errors.New("say which command"))
}

func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return wrong(cmd, fmt.Errorf("unknown command %q", args[0]))
	default:
		return wrong(cmd, fmt.Errorf("unexpected argument %q", args[0]))
	}
}

// wrong is a usage error with the way out.
func wrong(cmd *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
}

// report prints an error, one line for each thing that is wrong, and finds the exit
// code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	var usage usageError
	var faults settings.Faults
	wrongly := errors.As(err, &usage) || errors.As(err, &faults)
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !wrongly { // there a setting may be called like a package
			line = outward(line)
		}
		_, _ = fmt.Fprintln(stderr, "keyturn: "+strings.TrimPrefix(line, "keyturn: "))
	}
	if wrongly {
		return exitUsage
	}
	return exitFailed
}

// packages are the names by which errors say where in the program they arose.
var packages = regexp.MustCompile(`(^|: |\()(?:(?:keyturn|sqlite|postgres|dynamo|seal|record|audit|transfer|session|token): )+`)

// outward is an error without what only helps whoever reads the program.
func outward(line string) string { return packages.ReplaceAllString(line, "$1") }

// printJSON writes one value, indented, for people and for jq.
func (p *program) printJSON(v any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// explained turns what an operator can get wrong into a sentence that says what to do.
func explained(err error, name string) error {
	var refused *account.NameError
	switch {
	case errors.As(err, &refused) && refused.Field == "username" && strings.Contains(name, "@"):
		return fmt.Errorf("the username %q cannot be used: it has an @, as addresses have; choose a name without, or invite the address: keyturn account invite --email %s", name, name)
	case errors.As(err, &refused) && refused.Field == "username":
		return fmt.Errorf("the username %q cannot be used (%s): 3 to 64 letters, digits, dots and dashes, not shaped like an address, a number or an identifier", name, refused.Code)
	case errors.Is(err, keyturn.ErrUsernameTaken):
		return fmt.Errorf("the username %q belongs to somebody; choose another, or make a link: keyturn account link %s", name, name)
	case errors.Is(err, keyturn.ErrAccountUnknown):
		return fmt.Errorf("there is no account %q, or it is disabled; see keyturn account list", name)
	default:
		return err
	}
}
