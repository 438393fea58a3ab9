package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// listed reads the list of who holds a proof, in pages of limit.
func (w *world) listed(t *testing.T, p ceremony.Proof, limit int) (all []session.Listed) {
	t.Helper()
	asks, before := w.alive(t, p, "the one that asks"), uuid.Nil
	for {
		list, next, err := w.Sessions.List(t.Context(), asks, before, limit)
		must(t, err)
		if len(list) > limit {
			t.Fatalf("a page of %d, limit %d", len(list), limit)
		}
		all = append(all, list...)
		if next == uuid.Nil {
			return all
		}
		if len(list) != limit || next != list[len(list)-1].ID {
			t.Fatalf("a page of %d goes on after %v", len(list), next)
		}
		before = next
	}
}

func identifiers(list []session.Listed) (ids []uuid.UUID) {
	for _, l := range list {
		ids = append(ids, l.ID)
	}
	return ids
}

// TestListPages: newest first, each once, whatever the size of a page, and however many
// there are.
func TestListPages(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	other := w.SignUp(t, webauthntest.New(webauthntest.Phone()), "bob")
	proofs := []ceremony.Proof{w.up}
	for n := range 120 { // more than are read at a time
		w.Clock.Advance(time.Second)
		r := ceremonytest.Request()
		if n%2 == 0 {
			r = ceremonytest.CookieRequest()
		}
		proofs = append(proofs, w.in(t, r))
	}
	for _, limit := range []int{1, 7, 100, 120, 121, 1000} {
		list := w.listed(t, proofs[5], limit)
		if len(list) != len(proofs) {
			t.Fatalf("pages of %d: %d sessions, want %d", limit, len(list), len(proofs))
		}
		for i, l := range list {
			want := proofs[len(proofs)-1-i].Session()
			if l.ID != want.View().ID || l.Current != (l.ID == proofs[5].Session().View().ID) || l.Mode != want.View().Mode {
				t.Fatalf("pages of %d: number %d reads %+v", limit, i, l)
			}
		}
	}
	if list := w.listed(t, other, 100); len(list) != 1 || !list[0].Current {
		t.Fatalf("somebody else reads %v", identifiers(list))
	}
}

// TestListSays: when a session began, when it was last used, and by what.
func TestListSays(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	r := ceremonytest.CookieRequest()
	r.Caller.UserAgent = "Firefox/130"
	proof, began := w.in(t, r), w.Clock.Now()
	w.Clock.Advance(time.Hour)
	w.alive(t, proof, "an hour later")
	l := w.listed(t, w.up, 10)[0]
	if l.UserAgent != "Firefox/130" || !l.Created.Equal(began) || !l.LastSeen.Equal(began.Add(time.Hour)) || l.Current || l.AAL != 2 ||
		!l.ExpiresAt.Equal(began.Add(30*24*time.Hour)) {
		t.Fatalf("reads %+v", l)
	}
}

// TestAgentsThatAreNoText: what a client says of itself is bounded, and makes no
// session that cannot be read back.
func TestAgentsThatAreNoText(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	for _, agent := range []string{"", "a\xff\xfeb", strings.Repeat("a", 255) + "é", strings.Repeat("é", 4096), string([]byte{0xc3})} {
		r := ceremonytest.Request()
		r.Caller.UserAgent = agent
		w.alive(t, w.in(t, r), agent)
		if got := w.listed(t, w.up, 10)[0].UserAgent; got != audit.Agent(agent) || len(got) > 256 || !utf8.ValidString(got) {
			t.Errorf("agent %.20q is kept as %d bytes", agent, len(got))
		}
	}
}

// TestListLeavesDeadOut: what no longer signs anybody in is not listed.
func TestListLeavesDeadOut(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	phone := webauthntest.New(webauthntest.Phone())
	ended, idle := w.in(t, ceremonytest.Request()), w.in(t, ceremonytest.CookieRequest())
	must(t, w.Sessions.End(t.Context(), ended.Session(), false, audit.Caller{}))
	w.hop(t, w.up, 7*24*time.Hour, 24*time.Hour)
	in := w.in(t, ceremonytest.Request())
	w.dead(t, idle, "unused for a week")
	if list := w.listed(t, in, 10); len(list) != 2 || list[0].ID != in.Session().View().ID || list[1].ID != w.up.Session().View().ID {
		t.Fatalf("listed %v", identifiers(list))
	}
	// A second passkey's session does not live on a passkey whose state has moved.
	w.bind(t, in, phone)
	second := w.by(t, phone)
	w.change(t, func(f *record.AccountFacts) { f.Ways[0].State++ })
	if list := w.listed(t, second, 10); len(list) != 1 || !list[0].Current {
		t.Fatalf("listed %v", identifiers(list))
	}
}

// bind adds a passkey to ana's account.
func (w *world) bind(t *testing.T, p ceremony.Proof, a *webauthntest.Authenticator) {
	t.Helper()
	options, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), p.Session(), "")
	must(t, err)
	made, err := a.Create(ceremonytest.JSON(t, options), ceremonytest.Page())
	must(t, err)
	_, err = w.RP.FinishBinding(t.Context(), ceremonytest.Request(), p.Session(), ceremony.Finish{Credential: made})
	must(t, err)
}

// by signs ana in by a certain passkey.
func (w *world) by(t *testing.T, a *webauthntest.Authenticator) ceremony.Proof {
	t.Helper()
	proof, err := w.Finish(t, w.Assert(t, a, ""))
	must(t, err)
	return proof
}

// TestListLeavesTamperedOut: a session's row that was edited is left out, with an
// alarm; the others stay listed.
func TestListLeavesTamperedOut(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	bent := w.in(t, ceremonytest.Request())
	id := bent.Session().View().ID
	w.Intrude(t).Do("UPDATE sessions SET expires = expires + 1000 WHERE key = ?", id[:])
	if list := w.listed(t, w.up, 10); len(list) != 1 || list[0].ID != w.up.Session().View().ID {
		t.Fatalf("listed %v", identifiers(list))
	}
	if !strings.Contains(w.Journal.String(), `"alarm":"session_record_tampered"`) {
		t.Fatalf("no alarm: %s", w.Journal)
	}
	err := w.Sessions.EndOther(t.Context(), w.up.Session(), id, audit.Caller{})
	if !errors.Is(err, session.ErrNone) {
		t.Fatalf("ending it: %v", err)
	}
}

// TestEndOther: somebody ends a session of their own, and no other.
func TestEndOther(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	bob := w.SignUp(t, webauthntest.New(webauthntest.Phone()), "bob")
	one, two := w.in(t, ceremonytest.CookieRequest()), w.in(t, ceremonytest.Request())
	before := w.Store.Writes()
	for why, id := range map[string]uuid.UUID{
		"somebody else's": bob.Session().View().ID, "nobody's": uuid.New(), "no identifier": uuid.Nil, "an account's": w.up.Session().Person().ID,
	} {
		if err := w.Sessions.EndOther(t.Context(), one.Session(), id, audit.Caller{}); !errors.Is(err, session.ErrNone) {
			t.Fatalf("%s: %v", why, err)
		}
	}
	w.alive(t, bob, "somebody else")
	if w.Store.Writes() != before || events(t, w, audit.SignedOut) != 0 {
		t.Fatal("ending nothing wrote something")
	}
	must(t, w.Sessions.EndOther(t.Context(), one.Session(), two.Session().View().ID, audit.Caller{}))
	w.dead(t, two, "ended")
	w.worthless(t, w.refresh(t, two), "its refresh token")
	w.alive(t, one, "the one that ended it")
	w.alive(t, w.up, "a third one")
	if err := w.Sessions.EndOther(t.Context(), one.Session(), two.Session().View().ID, audit.Caller{}); !errors.Is(err, session.ErrNone) {
		t.Fatalf("a second time: %v", err)
	}
	must(t, w.Sessions.EndOther(t.Context(), one.Session(), one.Session().View().ID, audit.Caller{}))
	w.dead(t, one, "its own end")
	if n := events(t, w, audit.SignedOut); n != 2 {
		t.Fatalf("%d events of two ends", n)
	}
}

// TestEndOthers: every session of the account but the one that asks ends, and is told.
func TestEndOthers(t *testing.T) {
	w := newWorld(t, "standard", webauthntest.Phone())
	bob := w.SignUp(t, webauthntest.New(webauthntest.Phone()), "bob")
	one := w.in(t, ceremonytest.CookieRequest())
	others := []ceremony.Proof{w.up, w.in(t, ceremonytest.CookieRequest()), w.in(t, ceremonytest.Request())}
	n, err := w.Sessions.EndOthers(t.Context(), one.Session(), audit.Caller{})
	if err != nil || n != len(others) {
		t.Fatalf("%d ended, %v", n, err)
	}
	for _, p := range others {
		w.dead(t, p, "ended")
	}
	w.alive(t, one, "the one that asks")
	w.alive(t, bob, "somebody else")
	if n, err := w.Sessions.EndOthers(t.Context(), one.Session(), audit.Caller{}); err != nil || n != 0 {
		t.Fatalf("a second time: %d ended, %v", n, err)
	}
	if n := events(t, w, audit.SignedOut); n != len(others) {
		t.Fatalf("%d events of %d ends", n, len(others))
	}
}
