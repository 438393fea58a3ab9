package ceremony

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/webauthn"
)

// A mail is often read on another device than the one that asked. A link that is opened
// there shows a short code to type into the asking client, which alone can use it: it
// shows the request's secret with it.

const (
	// codeLife is how long a code can be typed.
	codeLife = 2 * time.Minute
	// codeTries is how many codes can be tried for a link.
	codeTries = 5
	// codeLength is how many characters a code has, of 5 bits each.
	codeLength = 6
	// codeAlphabet leaves out I, L, O and U, which are misread (Crockford's base 32).
	codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	// purposeCode is the purpose of a code's stored half.
	purposeCode = "email_code"
)

// EmailSeen is what a link is about, for whoever opened it to decide.
type EmailSeen struct {
	Email      string
	SameClient bool // this client asked for it
	Network    string
	Agent      string
	AskedAt    time.Time
	// Used: the link was used, or denied. It is good for nothing but to deny it.
	Used bool
}

// SeeEmail tells what a link is about. It writes nothing and uses nothing up.
func (rp *RelyingParty) SeeEmail(ctx context.Context, r Request, token, request string) (EmailSeen, error) {
	t, err := rp.openLink(ctx, r, token)
	if err != nil {
		return EmailSeen{}, err
	}
	seen := seenLink(t)
	seen.SameClient = rp.asked(t, request)
	_, seen.Used, err = rp.usedLink(ctx, r, t)
	return seen, err
}

func seenLink(t ticket.EmailLink) EmailSeen {
	return EmailSeen{Email: t.Address, Network: t.Network, Agent: t.Agent, AskedAt: t.Issued}
}

// EmailCode is a code to type into the client that asked, with what to warn of.
type EmailCode struct {
	Code      string
	ExpiresIn time.Duration
	EmailSeen
}

// EmailCode makes the code of a link that was opened elsewhere. It signs nobody in here.
// Asking again while it lives gives the same code for what is left of its life.
func (rp *RelyingParty) EmailCode(ctx context.Context, r Request, token string) (EmailCode, error) {
	t, err := rp.openLink(ctx, r, token)
	if err != nil {
		return EmailCode{}, err
	}
	_, used, err := rp.usedLink(ctx, r, t)
	switch {
	case err != nil:
		return EmailCode{}, err
	case used:
		return EmailCode{}, rp.failed(ctx, r, nameEmail, refuse(KindAuthentication, "", webauthn.CodeChallengeConsumed))
	}
	for range conflictTries {
		facts, _, ok, err := rp.liveCode(ctx, r, t.Request)
		if err != nil {
			return EmailCode{}, err
		}
		if ok {
			return EmailCode{
				Code: codeOf(rp.cfg.Vault.LinkCode(t.ID)), ExpiresIn: facts.Expires.Sub(rp.cfg.Now()), EmailSeen: seenLink(t),
			}, nil
		}
		if err := rp.putCode(ctx, r, token, t); err != nil && !errors.Is(err, store.ErrTaken) {
			return EmailCode{}, unavailable(err)
		}
	}
	return EmailCode{}, unavailable(errMoved)
}

// putCode stores what a code stands for.
func (rp *RelyingParty) putCode(ctx context.Context, r Request, token string, t ticket.EmailLink) error {
	raw, err := parseText(token)
	if err != nil {
		return fmt.Errorf("decode a link: %w", err)
	}
	now := rp.cfg.Now()
	facts := record.TicketFacts{
		ID: rp.codeID(t.Request, codeSlot(now)), Purpose: purposeCode, Account: t.Account,
		Created: now, Expires: now.Add(codeLife), Link: raw,
	}
	if facts.Expires.After(t.Expires) {
		facts.Expires = t.Expires
	}
	row, err := rp.cfg.Vault.SealTicketRow(facts)
	if err != nil {
		return fmt.Errorf("seal a code: %w", err)
	}
	entry := audit.Entry{Name: audit.LinkCodeMade, Account: t.Account}
	if err := rp.cfg.Store.PutTicket(ctx, row, rp.cfg.Audit.Event(entry.By(r.Caller))); err != nil {
		return fmt.Errorf("put a code: %w", err)
	}
	return nil
}

// codeSlot is the span of time that a code is made in. A code lives on into the next
// one, and a new one may be made once it has died: its row is another then, so nothing
// has to be taken away first.
func codeSlot(now time.Time) uint64 { return uint64(now.Unix() / int64(codeLife/time.Second)) }

// codeID is the ID of a code's stored half. Who has neither link nor request cannot name it.
func (rp *RelyingParty) codeID(request []byte, slot uint64) [16]byte {
	return [16]byte(rp.cfg.Vault.HashSecret("email-code", binary.BigEndian.AppendUint64(request[:len(request):len(request)], slot))[:16])
}

// liveCode finds the code of a request that can be typed now.
func (rp *RelyingParty) liveCode(ctx context.Context, r Request, request []byte) (facts record.TicketFacts, ref store.Ref, ok bool, err error) {
	now := rp.cfg.Now()
	for _, slot := range []uint64{codeSlot(now), codeSlot(now) - 1} {
		row, err := rp.cfg.Store.Ticket(ctx, rp.cfg.Vault.TicketKey(rp.codeID(request, slot)))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return facts, ref, false, unavailable(err)
		}
		facts, err := rp.cfg.Vault.OpenTicketRow(row)
		if _, tampered := rp.alarm(ctx, r, err); tampered {
			continue
		}
		if err != nil {
			return facts, ref, false, unavailable(err)
		}
		if facts.Purpose == purposeCode && now.Before(facts.Expires) {
			return facts, store.Ref{Key: row.Key, Version: row.Version}, true, nil
		}
	}
	return record.TicketFacts{}, store.Ref{}, false, nil
}

// openCode gives the link that a typed code stands for. A try is counted in the store
// before it is compared, and paid from the failure budget before it is counted: only the
// holder of the request's secret can get so far.
func (rp *RelyingParty) openCode(ctx context.Context, r Request, typed, request string) (ticket.EmailLink, *store.Ref, error) {
	fail := func(code string) (ticket.EmailLink, *store.Ref, error) {
		return ticket.EmailLink{}, nil, rp.failed(ctx, r, nameEmail, refuse(KindAuthentication, "", code))
	}
	hash, ok := rp.requestHash(request)
	if !ok {
		return fail("request_unknown")
	}
	facts, ref, ok, err := rp.liveCode(ctx, r, hash)
	if err != nil {
		return ticket.EmailLink{}, nil, err
	}
	if !ok {
		return fail("code_unknown")
	}
	if retry, ok := rp.cfg.Failures.Take(r.Caller.Network()); !ok {
		return ticket.EmailLink{}, nil, &Error{Kind: KindLimited, Code: "code_tries", RetryAfter: retry}
	}
	wait, err := rp.cfg.Store.Hit(ctx, store.Hits{At: rp.cfg.Now(), Hits: []store.Hit{{
		Key: rp.cfg.Vault.LimitKey("email-code", hash), Rates: []store.Rate{{Count: codeTries, Per: 2 * linkLife}},
	}}})
	if err != nil {
		return ticket.EmailLink{}, nil, unavailable(err)
	}
	if wait > 0 {
		return fail("code_tries")
	}
	t, err := ticket.OpenLink[ticket.EmailLink](rp.cfg.Tickets, facts.Link, rp.want(r))
	if err != nil {
		return fail(signInChallenge(err).Code)
	}
	// The row is the request's own, so the link is what this client asked for.
	right := codeOf(rp.cfg.Vault.LinkCode(t.ID))
	if subtle.ConstantTimeCompare([]byte(right), []byte(readCode(typed))) != 1 {
		return fail("code_wrong")
	}
	return t, &ref, nil
}

// codeOf writes the number behind a code, most significant digit first.
func codeOf(number uint32) string {
	var text [codeLength]byte
	for i := codeLength - 1; i >= 0; i-- {
		text[i] = codeAlphabet[number%32]
		number /= 32
	}
	return string(text[:])
}

// readCode reads a code as people type it: in either case, in groups, with letters that
// look like digits.
func readCode(typed string) string {
	if len(typed) > 4*codeLength {
		return ""
	}
	return strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
}
