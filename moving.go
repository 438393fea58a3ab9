package keyturn

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/keyturn/keyturn/internal/transfer"
	"github.com/keyturn/keyturn/internal/transfer/passwordless"
)

// What stands in the way of moving accounts.
var (
	// ErrNotConfirmed: whoever was asked whether to import said no.
	ErrNotConfirmed = errors.New("keyturn: nothing was imported")
	// ErrOtherRPID: the accounts of an export are those of another RP ID, for which no
	// passkey of theirs would work here.
	ErrOtherRPID = errors.New("keyturn: the export is of another RP ID")
)

// Moved says what an export holds; LeftOut is an account or a part of one that does not
// move; ImportCounts says what an import would do, or did.
type (
	Moved        = transfer.Exported
	LeftOut      = transfer.LeftOut
	ImportCounts = transfer.Counts
)

// ExportFileError says why a file is not believed: nothing of it was used.
type ExportFileError = transfer.FileError

// Lock is what an export is encrypted to, or opened with: recipients (age1…) or the path
// of a file of age identities, or else a passphrase.
type Lock struct {
	Recipients []string
	Identity   string
	Passphrase string
}

func (l Lock) recipients() ([]age.Recipient, error) {
	if l.Passphrase != "" {
		r, err := transfer.Passphrase(l.Passphrase)
		return []age.Recipient{r}, err
	}
	return transfer.Recipients(l.Recipients)
}

func (l Lock) identities() ([]age.Identity, error) {
	if l.Passphrase != "" {
		id, err := transfer.PassphraseIdentity(l.Passphrase)
		return []age.Identity{id}, err
	}
	return transfer.Identities(l.Identity)
}

// Watch hears what goes on while accounts move. Each may be nil.
type Watch struct {
	Progress func(accounts int)
	LeftOut  func(LeftOut)
}

func (o Operator) moving(w Watch) transfer.Config {
	s := o.server
	return transfer.Config{
		Vault: s.vault, Store: s.store, Audit: s.audit, RPID: s.settings.RPID, Now: s.now,
		Progress: w.Progress, LeftOut: w.LeftOut,
	}
}

// Signer is the public key that exports of this deployment are signed with, as text.
func (o Operator) Signer() string { return transfer.SignerText(o.server.vault.ExportKey()) }

// Export writes all accounts, encrypted and signed. Servers may be running. Where
// Moved.Faults is not 0, rows were found that are not what was sealed; see its comment.
func (o Operator) Export(ctx context.Context, to io.Writer, lock Lock, w Watch) (Moved, error) {
	recipients, err := lock.recipients()
	if err != nil {
		return Moved{}, fmt.Errorf("keyturn: %w", err)
	}
	done, err := transfer.Export(ctx, o.moving(w), to, recipients...)
	if err != nil {
		return done, fmt.Errorf("keyturn: export: %w", err)
	}
	return done, nil
}

// PasswordlessTable is the table of authenticators of an amazon-cognito-passwordless-auth
// deployment.
type PasswordlessTable = passwordless.Config

// Importation is what to import, and how. Either File or Table is set.
type Importation struct {
	File   io.ReadSeeker
	Lock   Lock
	Signer string // SignerText of whoever made File; empty: this deployment itself
	Table  *PasswordlessTable

	WithRoles bool // else everybody becomes a member
	DryRun    bool // only judge
	// Ask is shown what an import would do, before anything is written. nil: do it.
	Ask func(ImportCounts) (bool, error)
	Watch
}

// Import takes accounts in. Before it writes anything it has read the whole source,
// verified every signature and judged every account. What is here is never changed.
// With DryRun, or after ErrNotConfirmed, the counts are those of the plan. Stop the
// servers before, or start them again after it: see transfer.Plan.
func (o Operator) Import(ctx context.Context, in Importation) (ImportCounts, error) {
	from, err := o.source(in)
	if err != nil {
		return ImportCounts{}, err
	}
	importer, err := transfer.NewImporter(o.moving(in.Watch), transfer.Options{
		WithRoles: in.WithRoles, Limit: o.server.settings.PasskeysPerAccount,
	})
	if err != nil {
		return ImportCounts{}, fmt.Errorf("keyturn: import: %w", err)
	}
	plan, err := importer.Judge(ctx, from)
	if err != nil {
		return plan.Counts, fmt.Errorf("keyturn: import: %w", err)
	}
	if in.Ask != nil {
		agreed, err := in.Ask(plan.Counts)
		if err != nil {
			return plan.Counts, err
		}
		if !agreed && !in.DryRun {
			return plan.Counts, ErrNotConfirmed
		}
	}
	if in.DryRun {
		return plan.Counts, nil
	}
	done, err := plan.Import(ctx)
	if err != nil {
		return done, fmt.Errorf("keyturn: import: %w", err)
	}
	return done, nil
}

func (o Operator) source(in Importation) (transfer.Source, error) {
	if in.Table != nil {
		table := *in.Table
		table.Keyed = o.server.vault.HashSecret
		return passwordless.Open(table)
	}
	var signer ed25519.PublicKey = o.server.vault.ExportKey()
	if in.Signer != "" {
		var err error
		if signer, err = transfer.ParseSigner(in.Signer); err != nil {
			return nil, fmt.Errorf("keyturn: %w", err)
		}
	}
	identities, err := in.Lock.identities()
	if err != nil {
		return nil, fmt.Errorf("keyturn: %w", err)
	}
	file, err := transfer.Open(in.File, signer, identities...)
	if err != nil {
		return nil, fmt.Errorf("keyturn: import: %w", err)
	}
	if file.RPID() != o.server.settings.RPID {
		return nil, fmt.Errorf("%w: %s, and rp.id here is %s", ErrOtherRPID, file.RPID(), o.server.settings.RPID)
	}
	return file, nil
}
