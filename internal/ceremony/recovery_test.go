package ceremony_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const (
	recoveryRefused  = "recovery_refused"
	recoveryUnusable = "recovery_unusable"
)

// loser is somebody with a passkey, two addresses and ten recovery codes.
type loser struct {
	*ceremonytest.World
	key   *webauthntest.Authenticator
	proof ceremony.Proof
	codes []string
}

func newLoser(t *testing.T, policy account.Policy) *loser {
	t.Helper()
	w := ceremonytest.NewUnder(t, policy)
	l := &loser{World: w}
	l.key, l.proof = resident(t, w, "ana")
	change(t, w, l.proof, func(f *record.AccountFacts) { f.Emails = []string{"a@example.org", "b@example.org"} })
	var err error
	l.codes, err = w.Accounts.NewRecoveryCodes(t.Context(), now(t, w, l.proof), ceremonytest.Request().Caller)
	must(t, err)
	w.Letters(t)
	return l
}

// from is a call from a network of its own.
func from(n int) ceremony.Request {
	r := ceremonytest.Request()
	r.Caller.Address = netip.AddrFrom4([4]byte{198, 51, 100, byte(n)})
	return r
}

// recovers shows a code and gives the ticket.
func (l *loser) recovers(t *testing.T, code string) ceremony.Recovery {
	t.Helper()
	recovery, err := l.RP.Recover(t.Context(), ceremonytest.Request(), "ana", code)
	must(t, err)
	return recovery
}

// making runs a recovery up to the authenticator's answer.
func (l *loser) making(t *testing.T, ticket string, a *webauthntest.Authenticator) []byte {
	t.Helper()
	options, err := l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), ticket)
	must(t, err)
	answer, err := a.Create(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	return answer
}

func (l *loser) made(t *testing.T, answer []byte) (ceremony.Recovered, error) {
	t.Helper()
	return l.RP.FinishRecovery(t.Context(), ceremonytest.Request(), ceremony.Finish{Credential: answer})
}

// recovered is a passkey on a new authenticator that a code made.
func (l *loser) recovered(t *testing.T, code string) (*webauthntest.Authenticator, ceremony.Recovered) {
	t.Helper()
	a := phone()
	done, err := l.made(t, l.making(t, l.recovers(t, code).Ticket, a))
	must(t, err)
	return a, done
}

func (l *loser) facts(t *testing.T) record.AccountFacts {
	t.Helper()
	a, ok, err := l.Accounts.Get(t.Context(), l.proof.Session().Person().ID)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return a.Facts()
}

// cannot fails if an authenticator signs in.
func (l *loser) cannot(t *testing.T, a *webauthntest.Authenticator, when string) {
	t.Helper()
	for _, name := range []string{"", "ana"} {
		_, err := l.Finish(t, l.Assert(t, a, name, webauthntest.UseCredential(a.Credentials()[0].ID)))
		var e *ceremony.Error
		if !errors.As(err, &e) || e.Kind != ceremony.KindAuthentication {
			t.Fatalf("%s, as %q: %v", when, name, err)
		}
	}
}

// TestRecovery: a code ends every session and gives the right to make a passkey, which
// waits out the hold and signs in then. Every address is told of both.
func TestRecovery(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	recovery := l.recovers(t, strings.ToLower(l.codes[0]))
	until := l.Clock.Now().Add(24 * time.Hour)
	if recovery.ExpiresIn != 10*time.Minute || !recovery.HoldUntil.Equal(until) {
		t.Fatalf("recovery %+v", recovery)
	}
	if !signedOut(t, l.World, l.proof) {
		t.Fatal("a session lived through it")
	}
	if letters := l.Letters(t); len(letters) != 2 || letters[0].About != string(audit.RecoveryUsed) || letters[0].Link == "" {
		t.Fatalf("told %+v", letters)
	}
	options, err := l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), recovery.Ticket)
	if err != nil || len(options.ExcludeCredentials) != 1 || options.User.Name != "ana" || options.AuthenticatorSelection.UserVerification != "required" {
		t.Fatalf("options %+v, %v", options, err)
	}
	a := phone()
	done, err := l.made(t, l.making(t, recovery.Ticket, a))
	if err != nil || !done.HoldUntil.Equal(until) || !done.Passkey.HeldUntil.Equal(until) || done.Passkey.ThisSession {
		t.Fatalf("recovered %+v, %v", done, err)
	}
	if letters := l.Letters(t); len(letters) != 2 || letters[0].About != string(audit.PasskeyAdded) || letters[0].Link == "" || !letters[0].HeldUntil.Equal(until) {
		t.Fatalf("told %+v", letters)
	}
	if e, n := last(t, l.World, audit.PasskeyAdded); n != 1 || e.Code != "recovery" || e.Passkey != done.Passkey.ID || e.Session != (record.ID{}) {
		t.Fatalf("event %+v", e)
	}
	l.cannot(t, a, "held")
	l.Clock.Advance(24*time.Hour - time.Millisecond)
	l.cannot(t, a, "held to the last")
	l.Clock.Advance(time.Millisecond)
	in := signedIn(t, l.World, a, ceremonytest.Request())
	if s := l.Accounts.RecoveryState(in.Session()); s.Left != 9 {
		t.Fatalf("codes %+v", s)
	}
	for _, p := range passkeys(t, l.World, in) {
		if !p.HeldUntil.IsZero() || p.Suspended {
			t.Errorf("passkey %+v", p)
		}
	}
}

// TestRecoveryIsHeldWhileThereIsAPasskey: whether or not it could sign in. It may have been
// suspended by who has the codes.
func TestRecoveryIsHeldWhileThereIsAPasskey(t *testing.T) {
	for name, edit := range map[string]func(*record.Way){
		"that works":             func(*record.Way) {},
		"that is suspended":      func(w *record.Way) { w.Suspended = true },
		"that is held itself":    func(w *record.Way) { w.HeldUntil = 1 << 50 },
		"whose record is edited": func(w *record.Way) { w.State++ },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoser(t, ceremonytest.Policy())
			change(t, l.World, l.proof, func(f *record.AccountFacts) { edit(&f.Ways[0]) })
			until := l.Clock.Now().Add(24 * time.Hour)
			a, done := l.recovered(t, l.codes[0])
			if !done.HoldUntil.Equal(until) || !done.Passkey.HeldUntil.Equal(until) {
				t.Fatalf("recovered %+v", done)
			}
			l.cannot(t, a, "held")
			l.Clock.Advance(24 * time.Hour)
			signedIn(t, l.World, a, ceremonytest.Request())
		})
	}
}

// TestRecoveryOnTheSameDevice: where the only authenticator holds a suspended passkey, the
// new one takes its place there.
func TestRecoveryOnTheSameDevice(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	change(t, l.World, l.proof, func(f *record.AccountFacts) { f.Ways[0].Suspended = true })
	_, err := l.made(t, l.making(t, l.recovers(t, l.codes[0]).Ticket, l.key))
	must(t, err)
	l.Clock.Advance(24 * time.Hour)
	signedIn(t, l.World, l.key, ceremonytest.Request())
}

// TestRecoveryWithoutAHold: where there is no other passkey, or by policy, the new one signs
// in at once.
func TestRecoveryWithoutAHold(t *testing.T) {
	never := ceremonytest.Policy()
	never.Hold = 0
	for name, c := range map[string]struct {
		policy account.Policy
		edit   func(*record.AccountFacts)
	}{
		"by policy":        {never, func(*record.AccountFacts) {}},
		"no other passkey": {ceremonytest.Policy(), func(f *record.AccountFacts) { f.Ways = nil }},
		"one of AAL1":      {ceremonytest.Policy(), func(f *record.AccountFacts) { f.Ways[0].Verified = false }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoser(t, c.policy)
			change(t, l.World, l.proof, c.edit)
			a, done := l.recovered(t, l.codes[0])
			if !done.HoldUntil.IsZero() || !done.Passkey.HeldUntil.IsZero() {
				t.Fatalf("recovered %+v", done)
			}
			signedIn(t, l.World, a, ceremonytest.Request())
			if _, n := last(t, l.World, audit.HoldCancelled); n != 0 {
				t.Fatal("a hold that was none was cancelled")
			}
		})
	}
}

// TestRecoveryTellsNothing: whatever is wrong, the answer is the same, and nothing of the
// account moves.
func TestRecoveryTellsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		username, code string
		edit           func(*record.AccountFacts)
	}{
		"unknown name":   {username: "nobody"},
		"no name at all": {username: "a name that nobody can have"},
		"wrong code":     {username: "ana", code: "0000-0000-0000-0000-0000-0000-00"},
		"no code":        {username: "ana", code: " "},
		"disabled":       {username: "ana", edit: func(f *record.AccountFacts) { f.State = record.StateDisabled }},
		"used up":        {username: "ana", edit: func(f *record.AccountFacts) { f.RecoveryCodes = f.RecoveryCodes[1:] }},
		"none are left":  {username: "ana", edit: func(f *record.AccountFacts) { f.RecoveryCodes = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoser(t, ceremonytest.Policy())
			if c.edit != nil {
				change(t, l.World, l.proof, c.edit)
			}
			if c.code == "" {
				c.code = l.codes[0]
			}
			was := l.facts(t)
			_, err := l.RP.Recover(t.Context(), ceremonytest.Request(), c.username, c.code)
			refused(t, err, ceremony.KindAuthentication, "", recoveryRefused)
			if now := l.facts(t); now.SessionEpoch != was.SessionEpoch || len(now.RecoveryCodes) != len(was.RecoveryCodes) {
				t.Fatalf("became %+v", now)
			}
			if letters := l.Letters(t); len(letters) != 0 {
				t.Fatalf("told %+v", letters)
			}
			if strings.Contains(l.Journal.String(), l.codes[0]) || strings.Contains(l.Journal.String(), c.username+`"`) {
				t.Fatal("a name or a code is in the log")
			}
		})
	}
}

// TestRecoveryFields: what cannot be a name or a code is refused before anything is counted.
func TestRecoveryFields(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	before := l.Store.Writes()
	for _, c := range []struct{ username, code, field, why string }{
		{"", l.codes[0], "username", "too_short"},
		{strings.Repeat("a", 255), l.codes[0], "username", "too_long"},
		{"ana", strings.Repeat("0", 129), "code", "too_long"},
	} {
		_, err := l.RP.Recover(t.Context(), ceremonytest.Request(), c.username, c.code)
		fieldRefused(t, err, ceremony.KindField, c.field, c.why)
	}
	if l.Store.Writes() != before {
		t.Fatal("something was written")
	}
}

// TestStrangersCannotUseUpTries: a network shows five codes an hour, whoever's; that takes
// nothing from a person elsewhere, nor from a browser in the same network that has signed
// in to the account before.
func TestStrangersCannotUseUpTries(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	wrong := strings.Repeat("0", 26)
	for i := range 5 {
		_, err := l.RP.Recover(t.Context(), from(1), []string{"ana", "nobody"}[i%2], wrong)
		refused(t, err, ceremony.KindAuthentication, "", recoveryRefused)
	}
	limited := func(r ceremony.Request, code string) {
		t.Helper()
		_, err := l.RP.Recover(t.Context(), r, "ana", code)
		var e *ceremony.Error
		if !errors.As(err, &e) || e.Kind != ceremony.KindLimited || e.RetryAfter <= 0 || e.RetryAfter > time.Hour {
			t.Fatalf("the sixth code in an hour: %v", err)
		}
	}
	limited(from(1), wrong)
	limited(from(1), l.codes[0]) // a code that fits is not compared either
	a, _, err := l.Accounts.Get(t.Context(), l.proof.Session().Person().ID)
	must(t, err)
	known := from(1)
	known.Known = l.Sessions.Recognize("", a)
	for range 4 {
		_, err := l.RP.Recover(t.Context(), known, "ana", wrong)
		refused(t, err, ceremony.KindAuthentication, "", recoveryRefused)
	}
	if _, err := l.RP.Recover(t.Context(), known, "ana", l.codes[0]); err != nil {
		t.Fatalf("a browser that the account knows: %v", err)
	}
	if _, err := l.RP.Recover(t.Context(), from(2), "ana", l.codes[1]); err != nil {
		t.Fatalf("from elsewhere: %v", err)
	}
	l.Clock.Advance(time.Hour)
	if _, err := l.RP.Recover(t.Context(), from(1), "ana", l.codes[2]); err != nil {
		t.Fatalf("an hour later: %v", err)
	}
}

// TestKnownToAnother: that a browser has signed in to one account gives it no tries at
// another.
func TestKnownToAnother(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	_, ben := resident(t, l.World, "ben")
	r := from(1)
	r.Known = l.Sessions.Recognize("", ben.Session().Account())
	for range 5 {
		_, err := l.RP.Recover(t.Context(), r, "ana", "x")
		refused(t, err, ceremony.KindAuthentication, "", recoveryRefused)
	}
	_, err := l.RP.Recover(t.Context(), r, "ana", "x")
	var e *ceremony.Error
	if !errors.As(err, &e) || e.Kind != ceremony.KindLimited {
		t.Fatalf("tried on: %v", err)
	}
}

// TestOneCodeManyAtOnce: of many who show one code at once, one has it; the others are told
// what any wrong code is told, and only one is gone.
func TestOneCodeManyAtOnce(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	results := together(30, func(i int) error {
		_, err := l.RP.Recover(t.Context(), from(i), "ana", l.codes[0])
		return err
	})
	wins := 0
	for _, err := range results {
		if err == nil {
			wins++
			continue
		}
		refused(t, err, ceremony.KindAuthentication, "", recoveryRefused)
	}
	if f := l.facts(t); wins != 1 || len(f.RecoveryCodes) != 9 || f.SessionEpoch != 1 {
		t.Fatalf("%d won; %d codes left, session epoch %d", wins, len(f.RecoveryCodes), f.SessionEpoch)
	}
	if _, n := last(t, l.World, audit.RecoveryUsed); n != 1 {
		t.Fatalf("%d events", n)
	}
}

// TestManyCodesAtOnce: different codes shown at once are each used up, and the newest
// recovery is the one that lives.
func TestManyCodesAtOnce(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	tickets := make([]string, 4)
	for i, err := range together(len(tickets), func(i int) error {
		recovery, err := l.RP.Recover(t.Context(), from(i), "ana", l.codes[i])
		tickets[i] = recovery.Ticket
		return err
	}) {
		if err != nil {
			t.Fatalf("code %d: %v", i, err)
		}
	}
	alive := 0
	for _, ticket := range tickets {
		if _, err := l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), ticket); err == nil {
			alive++
		}
	}
	if f := l.facts(t); alive != 1 || len(f.RecoveryCodes) != 6 {
		t.Fatalf("%d tickets live, %d codes left", alive, len(f.RecoveryCodes))
	}
}

// TestRecoveryTicketOnce: a recovery makes one passkey, however often it was begun and
// whoever is first.
func TestRecoveryTicketOnce(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	ticket := l.recovers(t, l.codes[0]).Ticket
	answers := make([][]byte, 10)
	for i := range answers {
		answers[i] = l.making(t, ticket, phone())
	}
	wins := 0
	for _, err := range together(2*len(answers), func(i int) error {
		_, err := l.RP.FinishRecovery(t.Context(), from(i), ceremony.Finish{Credential: answers[i/2]})
		return err
	}) {
		var e *ceremony.Error
		switch {
		case err == nil:
			wins++
		case !errors.As(err, &e) || e.Kind != ceremony.KindExpired && e.Kind != ceremony.KindRegistration:
			t.Error(err)
		}
	}
	if f := l.facts(t); wins != 1 || len(f.Ways) != 2 {
		t.Fatalf("%d won, %d ways in", wins, len(f.Ways))
	}
	_, err := l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), ticket)
	refused(t, err, ceremony.KindExpired, "", recoveryUnusable)
}

// TestRecoveryTicketDies: with its time, with the account, with what calls tickets back.
func TestRecoveryTicketDies(t *testing.T) {
	edit := func(edit func(*record.AccountFacts)) func(*testing.T, *loser) {
		return func(t *testing.T, l *loser) { change(t, l.World, l.proof, edit) }
	}
	for name, kill := range map[string]func(*testing.T, *loser){
		"tickets called back": edit(func(f *record.AccountFacts) { f.TicketEpoch++ }),
		"sessions ended":      edit(func(f *record.AccountFacts) { f.SessionEpoch++ }),
		"disabled":            edit(func(f *record.AccountFacts) { f.State = record.StateDisabled }),
		"another code":        func(t *testing.T, l *loser) { l.recovers(t, l.codes[1]) },
		"an older passkey": func(t *testing.T, l *loser) {
			signedIn(t, l.World, l.key, ceremonytest.Request())
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoser(t, ceremonytest.Policy())
			ticket := l.recovers(t, l.codes[0]).Ticket
			answer := l.making(t, ticket, phone())
			kill(t, l)
			_, err := l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), ticket)
			refused(t, err, ceremony.KindExpired, "", recoveryUnusable)
			_, err = l.made(t, answer)
			refused(t, err, ceremony.KindExpired, "", recoveryUnusable)
			if f := l.facts(t); len(f.Ways) != 1 {
				t.Fatalf("%d ways in", len(f.Ways))
			}
		})
	}
	l := newLoser(t, ceremonytest.Policy())
	ticket := l.recovers(t, l.codes[0]).Ticket
	l.Clock.Advance(10*time.Minute + time.Millisecond)
	_, err := l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), ticket)
	refused(t, err, ceremony.KindExpired, "", recoveryUnusable)
}

// TestRecoveryTicketPermitsNothingElse: it is no enrolment, no sign-up, no link, and the
// challenge it leads to finishes no other ceremony; nothing else recovers.
func TestRecoveryTicketPermitsNothingElse(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	enrolment := another(t, l.World, "ana")
	_, bens := added(t, l.World, "ben")
	ticket := l.recovers(t, l.codes[0]).Ticket
	r := ceremonytest.Request()
	for name, token := range map[string]string{
		"an enrolment link": enrolment, "another's enrolment link": bens, "nothing": "", "no base64": "!",
		"truncated": ticket[:len(ticket)-4], "a line end": ticket[:8] + "\n" + ticket[8:],
		"bent": ticket[:90] + map[bool]string{true: "B", false: "A"}[ticket[90] == 'A'] + ticket[91:],
	} {
		_, err := l.RP.BeginRecovery(t.Context(), r, token)
		if e := (*ceremony.Error)(nil); !errors.As(err, &e) || e.Kind != ceremony.KindExpired {
			t.Errorf("%s recovers: %v", name, err)
		}
	}
	linkRefused(t, l.World, ticket)
	_, err := l.RP.BeginSignUp(t.Context(), r, ceremony.SignUp{Username: "eve", Ticket: ticket})
	refused(t, err, ceremony.KindExpired, "", linkUnusable)
	if _, err := l.RP.FinishEmail(t.Context(), r, ceremony.EmailFinish{Token: ticket, Request: "x"}); err == nil {
		t.Error("a recovery signs in as a link")
	}
	if err := l.Accounts.Undo(t.Context(), ticket, r.Caller); !errors.Is(err, account.ErrLink) {
		t.Errorf("a recovery undoes: %v", err)
	}
	other := r
	other.Door = "cognito"
	_, err = l.RP.BeginRecovery(t.Context(), other, ticket)
	refused(t, err, ceremony.KindExpired, "", recoveryUnusable)

	answer := l.making(t, ticket, phone())
	_, cleo := resident(t, l.World, "cleo")
	finishes := map[string]func(ceremony.Finish) error{
		"sign-up":   func(f ceremony.Finish) error { _, err := l.RP.FinishSignUp(t.Context(), r, f); return err },
		"enrolment": func(f ceremony.Finish) error { _, err := l.RP.FinishEnrolment(t.Context(), r, f); return err },
		"binding": func(f ceremony.Finish) error {
			_, err := l.RP.FinishBinding(t.Context(), r, cleo.Session(), f)
			return err
		},
	}
	for name, finish := range finishes {
		t.Run(name, func(t *testing.T) {
			refused(t, finish(ceremony.Finish{Credential: answer}), ceremony.KindRegistration, "7.1/8", "challenge_unknown")
		})
	}
	for name, answer := range map[string][]byte{
		"sign-up":   l.Register(t, phone(), ceremony.SignUp{Username: "dan"}),
		"enrolment": enrolling(t, l.World, phone(), bens),
		"binding":   binding(t, l.World, cleo, phone(), ""),
	} {
		t.Run("by "+name, func(t *testing.T) {
			_, err := l.made(t, answer)
			refused(t, err, ceremony.KindRegistration, "7.1/8", "challenge_unknown")
		})
	}
	if _, err := l.made(t, answer); err != nil {
		t.Fatal(err)
	}
}

// TestRecoveryOfFullAccount: an account with as many passkeys as it may have can still be
// recovered, once for each code, and no more.
func TestRecoveryOfFullAccount(t *testing.T) {
	for ways, want := range map[int]string{20: "", 29: "", 30: "too_many_passkeys"} {
		l := newLoser(t, ceremonytest.Policy())
		change(t, l.World, l.proof, func(f *record.AccountFacts) {
			for n := len(f.Ways); n < ways; n++ {
				f.Ways = append(f.Ways, record.Way{Credential: []byte{byte(n)}, Kind: record.WayPasskey, State: 1})
			}
		})
		_, err := l.made(t, l.making(t, l.recovers(t, l.codes[0]).Ticket, phone()))
		if want != "" {
			refused(t, err, ceremony.KindPolicy, "", want)
		} else if err != nil {
			t.Errorf("with %d passkeys: %v", ways, err)
		}
	}
}

// TestRecoveryBurnsItsChallenge: a registration that fails after the credential step uses
// its challenge up, and not the recovery.
func TestRecoveryBurnsItsChallenge(t *testing.T) {
	l := newLoser(t, ceremonytest.Policy())
	ticket := l.recovers(t, l.codes[0]).Ticket
	options, err := l.RP.BeginRecovery(t.Context(), ceremonytest.Request(), ticket)
	must(t, err)
	a := phone()
	foreign := webauthntest.Client{Origin: "https://evil.example"}
	answer, err := a.Create(ceremonytest.JSON(t, options), foreign)
	must(t, err)
	_, err = l.made(t, answer)
	refused(t, err, ceremony.KindRegistration, "7.1/9", webauthn.CodeOriginNotAllowed)
	good, err := a.Create(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	_, err = l.made(t, good)
	refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeConsumed)
	if _, err := l.made(t, l.making(t, ticket, phone())); err != nil {
		t.Fatal(err)
	}
}
