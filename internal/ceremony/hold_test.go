package ceremony_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// told are the mails of now, which must all be notices of this, to both addresses, by
// address.
func (l *loser) told(t *testing.T, about audit.Name) map[string]mail.Letter {
	t.Helper()
	letters := map[string]mail.Letter{}
	for _, letter := range l.Letters(t) {
		if letter.About != string(about) {
			t.Fatalf("told %+v, want %s", letter, about)
		}
		letters[letter.To] = letter
	}
	if len(letters) != 2 {
		t.Fatalf("told %v", letters)
	}
	return letters
}

// TestOlderPasskeyCancelsTheHold: whoever still has an older passkey needs no recovery, so
// signing in with it suspends what the recovery made, for good, and tells of it. The
// sign-in itself lives on.
func TestOlderPasskeyCancelsTheHold(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	stolen, done := l.recovered(t, l.codes[0])
	l.Letters(t)
	in := signedIn(t, l.World, l.key, ceremonytest.Request())
	list := passkeys(t, l.World, in) // the session lives
	if len(list) != 2 || list[0].Suspended || !list[1].Suspended || list[1].ID != done.Passkey.ID || !list[1].HeldUntil.IsZero() {
		t.Fatalf("passkeys %+v", list)
	}
	if e, n := last(t, l.World, audit.HoldCancelled); n != 1 || e.Passkey != done.Passkey.ID {
		t.Fatalf("%d events %+v", n, e)
	}
	if letters := l.told(t, audit.HoldCancelled); letters["a@example.org"].Subject != done.Passkey.Name {
		t.Fatalf("told %+v", letters)
	}
	if f := l.facts(t); f.HeldUntil != 0 {
		t.Fatalf("held still: %+v", f)
	}
	l.Clock.Advance(25 * time.Hour)
	l.cannot(t, stolen, "cancelled")
	signedIn(t, l.World, l.key, ceremonytest.Request())
	if _, n := last(t, l.World, audit.HoldCancelled); n != 1 || len(l.Letters(t)) != 0 {
		t.Fatal("cancelled again")
	}
}

// TestStepUpCancelsTheHold: so does a step-up, in a session that began after it.
func TestStepUpCancelsTheHold(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	_, done := l.recovered(t, l.codes[0])
	in := signedIn(t, l.World, l.key, ceremonytest.Request())
	suspend(t, l.World, in, done.Passkey, false)
	change(t, l.World, l.proof, func(f *record.AccountFacts) { // held once more
		f.Ways[1].HeldUntil = l.Clock.Now().Add(time.Hour).UnixMilli()
		f.HeldUntil = f.Ways[1].HeldUntil
	})
	options, err := l.RP.BeginStepUp(t.Context(), ceremonytest.Request(), now(t, l.World, in), ceremony.StepUp{})
	must(t, err)
	answer, err := l.key.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	if _, err := l.RP.FinishStepUp(t.Context(), ceremonytest.Request(), now(t, l.World, in), ceremony.Finish{Credential: answer}); err != nil {
		t.Fatal(err)
	}
	if f := l.facts(t); !f.Ways[1].Suspended || f.HeldUntil != 0 {
		t.Fatalf("became %+v", f)
	}
}

// TestCancellingEndsTheCodes: who had one code has the sheet. When what it began is cancelled
// by who owns the account, the others are good for nothing, and the person is told so.
func TestCancellingEndsTheCodes(t *testing.T) {
	link := func(t *testing.T, l *loser, about audit.Name) string {
		t.Helper()
		for _, letter := range l.Letters(t) {
			if letter.About == string(about) && letter.To == "a@example.org" {
				return ceremonytest.Token(t, letter)
			}
		}
		t.Fatalf("no notice of %s", about)
		return ""
	}
	undo := func(about audit.Name) func(t *testing.T, l *loser) {
		return func(t *testing.T, l *loser) { must(t, l.Accounts.Undo(t.Context(), link(t, l, about), from(1).Caller)) }
	}
	signIn := func(t *testing.T, l *loser) {
		l.Letters(t)
		signedIn(t, l.World, l.key, ceremonytest.Request())
	}
	renew := func(t *testing.T, l *loser) {
		in := l.proof
		change(t, l.World, in, func(f *record.AccountFacts) { f.SessionEpoch-- }) // its person is signed in still
		l.Clock.Advance(time.Millisecond)
		var err error
		l.codes, err = l.Accounts.NewRecoveryCodes(t.Context(), now(t, l.World, in), ceremonytest.Request().Caller)
		must(t, err)
	}
	for name, c := range map[string]struct {
		bound  bool // a passkey came of it
		before func(t *testing.T, l *loser)
		cancel func(t *testing.T, l *loser)
		stay   bool
	}{
		"an older passkey":                     {bound: true, cancel: signIn},
		"an older passkey, before a new one":   {cancel: signIn},
		"said of the recovery":                 {cancel: undo(audit.RecoveryUsed)},
		"said of the recovery, with a passkey": {bound: true, cancel: undo(audit.RecoveryUsed)},
		"said of its passkey":                  {bound: true, cancel: undo(audit.PasskeyAdded)},
		"newer codes, an older passkey":        {bound: true, before: renew, cancel: signIn, stay: true},
		"newer codes, said of the recovery":    {before: renew, cancel: undo(audit.RecoveryUsed), stay: true},
		"newer codes, said of its passkey":     {bound: true, before: renew, cancel: undo(audit.PasskeyAdded), stay: true},
		"the hold was over": {bound: true, before: func(_ *testing.T, l *loser) {
			l.Clock.Advance(24 * time.Hour)
		}, cancel: signIn, stay: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoser(t, ceremonytest.Policy())
			ticket := l.recovers(t, l.codes[0]).Ticket
			if c.bound {
				_, err := l.made(t, l.making(t, ticket, phone()))
				must(t, err)
			}
			if c.before != nil {
				c.before(t, l)
			}
			c.cancel(t, l)
			if f := l.facts(t); (len(f.RecoveryCodes) > 0) != c.stay || f.CodesMade.IsZero() == c.stay {
				t.Fatalf("%d codes are left, made %v", len(f.RecoveryCodes), f.CodesMade)
			}
			for _, letter := range l.Letters(t) {
				if letter.CodesEnded == c.stay {
					t.Errorf("told %+v", letter)
				}
			}
			if e, n := last(t, l.World, audit.HoldCancelled); n > 0 && (e.Code == audit.CodeCodesEnded) == c.stay {
				t.Errorf("event %+v", e)
			}
			_, err := l.RP.Recover(t.Context(), from(2), "ana", l.codes[1])
			if (err == nil) != c.stay {
				t.Fatalf("another code: %v", err)
			}
		})
	}
}

// TestCodesOutliveOtherHolds: a passkey that no code made, but a mailed link, is suspended
// without them.
func TestCodesOutliveOtherHolds(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	boundTo(t, l.World, l.proof, phone())
	change(t, l.World, l.proof, func(f *record.AccountFacts) {
		f.Ways[1].HeldUntil = l.Clock.Now().Add(time.Hour).UnixMilli()
		f.HeldUntil = f.Ways[1].HeldUntil
	})
	l.Letters(t)
	signedIn(t, l.World, l.key, ceremonytest.Request())
	if f := l.facts(t); !f.Ways[1].Suspended || len(f.RecoveryCodes) != 10 {
		t.Fatalf("became %+v", f)
	}
	for _, letter := range l.told(t, audit.HoldCancelled) {
		if letter.CodesEnded {
			t.Fatalf("told %+v", letter)
		}
	}
}

// TestEveryHoldIsCancelled: two recoveries within a day are cancelled together.
func TestEveryHoldIsCancelled(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	l.recovered(t, l.codes[0])
	l.Clock.Advance(time.Hour)
	l.recovered(t, l.codes[1])
	signedIn(t, l.World, l.key, ceremonytest.Request())
	f := l.facts(t)
	if len(f.Ways) != 3 || f.Ways[0].Suspended || !f.Ways[1].Suspended || !f.Ways[2].Suspended || f.HeldUntil != 0 {
		t.Fatalf("became %+v", f)
	}
	if _, n := last(t, l.World, audit.HoldCancelled); n != 2 {
		t.Fatalf("%d events", n)
	}
}

// TestWhoseHoldIsOver: a passkey whose hold is over is one like any other: it cancels a
// later recovery, and signing in with it suspends nothing that waits no more.
func TestWhoseHoldIsOver(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	a, _ := l.recovered(t, l.codes[0])
	l.Clock.Advance(24 * time.Hour)
	in := signedIn(t, l.World, a, ceremonytest.Request())
	if _, n := last(t, l.World, audit.HoldCancelled); n != 0 || len(passkeys(t, l.World, in)) != 2 {
		t.Fatal("its own hold was cancelled")
	}
	later, _ := l.recovered(t, l.codes[1])
	signedIn(t, l.World, a, ceremonytest.Request())
	signedIn(t, l.World, l.key, ceremonytest.Request())
	l.Clock.Advance(25 * time.Hour)
	l.cannot(t, later, "cancelled")
	signedIn(t, l.World, a, ceremonytest.Request())
}

// TestHeldPasskeysAreNoWayIn: a held passkey is listed to nobody who signs in, steps
// nobody up, keeps no other passkey from being the last one, and is told to its person
// with its hour.
func TestHeldPasskeysAreNoWayIn(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	in := signedIn(t, l.World, l.key, ceremonytest.Request())
	extra := phone()
	passkey := boundTo(t, l.World, in, extra)
	until := l.Clock.Now().Add(time.Hour)
	change(t, l.World, l.proof, func(f *record.AccountFacts) { f.Ways[1].HeldUntil = until.UnixMilli() })

	options, err := l.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: "ana"})
	must(t, err)
	if len(options.AllowCredentials) != 1 || string(options.AllowCredentials[0].ID) != string(l.key.Credentials()[0].ID) {
		t.Fatalf("listed %+v", options.AllowCredentials)
	}
	step, err := l.RP.BeginStepUp(t.Context(), ceremonytest.Request(), now(t, l.World, in), ceremony.StepUp{})
	must(t, err)
	if len(step.AllowCredentials) != 1 {
		t.Fatalf("listed %+v", step.AllowCredentials)
	}
	answer, err := extra.Get(ceremonytest.JSON(t, step), ceremonytest.Page(), webauthntest.UseCredential(extra.Credentials()[0].ID))
	must(t, err)
	if _, err := raised(t, l.World, in, answer); codeOf(t, err) != webauthn.CodeCredentialNotAllowed {
		t.Fatalf("stepped up: %v", err)
	}
	first := passkeys(t, l.World, in)[0]
	caller := ceremonytest.Request().Caller
	if err := l.Accounts.RemovePasskey(t.Context(), now(t, l.World, in), first.ID, caller); !errors.Is(err, account.ErrLastPasskey) {
		t.Fatalf("removed the only way in that may be used: %v", err)
	}
	if _, err := l.Accounts.EditPasskey(t.Context(), now(t, l.World, in), first.ID, account.Edit{Suspended: new(true)}, caller); !errors.Is(err, account.ErrLastPasskey) {
		t.Fatalf("suspended the only way in that may be used: %v", err)
	}
	if list := passkeys(t, l.World, in); !list[1].HeldUntil.Equal(until) || list[1].ID != passkey.ID || !list[0].HeldUntil.IsZero() {
		t.Fatalf("passkeys %+v", list)
	}
}

// TestHeldPasskeysHaveNoSession: a session whose passkey is held is over, and its refresh
// token worth nothing.
func TestHeldPasskeysHaveNoSession(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	in := signedIn(t, l.World, l.key, ceremonytest.Request())
	refresh, err := l.Sessions.Refresh(in.Session())
	must(t, err)
	change(t, l.World, l.proof, func(f *record.AccountFacts) {
		f.Ways[0].HeldUntil = l.Clock.Now().Add(time.Hour).UnixMilli()
	})
	if !signedOut(t, l.World, in) {
		t.Fatal("signed in by a held passkey")
	}
	_, _, err = l.Sessions.Rotate(t.Context(), session.Rotation{
		Door: ceremonytest.Door, Token: refresh, Accept: func(session.View) error { return nil },
	})
	if !errors.Is(err, session.ErrNone) {
		t.Fatalf("refreshed: %v", err)
	}
}

// TestUndoOfARecovery: "this was not me", said of a recovery, kills its ticket while nothing
// was made of it, and suspends the passkey that was; what it did not make stays.
func TestUndoOfARecovery(t *testing.T) {
	never := ceremonytest.Policy()
	never.Hold = 0
	for name, policy := range map[string]account.Policy{"held": ceremonytest.Policy(), "not held": never} {
		t.Run(name+", before a passkey", func(t *testing.T) {
			l := newLoser(t, policy)
			ticket := l.recovers(t, l.codes[0]).Ticket
			answer := l.making(t, ticket, phone())
			link := ceremonytest.Token(t, l.told(t, audit.RecoveryUsed)["a@example.org"])
			about, err := l.Accounts.SeeNotice(t.Context(), link)
			if err != nil || about.Name != audit.RecoveryUsed || about.Subject != "" {
				t.Fatalf("about %+v, %v", about, err)
			}
			must(t, l.Accounts.Undo(t.Context(), link, ceremonytest.Request().Caller))
			_, err = l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), ticket)
			refused(t, err, ceremony.KindExpired, "", recoveryUnusable)
			_, err = l.made(t, answer)
			refused(t, err, ceremony.KindExpired, "", recoveryUnusable)
			if f := l.facts(t); f.HeldUntil != 0 || len(f.RecoveryCodes) != 0 || len(f.Ways) != 1 || f.Ways[0].Suspended {
				t.Fatalf("became %+v", f)
			}
		})
		t.Run(name+", after a passkey", func(t *testing.T) {
			l := newLoser(t, policy)
			a, done := l.recovered(t, l.codes[0])
			var link string
			for _, letter := range l.Letters(t) {
				if letter.About == string(audit.RecoveryUsed) {
					link = ceremonytest.Token(t, letter)
				}
			}
			l.Clock.Advance(25 * time.Hour)
			theirs := signedIn(t, l.World, a, ceremonytest.Request())
			more := boundTo(t, l.World, theirs, phone())
			must(t, l.Accounts.Undo(t.Context(), link, ceremonytest.Request().Caller))
			if !signedOut(t, l.World, theirs) {
				t.Fatal("a session lived through it")
			}
			l.cannot(t, a, "undone")
			list := passkeys(t, l.World, signedIn(t, l.World, l.key, ceremonytest.Request()))
			for _, p := range list {
				if p.Suspended != (p.ID == done.Passkey.ID) {
					t.Errorf("passkey %+v; %s is another notice's", p, more.ID)
				}
			}
		})
	}
}

// TestUndoOfOneRecoveryOfTwo: the other one's passkey waits on, and an older passkey still
// cancels it.
func TestUndoOfOneRecoveryOfTwo(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	l.recovered(t, l.codes[0])
	link := ""
	for _, letter := range l.Letters(t) {
		if letter.About == string(audit.RecoveryUsed) {
			link = ceremonytest.Token(t, letter)
		}
	}
	l.Clock.Advance(time.Hour)
	_, later := l.recovered(t, l.codes[1])
	must(t, l.Accounts.Undo(t.Context(), link, ceremonytest.Request().Caller))
	f := l.facts(t)
	if !f.Ways[1].Suspended || f.Ways[2].Suspended || f.HeldUntil != later.HoldUntil.UnixMilli() {
		t.Fatalf("became %+v", f)
	}
	signedIn(t, l.World, l.key, ceremonytest.Request())
	if f := l.facts(t); !f.Ways[2].Suspended {
		t.Fatalf("became %+v", f)
	}
}

// TestSignInsThatAreTold: a sign-in by cookie from a browser in which the account never
// signed in is told of; from one that it knows, by token, or where the operator wants
// none, it is not.
func TestSignInsThatAreTold(t *testing.T) {
	silent := ceremonytest.Policy()
	silent.NewBrowser = false
	for name, c := range map[string]struct {
		policy account.Policy
		r      ceremony.Request
		known  bool
		told   bool
	}{
		"a new browser":      {policy: ceremonytest.Policy(), r: ceremonytest.CookieRequest(), told: true},
		"a browser we know":  {policy: ceremonytest.Policy(), r: ceremonytest.CookieRequest(), known: true},
		"an app":             {policy: ceremonytest.Policy(), r: ceremonytest.Request()},
		"an operator's wish": {policy: silent, r: ceremonytest.CookieRequest()},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoser(t, c.policy)
			if c.known {
				c.r.Known = l.Sessions.Recognize("", l.proof.Session().Account())
			}
			signedIn(t, l.World, l.key, c.r)
			if !c.told {
				if letters := l.Letters(t); len(letters) != 0 {
					t.Fatalf("told %+v", letters)
				}
				return
			}
			for _, letter := range l.told(t, audit.BrowserRemarked) {
				if letter.Link != "" || letter.Agent != "test" || letter.Network != "192.0.2.1/32" {
					t.Fatalf("told %+v", letter)
				}
			}
		})
	}
	l := newLoser(t, ceremonytest.Policy())
	in := signedIn(t, l.World, l.key, ceremonytest.CookieRequest())
	l.Letters(t)
	r := ceremonytest.CookieRequest()
	options, err := l.RP.BeginStepUp(t.Context(), r, in.Session(), ceremony.StepUp{})
	must(t, err)
	answer, err := l.key.Get(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	if _, err := l.RP.FinishStepUp(t.Context(), r, in.Session(), ceremony.Finish{Credential: answer}); err != nil {
		t.Fatal(err)
	}
	if letters := l.Letters(t); len(letters) != 0 {
		t.Fatalf("a step-up was told of: %+v", letters)
	}
}

// TestCeremoniesThatAreTold: a passkey that was added, by its person or by an enrolment
// link, and one whose counter went back, once and again.
func TestCeremoniesThatAreTold(t *testing.T) {
	t.Run("bound", func(t *testing.T) {
		l := newLoser(t, ceremonytest.Policy())
		passkey := boundTo(t, l.World, l.proof, phone())
		if letter := l.told(t, audit.PasskeyAdded)["b@example.org"]; letter.Subject != passkey.Name || letter.Link == "" {
			t.Fatalf("told %+v", letter)
		}
	})
	t.Run("enrolled", func(t *testing.T) {
		l := newLoser(t, ceremonytest.Policy())
		a := phone()
		_, err := enrolled(t, l.World, enrolling(t, l.World, a, another(t, l.World, "ana")))
		must(t, err)
		link := ceremonytest.Token(t, l.told(t, audit.PasskeyAdded)["b@example.org"])
		must(t, l.Accounts.Undo(t.Context(), link, ceremonytest.Request().Caller))
		l.cannot(t, a, "undone")
		signedIn(t, l.World, l.key, ceremonytest.Request())
	})
	t.Run("regressed", func(t *testing.T) {
		l := newLoser(t, ceremonytest.Policy())
		key := webauthntest.New(webauthntest.SecurityKey())
		boundTo(t, l.World, l.proof, key)
		l.Letters(t)
		_, err := l.Finish(t, l.Assert(t, key, "ana"))
		must(t, err)
		for _, about := range []audit.Name{audit.PasskeyRegressed, audit.PasskeySuspended} {
			_, err := l.Finish(t, l.Assert(t, key, "ana", webauthntest.SetSignCount(1)))
			if codeOf(t, err) != webauthn.CodeSignCountRegressed {
				t.Fatal(err)
			}
			if letter := l.told(t, about)["a@example.org"]; letter.Link != "" || letter.Subject == "" {
				t.Fatalf("told %+v", letter)
			}
			l.Clock.Advance(time.Hour)
		}
	})
}

// brittle is a store in which a verb fails, while it is so.
type brittle struct {
	account.Store
	standing, signIn atomic.Bool
}

func (s *brittle) RecordStanding(ctx context.Context, v store.Standing) error {
	if s.standing.Load() {
		return errBroken
	}
	return s.Store.RecordStanding(ctx, v)
}

func (s *brittle) RecordSignIn(ctx context.Context, v store.SignIn) error {
	if s.signIn.Load() {
		return errBroken
	}
	return s.Store.RecordSignIn(ctx, v)
}

// newBrittleLoser is a loser whose store fails on request, with a recovery under way.
func newBrittleLoser(t *testing.T) (*loser, *brittle) {
	t.Helper()
	var s *brittle
	l := &loser{}
	l.World = ceremonytest.New(t, func(c *ceremony.Config) {
		backend, ok := c.Store.(account.Store)
		if !ok {
			t.Fatal("the world's store keeps no accounts")
		}
		s = &brittle{Store: backend}
		c.Store = s
		c.Accounts = account.New(account.Config{
			Store: s, Vault: c.Vault, Tickets: c.Tickets, Audit: c.Audit, Mail: c.Mail, RPID: c.RPID,
			PublicURL: ceremonytest.URL, Policy: ceremonytest.Policy(), Now: c.Now, Rand: c.Rand,
		})
	})
	l.key, l.proof = resident(t, l.World, "ana")
	var err error
	l.codes, err = l.Accounts.NewRecoveryCodes(t.Context(), now(t, l.World, l.proof), ceremonytest.Request().Caller)
	must(t, err)
	l.recovered(t, l.codes[0])
	return l, s
}

// TestNoSignInBesideAHold: where a hold cannot be cancelled just now there is no sign-in, and
// nothing is spent: the same answer signs in later, and cancels it.
func TestNoSignInBesideAHold(t *testing.T) {
	for _, name := range []string{"", "ana"} {
		l, s := newBrittleLoser(t)
		answer := l.Assert(t, l.key, name)
		s.standing.Store(true)
		_, err := l.Finish(t, answer)
		var e *ceremony.Error
		if !errors.As(err, &e) || e.Kind != ceremony.KindUnavailable {
			t.Fatalf("as %q: %v", name, err)
		}
		if f := l.facts(t); f.Ways[1].Suspended || f.HeldUntil == 0 {
			t.Fatalf("became %+v", f)
		}
		if !strings.Contains(l.Journal.String(), "hold_not_cancelled") {
			t.Fatal("nobody was told that it failed")
		}
		s.standing.Store(false)
		_, err = l.Finish(t, answer)
		must(t, err)
		if f := l.facts(t); !f.Ways[1].Suspended || f.HeldUntil != 0 {
			t.Fatalf("became %+v", f)
		}
	}
}

// TestTheHoldEndsFirst: whatever becomes of the sign-in that cancels it, no hold runs on.
func TestTheHoldEndsFirst(t *testing.T) {
	l, s := newBrittleLoser(t)
	s.signIn.Store(true)
	if _, err := l.Finish(t, l.Assert(t, l.key, "")); err == nil {
		t.Fatal("signed in")
	}
	if f := l.facts(t); !f.Ways[1].Suspended || f.HeldUntil != 0 {
		t.Fatalf("became %+v", f)
	}
	if _, n := last(t, l.World, audit.HoldCancelled); n != 1 {
		t.Fatalf("%d events", n)
	}
	s.signIn.Store(false)
	signedIn(t, l.World, l.key, ceremonytest.Request())
}

// TestStrangersCancelNothing: what is no sign-in of an older passkey leaves the hold alone.
func TestStrangersCancelNothing(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	stolen, _ := l.recovered(t, l.codes[0])
	l.cannot(t, stolen, "held")
	for _, m := range []webauthntest.Mutation{webauthntest.SignWithNewKey(), webauthntest.ClearFlags(webauthntest.FlagUV)} {
		if _, err := l.Finish(t, l.Assert(t, l.key, "", m)); err == nil {
			t.Fatal("signed in")
		}
	}
	if f := l.facts(t); f.Ways[1].Suspended || f.HeldUntil == 0 || len(f.RecoveryCodes) != 9 {
		t.Fatalf("became %+v", f)
	}
}
