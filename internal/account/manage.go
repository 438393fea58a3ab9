package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
)

// What a person can be refused when they look after their ways in.
var (
	// ErrStepUp: it takes a fresh proof, and the session has none.
	ErrStepUp = errors.New("account: a fresh proof is required")
	// ErrLastPasskey: nothing else could sign the person in.
	ErrLastPasskey = errors.New("account: this is the only way in")
	// ErrPasskey: the account has no such passkey.
	ErrPasskey = errors.New("account: no such passkey")
	// ErrConflict: the account kept moving.
	ErrConflict = errors.New("account: the account kept changing")
)

// FreshProof is how recent the proof must be for what weakens an account: removing
// or restoring a way in, adding one, changing what the account is called.
const FreshProof = 5 * time.Minute

// conflictTries bounds how often a change is judged again.
const conflictTries = 8

// Fresh demands a fresh proof: a user-verifying assertion in this session at most
// FreshProof ago. ErrStepUp otherwise.
func (d *Directory) Fresh(c session.Current) error {
	if c.Fresh(d.cfg.Now(), FreshProof) {
		return nil
	}
	return ErrStepUp
}

// change is what a judgement of an account leads to: the account's next facts and the
// verb that writes them.
type change func(a record.Account, facts record.AccountFacts, op store.OpID) error

// judged reads the account, lets do judge and write, and repeats it when the account
// moved in between.
func (d *Directory) judged(ctx context.Context, c session.Current, do change) error {
	op, err := d.operation()
	if err != nil {
		return err
	}
	for range conflictTries {
		a, ok, err := d.Get(ctx, c.Person().ID)
		if err != nil {
			return err
		}
		if !ok || !a.Active() || !c.Holds(a) {
			return session.ErrNone // it ended while this call was under way
		}
		err = do(a, a.Facts(), op)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return ErrConflict
}

// passkey finds a passkey of an account by our identifier.
func (d *Directory) passkey(ctx context.Context, a record.Account, id uuid.UUID) (record.Credential, error) {
	credentials, err := d.Credentials(ctx, a)
	if err != nil {
		return record.Credential{}, err
	}
	for _, c := range credentials {
		if c.Facts().Passkey == id {
			return c, nil
		}
	}
	return record.Credential{}, ErrPasskey
}

// Edit is what may be changed about a passkey in one call. Nil leaves it as it is.
type Edit struct {
	Name      *string
	Suspended *bool
}

// EditPasskey renames, suspends or restores a passkey. Suspending takes a session that a
// passkey opened, however long ago. Restoring takes a fresh proof,
// which another passkey gives: a suspended one has no session. Errors are *NameError,
// ErrPasskey, ErrStepUp, ErrLastPasskey, ErrConflict, session.ErrNone.
func (d *Directory) EditPasskey(ctx context.Context, c session.Current, id uuid.UUID, e Edit, by audit.Caller) (Passkey, error) {
	if e.Name != nil {
		name, err := PasskeyName(*e.Name)
		if err != nil {
			return Passkey{}, err
		}
		if name == "" {
			return Passkey{}, &NameError{Field: "name", Code: NameTooShort}
		}
		e.Name = &name
	}
	switch {
	case e.Suspended == nil:
	case *e.Suspended && len(c.Credential()) == 0:
		return Passkey{}, ErrStepUp // a mailed link is no authenticator
	case !*e.Suspended:
		if err := d.Fresh(c); err != nil {
			return Passkey{}, err
		}
	}
	// The name goes first: suspending the passkey that proved this session ends it.
	if e.Name != nil {
		if err := d.rename(ctx, c, id, e, by); err != nil {
			return Passkey{}, err
		}
	}
	if e.Suspended != nil {
		if err := d.setSuspended(ctx, c, id, *e.Suspended, by); err != nil {
			return Passkey{}, err
		}
	}
	return d.viewed(ctx, c, id)
}

// viewed reads a passkey back as it stands now.
func (d *Directory) viewed(ctx context.Context, c session.Current, id uuid.UUID) (Passkey, error) {
	a, ok, err := d.Get(ctx, c.Person().ID)
	if err != nil {
		return Passkey{}, err
	}
	if !ok {
		return Passkey{}, ErrPasskey
	}
	credential, err := d.passkey(ctx, a, id)
	if err != nil {
		return Passkey{}, err
	}
	return View(credential, c.Credential(), d.cfg.Now()), nil
}

// setSuspended moves the standing of a passkey. Its state moves with it, in the map
// and in the seal, so the sessions it proved end in the same commit and do not come
// back when it is restored.
func (d *Directory) setSuspended(ctx context.Context, c session.Current, id uuid.UUID, suspended bool, by audit.Caller) error {
	return d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		credential, err := d.passkey(ctx, a, id)
		if err != nil {
			return err
		}
		if credential.Suspended() == suspended {
			return nil
		}
		if suspended && d.others(a, credential.Key()) == 0 {
			return ErrLastPasskey
		}
		entry := audit.Entry{Name: audit.PasskeyRestored, Account: a.ID(), Session: c.View().ID, Passkey: id}
		if suspended {
			entry.Name, entry.Code = audit.PasskeySuspended, "by_person"
			facts.TicketEpoch++
		}
		owed, err := d.Notify(mail.Notice{Account: facts, About: entry.Name, Name: credential.Name(), By: by})
		if err != nil {
			return err
		}
		event := d.cfg.Audit.Event(entry.By(by), owed)
		return d.stand(ctx, a, facts, standing{op: op, way: credential.Key(), suspended: suspended}, event)
	})
}

// others counts the ways in, without the one named, that could sign the person in and
// prove them freshly: with only passkeys that never verified anybody, an account could
// be used and no longer looked after.
func (d *Directory) others(a record.Account, without []byte) int {
	n := 0
	for _, w := range a.Facts().Ways {
		if w.Verified && !w.Suspended && d.cfg.Now().UnixMilli() >= w.HeldUntil && !slices.Equal(w.Credential, without) {
			n++
		}
	}
	return n
}

// rename writes the name of an edit. A suspension that would be refused refuses it too:
// a call that fails changes nothing.
func (d *Directory) rename(ctx context.Context, c session.Current, id uuid.UUID, e Edit, by audit.Caller) error {
	return d.judged(ctx, c, func(a record.Account, _ record.AccountFacts, op store.OpID) error {
		credential, err := d.passkey(ctx, a, id)
		if err != nil {
			return err
		}
		if e.Suspended != nil && *e.Suspended && !credential.Suspended() && d.others(a, credential.Key()) == 0 {
			return ErrLastPasskey
		}
		if credential.Name() == *e.Name {
			return nil
		}
		sealed, err := d.cfg.Vault.SealName(credential, *e.Name)
		if err != nil {
			return fmt.Errorf("account: seal name: %w", err)
		}
		err = d.cfg.Store.RenameCredential(ctx, store.Renaming{
			Op: op, Account: a.Ref(), Credential: credential.Key(), Name: sealed,
			Event: d.cfg.Audit.Event(audit.Entry{
				Name: audit.PasskeyRenamed, Account: a.ID(), Session: c.View().ID, Passkey: id,
			}.By(by)),
		})
		if errors.Is(err, store.ErrNotFound) {
			return ErrPasskey
		}
		return err
	})
}

// RemovePasskey removes a passkey and ends the sessions it proved, this one included.
// It takes a fresh proof. Removing one that is gone is nil. Errors are ErrStepUp,
// ErrLastPasskey, ErrPasskey when it cannot be told whether it is gone, ErrConflict,
// session.ErrNone.
func (d *Directory) RemovePasskey(ctx context.Context, c session.Current, id uuid.UUID, by audit.Caller) error {
	if err := d.Fresh(c); err != nil {
		return err
	}
	return d.judged(ctx, c, func(a record.Account, facts record.AccountFacts, op store.OpID) error {
		credential, err := d.passkey(ctx, a, id)
		if errors.Is(err, ErrPasskey) {
			return d.allOpen(ctx, a)
		}
		if err != nil {
			return err
		}
		if d.others(a, credential.Key()) == 0 {
			return ErrLastPasskey
		}
		facts.Ways = slices.DeleteFunc(facts.Ways, func(w record.Way) bool { return slices.Equal(w.Credential, credential.Key()) })
		facts.TicketEpoch++
		owed, err := d.Notify(mail.Notice{Account: facts, About: audit.PasskeyRemoved, Name: credential.Name(), By: by})
		if err != nil {
			return err
		}
		next, err := d.cfg.Vault.SealAccount(facts, a.Version()+1)
		if err != nil {
			return fmt.Errorf("account: seal: %w", err)
		}
		return d.cfg.Store.RecordUnbinding(ctx, store.Unbinding{
			Op: op, Account: a.Ref(), Next: next, Credential: credential.Key(),
			Event: d.cfg.Audit.Event(audit.Entry{
				Name: audit.PasskeyRemoved, Account: a.ID(), Session: c.View().ID, Passkey: id,
			}.By(by), owed),
		})
	})
}

// allOpen gives ErrPasskey when one of the account's ways in does not open: it may be
// the very one that was asked for, so nobody may be told that it is gone.
func (d *Directory) allOpen(ctx context.Context, a record.Account) error {
	credentials, err := d.Credentials(ctx, a)
	if err == nil && len(credentials) < len(a.Facts().Ways) {
		err = ErrPasskey
	}
	return err
}

// Signal is what a page passes to the Signal API (WebAuthn §5.1.10), so that
// authenticators forget what the server no longer accepts and show current names.
type Signal struct {
	RPID        string
	UserHandle  []byte
	Accepted    [][]byte // IDs of the credentials that are accepted, or could be again
	Name        string
	DisplayName string
}

// Signal tells who is signed in what their authenticators should know. Suspended
// passkeys are listed: a browser that forgot them could not restore them.
func (d *Directory) Signal(ctx context.Context, c session.Current) (Signal, error) {
	credentials, err := d.Credentials(ctx, c.Account())
	if err != nil {
		return Signal{}, err
	}
	facts := c.Account().Facts()
	s := Signal{RPID: d.cfg.RPID, UserHandle: facts.UserHandle, Accepted: [][]byte{}}
	s.Name, s.DisplayName = Names(facts)
	for _, credential := range credentials {
		if f := credential.Facts(); f.RPID == d.cfg.RPID {
			s.Accepted = append(s.Accepted, f.ID)
		}
	}
	return s, nil
}

// Names are what an authenticator shows for an account (WebAuthn §5.4.3): something
// that tells it apart, and something to greet the person by.
func Names(f record.AccountFacts) (name, displayName string) {
	name = f.Username
	if name == "" && len(f.Emails) > 0 {
		name = f.Emails[0]
	}
	if name == "" {
		name = f.PendingEmail
	}
	displayName = f.DisplayName
	if displayName == "" {
		displayName = name
	}
	return name, displayName
}
