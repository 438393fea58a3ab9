package keyturn

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn"
)

// How many accounts are written at the same time: enough for large groups where a store
// commits in groups, and few where each has a commit of its own.
const (
	populatedInGroups = 128
	populatedAlone    = 8
)

// Newcomer is somebody who gets an account and a passkey without a ceremony. The passkey
// is a synced one of ES256 that has verified its user and does not count; nothing of it
// is checked.
type Newcomer struct {
	Username          string
	UserHandle        []byte // 1 to 64 bytes, as the authenticator knows it
	CredentialID      []byte
	PublicKey         []byte // COSE key
	AttestationObject []byte
}

// Populate opens count accounts, each as if its person had just signed up: the same
// records, with a session and an event. It is there to measure a store that holds many.
// who is called with 0 to count-1, in no order and from several goroutines. Servers may be
// running. On an error some of the accounts are there.
func (o Operator) Populate(ctx context.Context, count int, who func(n int) (Newcomer, error)) error {
	s := o.server
	sessions := session.New(session.Config{
		Store: s.store, Vault: s.vault, Audit: s.audit,
		Profile: session.ProfileOf(s.settings.SessionProfile), Now: s.now, Rand: rand.Reader,
	})
	writers := populatedInGroups
	if s.settings.Backend() == backendDynamo {
		writers = populatedAlone
	}
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(count, writers) {
		group.Go(func() error {
			for n := int(next.Add(1)) - 1; n < count && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				newcomer, err := who(n)
				if err != nil {
					return err
				}
				verb, err := s.arrival(newcomer, sessions)
				if err == nil {
					err = s.store.RecordSignUp(ctx, verb)
				}
				if err != nil {
					return fmt.Errorf("keyturn: populate: %w", err)
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// populatedState is the State of a passkey that was never suspended.
const populatedState = 1

// arrival is the verb that a sign-up would have ended with.
func (s *Server) arrival(who Newcomer, sessions *session.Keeper) (verb store.SignUp, err error) {
	if _, err := io.ReadFull(rand.Reader, verb.Op[:]); err != nil {
		return verb, fmt.Errorf("draw an operation: %w", err)
	}
	facts, err := account.Blank(rand.Reader, s.now())
	if err != nil {
		return verb, err
	}
	facts.Username, facts.UserHandle = who.Username, who.UserHandle
	passkey, credential, err := s.newcomerPasskey(who, &facts)
	if err != nil {
		return verb, err
	}
	level := assurance.OfRegistration(&webauthn.Registration{UserVerified: true, BackupEligible: true, BackupState: true})
	started, err := sessions.Start(session.Draft{
		Account: facts, Mode: session.Mode(s.settings.SessionModes[0]), Door: door,
		Credential: credential.Key, State: populatedState, AAL: level.AAL, ACR: level.ACR, AMR: level.AMR,
	})
	if err != nil {
		return verb, err
	}
	kind, canonical := account.Canonical(who.Username)
	name, err := s.vault.SealIdentifier(kind, canonical, facts.ID)
	if err != nil {
		return verb, err
	}
	verb.Identifiers, verb.Credential, verb.Session = []store.Identifier{name}, &credential, &started.Row
	verb.Event = s.audit.Event(audit.Entry{
		Name: audit.AccountSignedUp, Account: facts.ID, Session: uuid.UUID(started.Row.Key), Passkey: passkey,
		AAL: level.AAL, Reasons: level.Reasons, Door: door,
	})
	verb.Account, err = s.vault.SealAccount(facts, 1)
	return verb, err
}

// newcomerPasskey makes the row of a newcomer's passkey, and names it in the account.
func (s *Server) newcomerPasskey(who Newcomer, facts *record.AccountFacts) (id uuid.UUID, row store.Credential, err error) {
	if id, err = uuid.NewV7(); err != nil {
		return id, row, fmt.Errorf("draw a passkey: %w", err)
	}
	facts.Ways = []record.Way{{
		Credential: s.vault.LookupCredential(s.settings.RPID, who.CredentialID),
		Kind:       record.WayPasskey, State: populatedState, Verified: true,
	}}
	row, err = s.vault.SealCredential(record.NewCredential{
		Facts: record.CredentialFacts{
			Passkey: id, ID: who.CredentialID, RPID: s.settings.RPID, PublicKey: who.PublicKey,
			Algorithm: webauthn.ES256, Transports: []string{"hybrid", "internal"}, Attachment: "platform",
			BackupEligible: true, Format: "none", Trust: "none", AttestationObject: who.AttestationObject, Created: s.now(),
		},
		Use:   record.UseFacts{Edition: 1, BackupState: true, UVInitialized: true},
		State: populatedState, Name: "Synced passkey", Account: *facts,
	})
	return id, row, err
}
