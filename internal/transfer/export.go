package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Exported is what an export holds, and what not.
type Exported struct {
	Accounts, Passkeys int
	// Faults counts rows that are not what this deployment sealed, each of which has raised
	// an alarm. Accounts and passkeys among them are left out. A name that does not lead to
	// its account goes with it: the account's own row says whose it is.
	Faults int
	// Codes counts the accounts whose recovery codes stay behind.
	Codes int
}

const (
	accountsRead = 200 // in one go
	// unsteadyTries is how often an account is read again that changed while it was read.
	unsteadyTries = 5
)

// exporter writes one export.
type exporter struct {
	Config
	frames frames
	done   Exported
}

// Export writes all accounts, encrypted to recipients and signed by the deployment.
// Servers may be running: each account is written as it stood at one moment, not all as
// of the same.
func Export(ctx context.Context, cfg Config, to io.Writer, recipients ...age.Recipient) (Exported, error) {
	codec, err := newCodec()
	if err != nil {
		return Exported{}, err
	}
	sealed, err := age.Encrypt(to, recipients...)
	if err != nil {
		return Exported{}, fmt.Errorf("transfer: encrypt: %w", err)
	}
	x := &exporter{Config: cfg, frames: frames{codec: codec, to: sealed, sign: cfg.Vault.SignExport}}
	if err := x.run(ctx, sealed); err != nil {
		return x.done, err
	}
	if err := sealed.Close(); err != nil {
		return x.done, fmt.Errorf("transfer: encrypt: %w", err)
	}
	counts := map[string]uint64{"accounts": uint64(x.done.Accounts), "passkeys": uint64(x.done.Passkeys), "faults": uint64(x.done.Faults)}
	if err := cfg.Store.Append(ctx, cfg.Audit.Event(audit.Entry{Name: audit.StoreExported, Counts: counts})); err != nil {
		return x.done, fmt.Errorf("transfer: write the event: %w", err)
	}
	return x.done, nil
}

func (x *exporter) run(ctx context.Context, to io.Writer) error {
	if _, err := io.WriteString(to, magic); err != nil {
		return fmt.Errorf("transfer: write: %w", err)
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(rand.Reader, id); err != nil {
		return fmt.Errorf("transfer: randomness: %w", err)
	}
	if err := x.frames.write(frameHeader, header{
		Edition: edition, ID: id, Made: x.Now().UTC(), Signer: x.Vault.ExportKey(), RPID: x.RPID, Deployment: x.Vault.Deployment(),
	}); err != nil {
		return err
	}
	for after := []byte(nil); ; {
		rows, err := x.Store.ListAccounts(ctx, after, accountsRead)
		if err != nil {
			return fmt.Errorf("transfer: read the accounts: %w", err)
		}
		if len(rows) == 0 {
			return x.frames.write(frameEnd, end{uint64(x.done.Accounts), uint64(x.done.Passkeys)})
		}
		for _, row := range rows {
			if err := x.account(ctx, row); err != nil {
				return err
			}
			after = row.Key
		}
	}
}

// account writes one account. What it finds wanting may have moved between two reads: so
// it is believed only when the account has not.
func (x *exporter) account(ctx context.Context, row store.Row) error {
	for range unsteadyTries {
		m, codes, faults, err := x.read(ctx, row)
		if err != nil {
			return err
		}
		if len(faults) > 0 {
			now, err := x.Store.Account(ctx, row.Key)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("transfer: read an account: %w", err)
			}
			if now.Version != row.Version {
				row = now
				continue
			}
		}
		return x.put(ctx, m, codes, faults)
	}
	return fmt.Errorf("transfer: account %x does not stand still; export again", row.Key)
}

func (x *exporter) put(ctx context.Context, m *record.Moving, codes bool, faults []LeftOut) error {
	for _, fault := range faults {
		x.done.Faults++
		x.Audit.Alarm(ctx, audit.Caller{}, code(fault.Err), fault.Err)
		x.leftOut(fault)
	}
	if m == nil {
		return nil
	}
	if err := x.frames.write(frameAccount, m); err != nil {
		return err
	}
	x.done.Accounts++
	x.done.Passkeys += len(m.Passkeys)
	if codes {
		x.done.Codes++
	}
	x.progress(x.done.Accounts)
	return nil
}

// code is the alarm that a fault raises.
func code(err error) string {
	var tampered *record.Tampered
	switch {
	case errors.As(err, &tampered):
		return tampered.Code
	case errors.Is(err, errElsewhere):
		return "identifier_elsewhere"
	}
	return "row_missing"
}

// read opens an account with its passkeys and looks at the names that lead to it. m is
// nil when the account itself does not open; codes tells whether it has recovery codes.
func (x *exporter) read(ctx context.Context, row store.Row) (m *record.Moving, codes bool, faults []LeftOut, err error) {
	a, err := x.Vault.OpenAccount(row)
	if err != nil {
		return nil, false, []LeftOut{{Item: fmt.Sprintf("%x", row.Key), Why: WhyTampered, Err: err}}, nil
	}
	facts := a.Facts()
	fault := func(why Why, err error) {
		faults = append(faults, LeftOut{Account: facts.ID, Username: facts.Username, Why: why, Err: err})
	}
	held, missing, err := passkeys(ctx, x.Config, a)
	if err != nil {
		return nil, false, nil, err
	}
	for _, err := range missing {
		fault(WhyTampered, err)
	}
	moving := record.Leave(a, held)
	for _, n := range names(facts) {
		err := x.leads(ctx, n, facts.ID)
		var wrong *nameFault
		switch {
		case errors.As(err, &wrong):
			fault(WhyName, err)
		case err != nil:
			return nil, false, nil, err
		}
	}
	return &moving, len(facts.RecoveryCodes) > 0, faults, nil
}

// errMissing: the account's map names a credential that is not there.
var errMissing = errors.New("transfer: a passkey that the account names is missing")

// passkeys opens the credentials of an account. wrong says what is the matter with those
// that do not open or are not there.
func passkeys(ctx context.Context, cfg Config, a record.Account) (held []record.Credential, wrong []error, err error) {
	var keys [][]byte
	for _, way := range a.Facts().Ways {
		keys = append(keys, way.Credential)
	}
	if len(keys) == 0 {
		return nil, nil, nil
	}
	rows, err := cfg.Store.Credentials(ctx, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("transfer: read the passkeys: %w", err)
	}
	for _, row := range rows {
		c, err := cfg.Vault.OpenCredential(row, a)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		held = append(held, c)
	}
	for range len(keys) - len(rows) {
		wrong = append(wrong, errMissing)
	}
	return held, wrong, nil
}

// errElsewhere: a name that an account carries leads to another one.
var errElsewhere = errors.New("transfer: a name leads to another account")

// nameFault says that a name of an account does not lead to it.
type nameFault struct{ err error }

func (e *nameFault) Error() string { return "transfer: a name does not lead to its account" }

func (e *nameFault) Unwrap() error { return e.err }

// leads answers nil when a name leads to an account, *nameFault when it does not.
func (x *exporter) leads(ctx context.Context, n name, id record.ID) error {
	row, err := x.Store.Identifier(ctx, x.Vault.LookupIdentifier(n.kind, n.canonical))
	if errors.Is(err, store.ErrNotFound) {
		return &nameFault{err}
	}
	if err != nil {
		return fmt.Errorf("transfer: read a name: %w", err)
	}
	whose, err := x.Vault.OpenIdentifier(n.kind, n.canonical, row)
	switch {
	case err != nil:
		return &nameFault{err}
	case whose != id:
		return &nameFault{errElsewhere}
	}
	return nil
}
