package account_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// ranked gives somebody a role.
func ranked(t *testing.T, w *ceremonytest.World, p ceremony.Proof, role record.Role) {
	t.Helper()
	name := string(role)
	_, err := w.Accounts.Operate(audit.Caller{}).Change(t.Context(), p.Session().Person().ID, account.Amendment{Role: &name})
	must(t, err)
}

// colleague is somebody with a role and a fresh proof.
func colleague(t *testing.T, w *ceremonytest.World, name string, role record.Role) (*webauthntest.Authenticator, ceremony.Proof) {
	t.Helper()
	a, proof := resident(t, w, name)
	ranked(t, w, proof, role)
	return a, proof
}

// administers is what somebody may do, as a request that comes now finds them.
func administers(t *testing.T, w *ceremonytest.World, p ceremony.Proof) account.Administration {
	t.Helper()
	return w.Accounts.Administer(current(t, w, p), caller())
}

// theActs are everything that is done to somebody else's account, with the weakest role
// that does it.
var theActs = map[string]struct {
	least record.Role
	reads bool
	do    func(t *testing.T, m account.Administration, id, passkey uuid.UUID) error
}{
	"look": {record.RoleSupport, true, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Look(t.Context(), id)
		return err
	}},
	"see passkeys": {record.RoleSupport, true, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Passkeys(t.Context(), id)
		return err
	}},
	"see sessions": {record.RoleSupport, true, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Subject(t.Context(), id, false)
		return err
	}},
	"see events": {record.RoleSupport, true, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, _, err := m.Activity(t.Context(), id, nil, 10)
		return err
	}},
	"end a session": {record.RoleSupport, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Subject(t.Context(), id, true)
		return err
	}},
	"end sessions": {record.RoleSupport, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		return m.EndSessions(t.Context(), id, "")
	}},
	"suspend": {record.RoleSupport, false, func(t *testing.T, m account.Administration, id, passkey uuid.UUID) error {
		_, err := m.SetSuspended(t.Context(), id, passkey, true, "")
		return err
	}},
	"send a link": {record.RoleSupport, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.SendLink(t.Context(), id, "")
		return err
	}},
	"restore": {record.RoleAdmin, false, func(t *testing.T, m account.Administration, id, passkey uuid.UUID) error {
		_, err := m.SetSuspended(t.Context(), id, passkey, false, "found")
		return err
	}},
	"name": {record.RoleAdmin, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Change(t.Context(), id, account.Amendment{DisplayName: ptr("Zoe")})
		return err
	}},
	"disable": {record.RoleAdmin, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Change(t.Context(), id, account.Amendment{Disabled: ptr(true)})
		return err
	}},
	"demote": {record.RoleAdmin, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Change(t.Context(), id, account.Amendment{Role: ptr("member")})
		return err
	}},
	"promote": {record.RoleAdmin, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		_, err := m.Change(t.Context(), id, account.Amendment{Role: ptr("admin")})
		return err
	}},
	"remove a passkey": {record.RoleAdmin, false, func(t *testing.T, m account.Administration, id, passkey uuid.UUID) error {
		return m.RemovePasskey(t.Context(), id, passkey, "")
	}},
	"delete": {record.RoleAdmin, false, func(t *testing.T, m account.Administration, id, _ uuid.UUID) error {
		return m.Delete(t.Context(), id, "")
	}},
}

var order = []record.Role{record.RoleMember, record.RoleSupport, record.RoleAdmin}

// TestNobodyActsOnEqualsOrSuperiors is every act by every role on every role (the fault of
// CVE-2026-64866 was that some were not judged): only a role that may do it at all, and
// only on a weaker one; administrators look at everybody. What is refused writes nothing.
func TestNobodyActsOnEqualsOrSuperiors(t *testing.T) {
	for name, act := range theActs {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			for by, actor := range order {
				for on, target := range order {
					cell := string(actor) + "-" + string(target)
					_, doer := colleague(t, w, "d-"+cell, actor)
					_, other := colleague(t, w, "o-"+cell, target)
					w.Letters(t)
					proves(t, w, other, "o-"+cell+"@example.org")
					before := len(happened(t, w, ""))
					id := other.Session().Person().ID
					err := act.do(t, administers(t, w, doer), id, own(t, w, other).ID)
					may := slices.Index(order, act.least) <= by && (on < by || act.reads && actor == record.RoleAdmin)
					if may && err != nil || !may && !errors.Is(err, account.ErrForbidden) {
						t.Errorf("%s: %v", cell, err)
					}
					if !may && len(happened(t, w, "")) != before {
						t.Errorf("%s: something was written", cell)
					}
				}
				_, self := colleague(t, w, "self-"+string(actor), actor)
				err := act.do(t, administers(t, w, self), self.Session().Person().ID, own(t, w, self).ID)
				if ok := act.reads && actor == record.RoleAdmin; (err == nil) != ok {
					t.Errorf("%s on themselves: %v", actor, err)
				}
			}
		})
	}
}

// TestTheLastAdministratorStays: alone or not, no administrator takes the role of one
// away, neither another's nor their own.
func TestTheLastAdministratorStays(t *testing.T) {
	w := ceremonytest.New(t)
	_, ana := colleague(t, w, "ana", record.RoleAdmin)
	_, bob := colleague(t, w, "bob", record.RoleAdmin)
	for name, in := range map[string]account.Amendment{
		"demote": {Role: ptr("member")}, "disable": {Disabled: ptr(true)}, "stay": {Role: ptr("admin")},
	} {
		for _, of := range []ceremony.Proof{ana, bob} {
			_, err := administers(t, w, ana).Change(t.Context(), of.Session().Person().ID, in)
			if !errors.Is(err, account.ErrForbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestAdministratorsDoNotDeleteThemselves: alone or not, and however many at once; others do,
// and so does who was one.
func TestAdministratorsDoNotDeleteThemselves(t *testing.T) {
	w := ceremonytest.New(t)
	var proofs []ceremony.Proof
	for _, name := range []string{"ana", "bob", "cleo"} {
		_, proof := colleague(t, w, name, record.RoleAdmin)
		proofs = append(proofs, proof)
	}
	before := w.Store.Writes()
	var all sync.WaitGroup
	for _, p := range proofs {
		all.Go(func() {
			if err := w.Accounts.Delete(t.Context(), p.Session(), caller()); !errors.Is(err, account.ErrForbidden) {
				t.Errorf("deleted: %v", err)
			}
		})
	}
	all.Wait()
	if w.Store.Writes() != before {
		t.Error("something was written")
	}
	for _, role := range []record.Role{record.RoleMember, record.RoleSupport} {
		_, proof := colleague(t, w, "one-"+string(role), role)
		must(t, w.Accounts.Delete(t.Context(), proof.Session(), caller()))
	}
	_, err := w.Accounts.Operate(caller()).Change(t.Context(), proofs[0].Session().Person().ID, account.Amendment{Role: ptr("member")})
	must(t, err)
	must(t, w.Accounts.Delete(t.Context(), current(t, w, proofs[0]), caller()))
}

// TestAMemberWhoBecomesAdministrator: the role is judged on the account that is deleted, not
// on the one of the session.
func TestAMemberWhoBecomesAdministrator(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	c := current(t, w, proof)
	_, err := w.Accounts.Operate(caller()).Change(t.Context(), c.Person().ID, account.Amendment{Role: ptr("admin")})
	must(t, err)
	if err := w.Accounts.Delete(t.Context(), c, caller()); !errors.Is(err, account.ErrForbidden) {
		t.Fatalf("deleted: %v", err)
	}
}

// TestAdministrationTakesAFreshProof: five minutes for what changes something, an hour for
// looking; never a session by mailed link, never nobody.
func TestAdministrationTakesAFreshProof(t *testing.T) {
	w := ceremonytest.New(t)
	_, admin := colleague(t, w, "root", record.RoleAdmin)
	_, other := resident(t, w, "ana")
	id, passkey := other.Session().Person().ID, own(t, w, other).ID
	refused := func(when string, m account.Administration, want error, which func(reads bool) bool) {
		t.Helper()
		for name, act := range theActs {
			if err := act.do(t, m, id, passkey); which(act.reads) && !errors.Is(err, want) {
				t.Errorf("%s, %s: %v", when, name, err)
			} else if !which(act.reads) && err != nil {
				t.Errorf("%s, %s: %v", when, name, err)
			}
		}
		if _, _, err := m.Events(t.Context(), nil, 1); which(true) != errors.Is(err, want) {
			t.Errorf("%s, all events: %v", when, err)
		}
		if _, _, err := m.Add(t.Context(), account.AccountDraft{Username: "new"}); !errors.Is(err, want) {
			t.Errorf("%s, add: %v", when, err)
		}
	}
	all := func(bool) bool { return true }
	refused("nobody", w.Accounts.Administer(session.Current{}, caller()), session.ErrNone, all)
	w.Clock.Advance(account.FreshProof + time.Second)
	refused("stale", administers(t, w, admin), account.ErrStepUp, func(reads bool) bool { return !reads })
	w.Clock.Advance(account.LookProof)
	refused("old", administers(t, w, admin), account.ErrStepUp, all)

	a := w.Resident(t, "mailed", "mailed@example.org")
	replace(t, w, a, func(f *record.AccountFacts) { f.Role = record.RoleAdmin })
	request := w.Ask(t, "mailed@example.org")
	done, err := w.RP.FinishEmail(t.Context(), ceremonytest.Request(), ceremony.EmailFinish{
		Token: ceremonytest.Token(t, w.Letter(t, mail.KindSignIn)), Request: request,
	})
	must(t, err)
	refused("by link", administers(t, w, done.Proof), account.ErrStepUp, all)
}

// TestADemotedAdministratorIsNone: with the very next request.
func TestADemotedAdministratorIsNone(t *testing.T) {
	w := ceremonytest.New(t)
	_, admin := colleague(t, w, "root", record.RoleAdmin)
	_, other := resident(t, w, "ana")
	ranked(t, w, admin, record.RoleMember)
	if _, err := administers(t, w, admin).Look(t.Context(), other.Session().Person().ID); !errors.Is(err, account.ErrForbidden) {
		t.Error(err)
	}
}

// TestSupportSeesMembers: the others are left out of lists and searches.
func TestSupportSeesMembers(t *testing.T) {
	w := ceremonytest.New(t)
	_, support := colleague(t, w, "helper", record.RoleSupport)
	_, admin := colleague(t, w, "root", record.RoleAdmin)
	resident(t, w, "ana")
	for _, c := range []struct {
		by   ceremony.Proof
		want string
	}{{support, "ana"}, {admin, "helper root ana"}} {
		list, next, err := administers(t, w, c.by).List(t.Context(), uuid.Nil, 10)
		must(t, err)
		var names []string
		for _, s := range list {
			names = append(names, s.Username)
		}
		if got := strings.Join(names, " "); got != c.want || next != uuid.Nil {
			t.Errorf("%s, want %s", got, c.want)
		}
		found, err := administers(t, w, c.by).Find(t.Context(), "root")
		if must(t, err); len(found) != strings.Count(c.want, "root") {
			t.Errorf("found %+v", found)
		}
	}
}

// TestLinksOfAdministrators: mailed where there is a proved address, and then seen by
// nobody else; given only for an account that never had a passkey; dead when the account
// rises.
func TestLinksOfAdministrators(t *testing.T) {
	w := ceremonytest.New(t)
	_, admin := colleague(t, w, "root", record.RoleAdmin)
	_, other := resident(t, w, "ana")
	id := other.Session().Person().ID
	if _, err := administers(t, w, admin).SendLink(t.Context(), id, ""); !errors.Is(err, account.ErrUnreachable) {
		t.Errorf("without an address: %v", err)
	}
	must(t, administers(t, w, admin).RemovePasskey(t.Context(), id, own(t, w, other).ID, "lost"))
	if _, err := administers(t, w, admin).SendLink(t.Context(), id, ""); !errors.Is(err, account.ErrUnreachable) {
		t.Errorf("its last passkey was removed: %v", err)
	}

	a := w.Resident(t, "bob", "bob@example.org", "bob@example.net")
	w.Letters(t)
	sent, err := administers(t, w, admin).SendLink(t.Context(), a.ID(), "lost")
	must(t, err)
	if !sent.Mailed || sent.Link != (account.Link{}) {
		t.Errorf("sent %+v", sent)
	}
	kinds := map[string]mail.Kind{}
	var token string
	for _, letter := range w.Letters(t) {
		kinds[letter.To] = letter.Kind
		if letter.Kind == mail.KindEnrolment {
			token = ceremonytest.Token(t, letter)
		}
	}
	if len(kinds) != 2 || kinds["bob@example.org"] != mail.KindEnrolment || kinds["bob@example.net"] != mail.KindNotice {
		t.Errorf("mails %v", kinds)
	}
	if _, _, err := w.Accounts.OpenEnrolmentLink(t.Context(), token, "rest"); err != nil {
		t.Error(err)
	}
	_, err = administers(t, w, admin).Change(t.Context(), a.ID(), account.Amendment{Role: ptr("support")})
	must(t, err)
	if _, _, err := w.Accounts.OpenEnrolmentLink(t.Context(), token, "rest"); !errors.Is(err, account.ErrLink) {
		t.Errorf("after the role changed: %v", err)
	}
	_, err = administers(t, w, admin).Change(t.Context(), a.ID(), account.Amendment{Disabled: ptr(true)})
	must(t, err)
	if _, err := administers(t, w, admin).SendLink(t.Context(), a.ID(), ""); !errors.Is(err, account.ErrUnreachable) {
		t.Errorf("disabled: %v", err)
	}
}

// TestAdd: what an administrator may make, and who sees its link.
func TestAdd(t *testing.T) {
	w := ceremonytest.New(t)
	_, admin := colleague(t, w, "root", record.RoleAdmin)
	_, support := colleague(t, w, "helper", record.RoleSupport)
	w.Resident(t, "taken", "taken@example.org")
	m := administers(t, w, admin)
	var refused *account.NameError
	for name, c := range map[string]struct {
		in    account.AccountDraft
		field string
	}{
		"no name":             {account.AccountDraft{DisplayName: "X"}, "email"},
		"bad username":        {account.AccountDraft{Username: "a b"}, "username"},
		"taken address":       {account.AccountDraft{Email: "Taken@example.org"}, "email"},
		"unknown role":        {account.AccountDraft{Username: "new", Role: "root"}, "role"},
		"nowhere to deliver":  {account.AccountDraft{Username: "new", Deliver: true}, "email"},
		"an equal, link seen": {account.AccountDraft{Username: "new", Role: "admin"}, "deliver"},
	} {
		if _, _, err := m.Add(t.Context(), c.in); !errors.As(err, &refused) || refused.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := m.Add(t.Context(), account.AccountDraft{Username: "taken"}); !errors.Is(err, account.ErrTaken) {
		t.Errorf("taken: %v", err)
	}
	if _, _, err := administers(t, w, support).Add(t.Context(), account.AccountDraft{Username: "new"}); !errors.Is(err, account.ErrForbidden) {
		t.Errorf("support: %v", err)
	}
	made, link, err := m.Add(t.Context(), account.AccountDraft{Username: "new", Role: "support"})
	if err != nil || link.Link.Ticket == "" || made.Role != "support" {
		t.Errorf("%+v, %+v, %v", made, link, err)
	}
	made, link, err = m.Add(t.Context(), account.AccountDraft{Email: "second@example.org", Role: "admin", Deliver: true})
	if err != nil || link.Link.Ticket != "" || !link.Mailed || made.PendingEmail != "second@example.org" {
		t.Errorf("%+v, %+v, %v", made, link, err)
	}
	letter := w.Letter(t, mail.KindEnrolment)
	if letter.To != "second@example.org" || letter.Person != "" {
		t.Errorf("letter %+v", letter)
	}
	if _, _, err := w.Accounts.OpenEnrolmentLink(t.Context(), ceremonytest.Token(t, letter), "rest"); err != nil {
		t.Error(err)
	}
}

// TestAdministrationIsTold: every act that touches a person is an event with its doer and
// the reason, and a mail to all of the person's addresses that does not say whence.
func TestAdministrationIsTold(t *testing.T) {
	w := ceremonytest.New(t)
	_, admin := colleague(t, w, "root", record.RoleAdmin)
	_, other := resident(t, w, "ana")
	proves(t, w, other, "a@example.org", "b@example.org")
	id, passkey := other.Session().Person().ID, own(t, w, other).ID
	m := administers(t, w, admin)
	change := func(in account.Amendment) error {
		in.Reason = "why"
		_, err := m.Change(t.Context(), id, in)
		return err
	}
	suspend := func(suspended bool) error {
		_, err := m.SetSuspended(t.Context(), id, passkey, suspended, "why")
		return err
	}
	for _, c := range []struct {
		name audit.Name
		do   func() error
	}{
		{audit.PasskeySuspended, func() error { return suspend(true) }},
		{audit.PasskeyRestored, func() error { return suspend(false) }},
		{audit.AllSignedOut, func() error { return m.EndSessions(t.Context(), id, "why") }},
		{audit.RoleChanged, func() error { return change(account.Amendment{Role: ptr("support")}) }},
		{audit.AccountDisabled, func() error { return change(account.Amendment{Disabled: ptr(true)}) }},
		{audit.AccountEnabled, func() error { return change(account.Amendment{Disabled: ptr(false)}) }},
		{audit.PasskeyRemoved, func() error { return m.RemovePasskey(t.Context(), id, passkey, "why") }},
		{audit.AccountDeleted, func() error { return m.Delete(t.Context(), id, "why") }},
	} {
		w.Letters(t)
		must(t, c.do())
		entries := happened(t, w, c.name)
		last := entries[len(entries)-1]
		for _, e := range entries {
			if e.Actor == admin.Session().Person().ID {
				last = e
			}
		}
		if last.Actor != admin.Session().Person().ID || last.Account != id || last.Note != "why" || last.Network == "" {
			t.Errorf("%s: event %+v", c.name, last)
		}
		letters := w.Letters(t)
		if len(letters) != 2 {
			t.Errorf("%s: %d mails", c.name, len(letters))
		}
		for _, letter := range letters {
			if letter.About != string(c.name) || letter.Network != "" || letter.Agent != "" {
				t.Errorf("%s: mail %+v", c.name, letter)
			}
		}
	}
}

// TestReasons: a line of at most 256 bytes.
func TestReasons(t *testing.T) {
	w := ceremonytest.New(t)
	_, admin := colleague(t, w, "root", record.RoleAdmin)
	_, other := resident(t, w, "ana")
	id := other.Session().Person().ID
	for why, ok := range map[string]bool{
		"": true, strings.Repeat("x", 256): true, strings.Repeat("x", 257): false, "two\nlines": false, "\xff": false, "\u202e": false,
	} {
		var refused *account.NameError
		err := administers(t, w, admin).EndSessions(t.Context(), id, why)
		if ok != (err == nil) || !ok && (!errors.As(err, &refused) || refused.Field != "reason") {
			t.Errorf("%q: %v", why, err)
		}
	}
}
