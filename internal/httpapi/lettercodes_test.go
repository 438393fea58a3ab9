package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// links is what can be refused to who asks for a link or shows one.
func (h tally) links(t *testing.T) {
	silent := newSiteOn(t, ceremonytest.NewUnder(t, account.Policy{SignUp: account.SignUpClosed}))
	h.note(silent.post("/v1/sign-in/email", fields{"email": "ana@example.com"}))
	s := newSite(t)
	for _, call := range []string{"look", "finish", "code", "deny"} {
		h.note(s.post("/v1/sign-in/email/"+call, fields{"token": "rubbish"}))
	}
	asked := s.ask(mail.KindSignIn, fields{"email": s.resident()})
	h.note(s.post("/v1/sign-in/email/finish", fields{"token": asked.token}))
	for _, call := range []string{"look", "undo"} {
		h.note(s.post("/v1/notices/"+call, fields{"token": "rubbish"}))
	}
}

// addresses is what can be refused to who proves an address or takes one away.
func (h tally) addresses(t *testing.T) {
	s := newSite(t)
	p, other := s.proved(t), s.proved(t)
	contested := newAddress()
	mine := s.claim(p, contested)
	s.Clock.Advance(account.MailAgain + time.Second)
	theirs := s.claim(other, contested)
	h.note(s.post("/v1/account/email/proof", fields{"token": mine}, bearer(other.token)))
	h.note(s.post("/v1/account/email/proof", fields{"token": mine}, bearer(p.token)))
	h.note(s.post("/v1/account/email/proof", fields{"token": theirs}, bearer(other.token)))
	h.note(s.post("/v1/account/email/proof", fields{"token": "rubbish"}, bearer(p.token)))

	address := s.resident()
	var out tokenAnswer
	s.post("/v1/sign-in/email/finish", s.ask(mail.KindSignIn, fields{"email": address}).body()).want(http.StatusOK).json(&out)
	h.note(s.delete("/v1/account/emails/"+address, bearer(out.AccessToken)))
	s.Clock.Advance(6 * time.Minute)
	h.note(s.delete("/v1/account/emails/"+contested, bearer(p.token)))
	h.note(s.post("/v1/account/recovery-codes", fields{}, bearer(p.token)))
}

// recoveries is what can be refused to who draws recovery codes or shows one.
func (h tally) recoveries(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	h.note(s.post("/v1/account/recovery-codes/confirm", fields{"code": "rubbish"}, bearer(p.token)))
	h.note(s.post("/v1/recovery", fields{"username": "nobody", "code": "rubbish"}, anywhere()))
	h.note(s.post("/v1/recovery/passkey/options", fields{"recovery": "rubbish"}))
	h.note(s.post("/v1/recovery/passkey", s.recovering(phone(), webauthntest.SetRPID("evil.example"))))
	h.note(s.post("/v1/recovery/passkey", s.recovering(phone(), webauthntest.UseCredentialID(p.phone.Credentials()[0].ID))))
	late := s.recovering(phone())
	s.Clock.Advance(11 * time.Minute)
	h.note(s.post("/v1/recovery/passkey", late))
	h.note(fullOfPasskeys(t))
}

// fullOfPasskeys is the answer to a recovery that would make one passkey too many: those
// that an account may have, and one more for each code.
func fullOfPasskeys(t *testing.T) (last answered) {
	s := newSiteOn(t, ceremonytest.New(t, func(c *ceremony.Config) { c.PasskeysPerAccount = 1 }))
	p := s.proved(t)
	name := s.username(p)
	for range 2 {
		var out tokenAnswer
		s.signIn(p.phone, fields{}).want(http.StatusOK).json(&out)
		p.token = out.AccessToken
		for _, code := range s.codes(p) {
			var right recoveryRight
			s.post("/v1/recovery", fields{"username": name, "code": code}, anywhere()).want(http.StatusOK).json(&right)
			begun := s.post("/v1/recovery/passkey/options", fields{"recovery": right.Recovery})
			made, err := phone().Create(begun.publicKey(), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			if last = s.post("/v1/recovery/passkey", cred(made)); last.status != http.StatusCreated {
				return last
			}
		}
	}
	return last
}
