package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// Counts says what a source holds and what comes, or came, of it.
type Counts struct {
	Accounts, Passkeys int // in the source
	New                int // accounts that are not here: an import writes them
	There              int // accounts that are here already and say the same
	Conflicts          int // accounts that are in the way of something here
	Refused            int // accounts, and passkeys of others, that cannot be brought here
	Support, Admins    int // accounts with these roles, in the source
	Disabled           int // accounts that may not be used
	// Nameless counts accounts without a username: their people sign in with a passkey that
	// says who they are, or by a proved address.
	Nameless int
	// Many counts accounts with more passkeys than the deployment lets one make. They come
	// whole; their people can make no further one.
	Many int
}

// Options say how to import.
type Options struct {
	// WithRoles keeps roles. Without it everybody becomes a member: whoever made the
	// export does not say who rules here.
	WithRoles bool
	// Limit is how many passkeys the deployment lets an account have.
	Limit int
}

// Importer imports from one source.
type Importer struct {
	cfg     Config
	options Options
	codec   codec
}

// NewImporter makes an Importer.
func NewImporter(cfg Config, options Options) (*Importer, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	return &Importer{cfg: cfg, options: options, codec: codec}, nil
}

// Plan is a source that was read to its end, and what an import would do with it.
type Plan struct {
	Counts
	importer *Importer
	source   Source
}

// parallel is how many accounts are judged or written at once.
const parallel = 16

// Judge reads the whole source, writes nothing, and says what an import would do. The
// error is that of the source, which is then not to be believed, or the store's.
func (im *Importer) Judge(ctx context.Context, from Source) (Plan, error) {
	counts, err := im.walk(ctx, from, pass{write: func(context.Context, arrival) (Why, error) { return "", nil }})
	return Plan{counts, im, from}, err
}

// Import does what was planned. Interrupted, it can be begun again: what is there by
// then is found to be there. Everything of before, tickets and refresh tokens, is dead
// when it ends, for who opens the store after it: a store that has taken accounts in has
// forgotten what of theirs was spent elsewhere.
func (p Plan) Import(ctx context.Context) (Counts, error) {
	im := p.importer
	counts, err := im.walk(ctx, p.source, pass{write: im.write, again: true})
	if err != nil {
		return counts, err
	}
	if err := im.cfg.Vault.NewEpoch(ctx); err != nil {
		return counts, fmt.Errorf("transfer: %w", err)
	}
	entry := audit.Entry{Name: audit.StoreImported, Counts: map[string]uint64{
		"accounts": uint64(counts.Accounts), "new": uint64(counts.New), "there": uint64(counts.There),
		"conflicts": uint64(counts.Conflicts), "refused": uint64(counts.Refused),
	}}
	if err := im.cfg.Store.Append(ctx, im.cfg.Audit.Event(entry)); err != nil {
		return counts, fmt.Errorf("transfer: write the event: %w", err)
	}
	return counts, nil
}

// arrival is an account as it would stand here.
type arrival struct {
	moving      record.Moving
	row         store.Row
	credentials []store.Credential
	identifiers []store.Identifier
}

// tally counts while several are judged at once.
type tally struct {
	mu     sync.Mutex
	counts Counts
}

// outcome is what came of an account.
type outcome struct {
	there bool
	why   Why   // why it does not come; empty: it does, or is there
	cause error // for the log; nil: there is none
	late  bool  // only writing it found out why
}

// pass is one reading of a source.
type pass struct {
	write func(context.Context, arrival) (Why, error)
	again bool // what does not come has been told of before, but for what is late
}

// walk judges every account of a source and has those that are new written.
func (im *Importer) walk(ctx context.Context, from Source, p pass) (Counts, error) {
	var t tally
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	err := from.Each(within, func(m record.Moving) error {
		t.mu.Lock()
		t.source(m, im.options.Limit)
		im.cfg.progress(t.counts.Accounts)
		t.mu.Unlock()
		group.Go(func() error {
			came, err := im.one(within, m, p.write)
			if err != nil {
				return err
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			t.came(came)
			if came.why != "" && (came.late || !p.again) {
				im.cfg.leftOut(LeftOut{Account: m.Account.ID, Username: m.Account.Username, Why: came.why, Err: came.cause})
			}
			return nil
		})
		return within.Err()
	}, func(l LeftOut) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.counts.Refused++
		if !p.again {
			im.cfg.leftOut(l)
		}
	})
	// The first to fail has ended the others: its error is the one that tells.
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	return t.counts, err
}

// source counts what is in the source.
func (t *tally) source(m record.Moving, limit int) {
	c := &t.counts
	c.Accounts++
	c.Passkeys += len(m.Passkeys)
	switch m.Account.Role {
	case record.RoleSupport:
		c.Support++
	case record.RoleAdmin:
		c.Admins++
	}
	if m.Account.State == record.StateDisabled {
		c.Disabled++
	}
	if m.Account.Username == "" {
		c.Nameless++
	}
	if len(m.Passkeys) > limit {
		c.Many++
	}
}

// came counts what came of an account.
func (t *tally) came(o outcome) {
	switch {
	case o.there:
		t.counts.There++
	case o.why.conflict():
		t.counts.Conflicts++
	case o.why != "":
		t.counts.Refused++
	default:
		t.counts.New++
	}
}

// one judges an account and has it written if it is new. When somebody was quicker, it
// is judged again.
func (im *Importer) one(ctx context.Context, m record.Moving, write func(context.Context, arrival) (Why, error)) (o outcome, err error) {
	a, why, cause, err := im.arrive(m)
	if why != "" || err != nil {
		return outcome{why: why, cause: cause}, err
	}
	for range unsteadyTries {
		late := o.why != ""
		there, why, err := im.judge(ctx, a)
		if there || why != "" || err != nil {
			return outcome{there: there, why: why, late: late}, err
		}
		if why, err = write(ctx, a); why == "" || err != nil {
			return outcome{}, err
		}
		o = outcome{why: why, late: true}
	}
	return o, nil
}

// arrive makes the rows that an account would have here. why and cause say what is the
// matter with one that cannot come.
func (im *Importer) arrive(m record.Moving) (a arrival, why Why, cause, err error) {
	if !im.options.WithRoles {
		m.Account.Role = record.RoleMember
	}
	for _, p := range m.Passkeys {
		if p.Facts.RPID != im.cfg.RPID {
			return a, WhyRPID, nil, nil
		}
	}
	if err := named(m.Account); err != nil {
		return a, WhyInvalid, err, nil
	}
	a.moving = m
	var invalid *record.Invalid
	a.row, a.credentials, err = im.cfg.Vault.Arrive(m)
	for _, n := range names(m.Account) {
		if err != nil {
			break
		}
		var i store.Identifier
		i, err = im.cfg.Vault.SealIdentifier(n.kind, n.canonical, m.Account.ID)
		a.identifiers = append(a.identifiers, i)
	}
	if errors.As(err, &invalid) {
		return a, WhyInvalid, err, nil
	}
	return a, "", nil, err
}

// named looks whether the names of an account are such as people can have here.
func named(f record.AccountFacts) error {
	if f.Username != "" {
		if own, err := account.Username(f.Username); err != nil || own != f.Username {
			return errors.Join(errors.New("transfer: its username is not one that can be had here"), err)
		}
	}
	for _, address := range f.Emails {
		if _, err := account.Email(address); err != nil {
			return err
		}
	}
	return nil
}

// judge looks what is here already.
func (im *Importer) judge(ctx context.Context, a arrival) (there bool, why Why, err error) {
	row, err := im.cfg.Store.Account(ctx, a.row.Key)
	switch {
	case err == nil:
		if there, err = im.same(ctx, row, a.moving); err == nil && !there {
			why = TakenAccount
		}
		return there, why, err
	case !errors.Is(err, store.ErrNotFound):
		return false, "", fmt.Errorf("transfer: read an account: %w", err)
	}
	for _, i := range a.identifiers {
		_, err := im.cfg.Store.Identifier(ctx, i.Key)
		if err == nil {
			return false, TakenName, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return false, "", fmt.Errorf("transfer: read a name: %w", err)
		}
	}
	var keys [][]byte
	for _, c := range a.credentials {
		keys = append(keys, c.Key)
	}
	if len(keys) == 0 {
		return false, "", nil
	}
	held, err := im.cfg.Store.Credentials(ctx, keys)
	if err != nil {
		return false, "", fmt.Errorf("transfer: read the passkeys: %w", err)
	}
	if len(held) > 0 {
		why = TakenPasskey
	}
	return false, why, nil
}

// same tells whether the account that is here says what the one that comes says, but for
// what moves with use. One that does not open is not the same.
func (im *Importer) same(ctx context.Context, row store.Row, m record.Moving) (bool, error) {
	a, err := im.cfg.Vault.OpenAccount(row)
	if err != nil {
		im.cfg.Audit.Alarm(ctx, audit.Caller{}, code(err), err)
		return false, nil
	}
	held, wrong, err := passkeys(ctx, im.cfg, a)
	if err != nil || len(wrong) > 0 {
		return false, err
	}
	stands := record.Leave(a, held)
	if !im.options.WithRoles {
		stands.Account.Role = m.Account.Role // given here, and not the source's to say
	}
	here, err := im.codec.enc.Marshal(still(stands))
	if err != nil {
		return false, fmt.Errorf("transfer: encode: %w", err)
	}
	comes, err := im.codec.enc.Marshal(still(m))
	if err != nil {
		return false, fmt.Errorf("transfer: encode: %w", err)
	}
	return string(here) == string(comes), nil
}

// still is what does not move with use.
func still(m record.Moving) record.Moving {
	m.Account.TicketEpoch, m.Account.SessionEpoch, m.Account.HeldUntil = 0, 0, 0
	list := m.Passkeys
	m.Passkeys = nil
	for _, p := range list {
		p.Way.State, p.Way.HeldUntil = 0, 0
		m.Passkeys = append(m.Passkeys, record.MovingPasskey{Way: p.Way, Facts: p.Facts, Name: p.Name})
	}
	return m
}

// write opens the account here. why is not empty when somebody was quicker.
func (im *Importer) write(ctx context.Context, a arrival) (why Why, err error) {
	var op store.OpID
	if _, err := io.ReadFull(rand.Reader, op[:]); err != nil {
		return "", fmt.Errorf("transfer: randomness: %w", err)
	}
	verb := store.SignUp{
		Op: op, Account: a.row, Identifiers: a.identifiers, More: a.credentials,
		Event: im.cfg.Audit.Event(audit.Entry{Name: audit.AccountImported, Account: a.moving.Account.ID}),
	}
	if f := a.moving.Account; f.Role == record.RoleAdmin && f.State == record.StateActive {
		// With an administrator here, nobody needs the link that makes the first.
		marker, waits, err := im.cfg.Vault.AwaitingAdministrator(ctx)
		if err != nil {
			return "", fmt.Errorf("transfer: %w", err)
		}
		if waits {
			verb.Marker = &marker
		}
	}
	err = im.cfg.Store.RecordSignUp(ctx, verb)
	var taken *store.TakenError
	switch {
	case errors.As(err, &taken) && taken.Table == store.TableIdentifiers:
		return TakenName, nil
	case errors.As(err, &taken) && taken.Table == store.TableCredentials:
		return TakenPasskey, nil
	case errors.Is(err, store.ErrTaken), errors.Is(err, store.ErrSpent):
		return TakenAccount, nil
	case err != nil:
		return "", fmt.Errorf("transfer: write an account: %w", err)
	}
	return "", nil
}
