package ceremony_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// watched notes what a finish asks of the store.
type watched struct {
	account.Store

	mu     sync.Mutex
	calls  []string
	broken func(calls []string) bool // the next look-up of a credential fails
}

var errBroken = errors.New("the disk is gone")

func (s *watched) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func (s *watched) CredentialAndAccount(ctx context.Context, key []byte) (store.Credential, store.Row, error) {
	s.mu.Lock()
	broken := s.broken != nil && s.broken(s.calls)
	s.mu.Unlock()
	if broken {
		return store.Credential{}, store.Row{}, errBroken
	}
	c, a, err := s.Store.CredentialAndAccount(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		s.note("miss")
	} else {
		s.note("hit")
	}
	return c, a, err
}

func (s *watched) Spend(ctx context.Context, op store.OpID, spend store.Spend) error {
	s.note("spend")
	return s.Store.Spend(ctx, op, spend)
}

// since tells what do asks for, sorted: a hit before a miss costs what it costs after
// one.
func (s *watched) since(do func()) string {
	s.mu.Lock()
	s.calls = nil
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(slices.Sorted(slices.Values(s.calls)), ", ")
}

// court is a world with an answer for each reason to refuse one.
type court struct {
	*ceremonytest.World
	t       *testing.T
	store   *watched
	answers map[string]refusedAnswer
}

type refusedAnswer struct {
	code   string
	answer []byte
}

// wrongSignature is what every other refusal is compared with.
const wrongSignature = "wrong signature"

func newCourt(t *testing.T, budget int) *court {
	t.Helper()
	s := &watched{}
	w := ceremonytest.New(t, func(c *ceremony.Config) {
		s.Store = c.Store.(account.Store)
		c.Store = s
		c.Accounts = account.New(account.Config{
			Store: s, Vault: c.Vault, Tickets: c.Tickets, Audit: c.Audit, Mail: c.Mail, RPID: c.RPID,
			Policy: ceremonytest.Policy(), Now: c.Now, Rand: rand.Reader,
		})
		c.Failures = failures(budget, c.Now)
	})
	ana, bob, suspended, disabled := phone(), phone(), phone(), phone()
	w.SignUp(t, ana, "ana")
	w.SignUp(t, bob, "bob")
	change(t, w, w.SignUp(t, suspended, "suspended"), func(f *record.AccountFacts) { f.Ways[0].Suspended = true })
	change(t, w, w.SignUp(t, disabled, "disabled"), func(f *record.AccountFacts) { f.State = record.StateDisabled })
	stranger := phone()
	ceremonytest.New(t).SignUp(t, stranger, "stranger")

	own := webauthntest.UseCredential(bob.Credentials()[0].ID)
	decoy := func(name string) webauthntest.Mutation {
		options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: name})
		if err != nil {
			t.Fatal(err)
		}
		id := base64.RawURLEncoding.EncodeToString(options.AllowCredentials[0].ID)
		return webauthntest.EditMembers(func(m map[string]any) { m["id"], m["rawId"] = id, id })
	}
	forged := webauthntest.SignWithNewKey()
	flags := webauthntest.ClearFlags(webauthntest.FlagBE | webauthntest.FlagBS)
	return &court{w, t, s, map[string]refusedAnswer{
		wrongSignature:               {webauthn.CodeSignatureInvalid, w.Assert(t, ana, "", forged)},
		"wrong signature, by name":   {webauthn.CodeSignatureInvalid, w.Assert(t, ana, "ana", forged)},
		"unknown credential":         {webauthn.CodeCredentialUnknown, w.Assert(t, stranger, "")},
		"decoy":                      {webauthn.CodeCredentialUnknown, w.Assert(t, bob, "nobody", own, decoy("nobody"), forged)},
		"credential nobody listed":   {webauthn.CodeCredentialUnknown, w.Assert(t, bob, "ana", own, decoy("nobody"), forged)},
		"suspended":                  {webauthn.CodeCredentialNotAllowed, w.Assert(t, suspended, "")},
		"suspended, wrong signature": {webauthn.CodeCredentialNotAllowed, w.Assert(t, suspended, "", forged)},
		"disabled":                   {webauthn.CodePolicyDenied, w.Assert(t, disabled, "")},
		"disabled, wrong signature":  {webauthn.CodeSignatureInvalid, w.Assert(t, disabled, "", forged)},
		"another account's":          {webauthn.CodeCredentialNotAllowed, w.Assert(t, bob, "ana", own)},
		"ticket of a decoy":          {webauthn.CodeCredentialNotAllowed, w.Assert(t, bob, "nobody", own)},
		"no user handle":             {webauthn.CodeUserHandleMissing, w.Assert(t, ana, "", webauthntest.DropMember("response.userHandle"))},
		"another user handle":        {webauthn.CodeUserHandleMismatch, w.Assert(t, ana, "", webauthntest.SetMember("response.userHandle", "AAAA"))},
		"eligibility changed":        {webauthn.CodeBackupEligibilityChanged, w.Assert(t, ana, "", flags)},
		"unknown, eligibility":       {webauthn.CodeCredentialUnknown, w.Assert(t, stranger, "", flags)},
	}}
}

// finish presents an answer, and gives the code that it is refused with inside.
func (c *court) finish(answer []byte) *ceremony.Error {
	c.t.Helper()
	proof, err := c.Finish(c.t, answer)
	var e *ceremony.Error
	if !errors.As(err, &e) || !proof.Session().IsZero() {
		c.t.Fatalf("finished with %v", err)
	}
	return e
}

// TestRefusalsReadAlike: whatever refuses an answer once its ticket has opened, the
// store is asked for the same, and the client hears the same.
func TestRefusalsReadAlike(t *testing.T) {
	c := newCourt(t, 1000)
	c.Clock.Advance(time.Second)
	c.finish(c.Assert(t, phoneOf(t), "")) // chooses a stand-in
	for name, a := range c.answers {
		var e *ceremony.Error
		if got := c.store.since(func() { e = c.finish(a.answer) }); got != "hit, miss, spend" {
			t.Errorf("%s: asks for %s", name, got)
		}
		if e.Kind != ceremony.KindAuthentication || e.Code != a.code {
			t.Errorf("%s: %v, want code %s", name, e, a.code)
		}
	}
}

// phoneOf is the authenticator of somebody else's server, with a passkey.
func phoneOf(t *testing.T) *webauthntest.Authenticator {
	t.Helper()
	a := phone()
	ceremonytest.New(t).SignUp(t, a, "stranger")
	return a
}

// TestRefusalsTakeAlike compares how long a refusal takes that writes nothing, because
// the budget for that is spent: the one in which a difference shows best. One signature
// is about half of it. The shortest of many is what it takes when nothing gets in
// between, however busy the machine is; the drills compare the times that a client sees.
func TestRefusalsTakeAlike(t *testing.T) {
	c := newCourt(t, 1)
	c.Clock.Advance(time.Second)
	c.finish(c.answers[wrongSignature].answer) // what the budget pays for
	c.finish(c.answers["unknown credential"].answer)
	const most = 0.25
	shortest := c.measure(200)
	for name, took := range shortest {
		off := float64(took)/float64(shortest[wrongSignature]) - 1
		t.Logf("%-28s %v, %+.1f %%", name, took, 100*off)
		if off < -most || off > most {
			t.Errorf("%s: takes %v, and a wrong signature %v", name, took, shortest[wrongSignature])
		}
	}
}

// measure presents every answer so many times, in turn but in no order, and gives the
// shortest time of each.
func (c *court) measure(times int) map[string]time.Duration {
	c.t.Helper()
	names := slices.Collect(maps.Keys(c.answers))
	shortest := map[string]time.Duration{}
	for range times {
		mathrand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			start := time.Now()
			e := c.finish(c.answers[name].answer)
			took := time.Since(start)
			if before, ok := shortest[name]; !ok || took < before {
				shortest[name] = took
			}
			if e.Kind != ceremony.KindLimited || e.Code != c.answers[name].code {
				c.t.Fatalf("%s: %v", name, e)
			}
		}
	}
	return shortest
}

// TestStoreFailsAlike: a store that fails in the middle of a finish fails it for a known
// credential and for one that is not.
func TestStoreFailsAlike(t *testing.T) {
	c := newCourt(t, 1000)
	c.Clock.Advance(time.Second)
	c.finish(c.Assert(t, phoneOf(t), ""))
	for _, name := range []string{wrongSignature, "suspended", "disabled", "unknown credential"} {
		for after := range 2 {
			c.store.broken = func(calls []string) bool { return len(calls) == after }
			c.store.since(func() {
				if e := c.finish(c.answers[name].answer); e.Kind != ceremony.KindUnavailable || !errors.Is(e, errBroken) {
					t.Errorf("%s, after %d look-ups: %v", name, after, e)
				}
			})
		}
	}
}

// TestDecoysLookLikeTheRest: how many a name gets, and what they look like, is spread
// over what real accounts have; no name's decoy is another's.
func TestDecoysLookLikeTheRest(t *testing.T) {
	w := ceremonytest.New(t)
	const names = 4000
	counts, shapes, ids := map[int]int{}, map[string]int{}, map[string]bool{}
	total := 0
	for i := range names {
		options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: fmt.Sprintf("nobody-%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		counts[len(options.AllowCredentials)]++
		for _, d := range options.AllowCredentials {
			total++
			shapes[fmt.Sprint(len(d.ID), d.Transports)]++
			if ids[string(d.ID)] || d.Type != "public-key" || !slices.IsSorted(d.Transports) {
				t.Fatalf("decoy %v", d)
			}
			ids[string(d.ID)] = true
		}
	}
	for n, want := range map[int]float64{1: .75, 2: .18, 3: .047, 4: .023} {
		if got := float64(counts[n]) / names; got < want-.025 || got > want+.025 {
			t.Errorf("%d passkeys: %.3f of the names, want %.3f", n, got, want)
		}
	}
	for shape, want := range map[string]float64{
		"20 [hybrid internal]": .40, "16 [hybrid internal]": .30, "32 [internal]": .15,
		"32 [hybrid internal]": .05, "48 [nfc usb]": .06, "64 [nfc usb]": .04,
	} {
		if got := float64(shapes[shape]) / float64(total); got < want-.025 || got > want+.025 {
			t.Errorf("%s: %.3f of the decoys, want %.3f", shape, got, want)
		}
	}
	if len(counts) != 4 || len(shapes) != 6 {
		t.Errorf("counts %v, shapes %v", counts, shapes)
	}
}

// TestDecoysNeverMove: what a name was once answered with, it is answered with for ever.
// The draw must not change, nor what is made of it.
func TestDecoysNeverMove(t *testing.T) {
	w := ceremonytest.New(t)
	drawn := w.Vault.Decoy("list", 261, []byte(ceremonytest.RPID), []byte(account.KindUsername), []byte("nobody"))
	options, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: "Nobody"})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range options.AllowCredentials {
		if id := drawn[2+65*i:][:len(d.ID)]; !slices.Equal(d.ID, id) {
			t.Errorf("decoy %d is %x, and was %x", i, d.ID, id)
		}
	}
}

// TestUnknownIsTold only where the setting says so, and then for whoever cannot sign in.
func TestUnknownIsTold(t *testing.T) {
	w := ceremonytest.New(t, func(c *ceremony.Config) { c.TellUnknown = true })
	w.SignUp(t, phone(), "ana")
	change(t, w, w.SignUp(t, phone(), "suspended"), func(f *record.AccountFacts) { f.Ways[0].Suspended = true })
	change(t, w, w.SignUp(t, phone(), "disabled"), func(f *record.AccountFacts) { f.State = record.StateDisabled })
	for name, told := range map[string]bool{"ana": false, "": false, "suspended": true, "disabled": true, "nobody": true, "no@example.org": true} {
		_, err := w.RP.BeginSignIn(t.Context(), ceremonytest.Request(), ceremony.SignIn{Username: name})
		if !told {
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		refused(t, err, ceremony.KindUnknown, "", "account_unknown")
	}
}
