package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
)

// TestAddresses: claimed, proved by who is signed in to the account that claims it, in
// the account's list, taken away again.
func TestAddresses(t *testing.T) {
	s := newSite(t)
	p, other := s.proved(t), s.proved(t)
	first, second := newAddress(), newAddress()
	token := s.claim(p, first)
	account := func() (out profileAnswer) {
		s.get("/v1/account", bearer(p.token)).want(http.StatusOK).json(&out)
		return out
	}
	if a := account(); a.PendingEmail != first || a.Email != "" || a.Emails != nil {
		t.Errorf("claimed: %+v", a)
	}
	s.post("/v1/account/email/proof", fields{"token": token}).wantCode(codeUnauthenticated)
	s.post("/v1/account/email/proof", fields{"token": token}, bearer(other.token)).wantCode(codeForbidden)
	s.post("/v1/account/email/proof", fields{}, bearer(p.token)).wantCode(codeInvalidField)
	s.post("/v1/account/email/proof", fields{"token": token + "\n"}, bearer(p.token)).wantCode(codeExpired)
	var proved profileAnswer
	s.post("/v1/account/email/proof", fields{"token": token}, s.ownCookie(p)).want(http.StatusOK).json(&proved)
	if proved.Email != first || !slices.Equal(proved.Emails, []string{first}) || proved.PendingEmail != "" {
		t.Errorf("proved: %+v", proved)
	}
	s.post("/v1/account/email/proof", fields{"token": token}, bearer(p.token)).wantCode(codeExpired)

	s.post("/v1/account/email/proof", fields{"token": s.claim(p, second)}, bearer(p.token)).want(http.StatusOK)
	if a := account(); !slices.Equal(a.Emails, []string{second, first}) {
		t.Errorf("both: %+v", a)
	}
	for range 2 { // the second time it is gone already
		s.delete("/v1/account/emails/"+url.PathEscape(strings.ToUpper(first)), bearer(p.token)).want(http.StatusNoContent)
	}
	s.delete("/v1/account/emails/nothing", bearer(p.token)).want(http.StatusNoContent)
	if a := account(); !slices.Equal(a.Emails, []string{second}) {
		t.Errorf("one left: %+v", a)
	}
	s.delete("/v1/account/emails/" + second).wantCode(codeUnauthenticated)
}

// TestClaimsAreLimited: who claims address after address is told to wait.
func TestClaimsAreLimited(t *testing.T) {
	s := newSite(t)
	p, address := s.proved(t), newAddress()
	claim := func() answered {
		return s.patch("/v1/account", string(s.json(fields{"email": address})), bearer(p.token), anywhere())
	}
	claim().want(http.StatusOK)
	if refused := claim().wantCode(codeRateLimited); refused.header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q", refused.header.Get("Retry-After"))
	}
}

// TestRecoveryCodes: ten, told once; one of them shown again proves that they were saved.
func TestRecoveryCodes(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	state := func() (out codesState) {
		s.get("/v1/account/recovery-codes", bearer(p.token)).want(http.StatusOK).json(&out)
		return out
	}
	if got := state(); got != (codesState{}) {
		t.Errorf("before: %+v", got)
	}
	s.post("/v1/account/recovery-codes", fields{}).wantCode(codeUnauthenticated)
	old := s.codes(p)
	codes := s.codes(p)
	if got := state(); len(codes) != 10 || got != (codesState{Left: 10, MadeAt: "2026-11-21T12:00:00Z"}) {
		t.Errorf("%d codes, %+v", len(codes), got)
	}
	for _, wrong := range []string{"", "rubbish", old[0], strings.Repeat("0", 26)} {
		refused := s.post("/v1/account/recovery-codes/confirm", fields{"code": wrong}, bearer(p.token)).wantCode(codeInvalidField)
		if f := refused.problem().Errors[0]; f.Field != "code" {
			t.Errorf("%q: %+v", wrong, f)
		}
	}
	s.post("/v1/account/recovery-codes/confirm", fields{"code": strings.ToLower(codes[3])}, bearer(p.token)).want(http.StatusNoContent)
	if got := state(); !got.Saved || got.Left != 10 {
		t.Errorf("after: %+v", got)
	}
}

// TestRecovery: a code makes a passkey and no session; where another passkey works, the
// new one waits.
func TestRecovery(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	name, code := s.username(p), s.codes(p)[0]
	for _, wrong := range []fields{
		{"username": name, "code": "rubbish"}, {"username": "nobody", "code": code}, {"username": "a\r\nb", "code": code},
	} {
		s.post("/v1/recovery", wrong, anywhere()).wantCode(codeAuthenticationFailed)
	}
	s.post("/v1/recovery", fields{"code": code}).wantCode(codeInvalidField)
	s.post("/v1/recovery", fields{"username": name}).wantCode(codeInvalidField)

	var right recoveryRight
	got := s.post("/v1/recovery", fields{"username": name, "code": code}, anywhere()).want(http.StatusOK)
	if got.json(&right); right.ExpiresIn != 600 || right.HoldUntil != "2026-11-22T12:00:00Z" || len(got.set) > 0 {
		t.Errorf("answer %s, set %v", got.body, got.set)
	}
	s.post("/v1/recovery", fields{"username": name, "code": code}, anywhere()).wantCode(codeAuthenticationFailed)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated)
	s.get("/v1/account", s.ownCookie(p)).wantCode(codeUnauthenticated)

	begun := s.post("/v1/recovery/passkey/options", fields{"recovery": right.Recovery})
	spare := phone()
	made, err := spare.Create(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	s.post("/v1/recovery/passkey", cred(made), without("Origin")).wantCode(codeRegistrationRefused)
	var done recovered
	got = s.post("/v1/recovery/passkey", fields{"credential": cred(made)["credential"], "name": "Spare"}).want(http.StatusCreated)
	if got.json(&done); done.Passkey.Name != "Spare" || done.HoldUntil != right.HoldUntil || done.Passkey.HeldUntil != right.HoldUntil || len(got.set) > 0 {
		t.Errorf("answer %s, set %v", got.body, got.set)
	}
	s.post("/v1/recovery/passkey/options", fields{"recovery": right.Recovery}).wantCode(codeExpired)
	s.signIn(spare, fields{}).wantCode(codeAuthenticationFailed)
	s.Clock.Advance(24*time.Hour + time.Second)
	s.signIn(spare, fields{}).want(http.StatusOK)
}

// TestRecoveryIsLimitedPerNetwork: five codes an hour, right or wrong.
func TestRecoveryIsLimitedPerNetwork(t *testing.T) {
	s := newSite(t)
	here := from("198.51.100.7:1")
	for range 5 {
		s.post("/v1/recovery", fields{"username": "nobody", "code": "rubbish"}, here).wantCode(codeAuthenticationFailed)
	}
	s.post("/v1/recovery", fields{"username": "nobody", "code": "rubbish"}, here).wantCode(codeRateLimited)
	s.post("/v1/recovery", fields{"username": "nobody", "code": "rubbish"}, anywhere()).wantCode(codeAuthenticationFailed)
}

// TestRecoveryOrigins: nothing of it is carried by a cookie, and a page that nobody
// allowed has no business here.
func TestRecoveryOrigins(t *testing.T) {
	s := newSite(t)
	_, right := s.lost()
	for name, sender := range senders {
		for _, call := range []struct {
			path string
			body fields
		}{
			{"/v1/recovery", fields{"username": "nobody", "code": "x"}},
			{"/v1/recovery/passkey/options", fields{"recovery": right.Recovery}},
			{"/v1/notices/look", fields{"token": "x"}},
			{"/v1/notices/undo", fields{"token": "x"}},
		} {
			got := s.post(call.path, call.body, append(sender.with, anywhere())...)
			if refused := got.told() == "403 origin_refused"; refused == sender.token {
				t.Errorf("%s from %s: %d %s", call.path, name, got.status, got.body)
			}
			if len(got.set) > 0 {
				t.Errorf("%s from %s: set %v", call.path, name, got.set)
			}
		}
	}
}

// TestNotices: "this was not me", by whoever reads the mail, once.
func TestNotices(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	home, _ := s.reachable(p)
	s.silent()
	_, add := s.bind(p, "token")
	add().want(http.StatusCreated)
	undo := s.mailed(mail.KindNotice)

	writes := s.writes(t)
	var seen noticeSeen
	s.post("/v1/notices/look", fields{"token": undo}).want(http.StatusOK).json(&seen)
	if seen != (noticeSeen{About: "passkey.added", Subject: "Second", At: "2026-11-21T12:00:00Z"}) || writes() != 0 {
		t.Errorf("seen %+v", seen)
	}
	for _, token := range []string{undo + "\n", undo[1:], undo + "A", "x"} {
		s.post("/v1/notices/undo", fields{"token": token}).wantCode(codeExpired)
	}
	s.post("/v1/notices/undo", fields{}).wantCode(codeInvalidField)
	got := s.post("/v1/notices/undo", fields{"token": undo}, s.ownCookie(p)).want(http.StatusNoContent)
	if c := got.set[s.cookies.session]; c == nil || c.MaxAge >= 0 {
		t.Errorf("the session's cookie stays: %v", got.set)
	}
	s.post("/v1/notices/undo", fields{"token": undo}).wantCode(codeExpired)
	s.post("/v1/notices/look", fields{"token": undo}).wantCode(codeExpired)
	s.get("/v1/account", bearer(p.token)).wantCode(codeUnauthenticated)

	var out tokenAnswer
	s.signIn(p.phone, fields{}).want(http.StatusOK).json(&out)
	var list passkeysAnswer
	s.get("/v1/passkeys", bearer(out.AccessToken)).want(http.StatusOK).json(&list)
	if len(list.Passkeys) != 2 || list.Passkeys[0].Suspended || !list.Passkeys[1].Suspended || out.Account.Email != home {
		t.Errorf("left %+v", list.Passkeys)
	}
}
