package httpapi

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// anywhere is another network for each call: limits per network are not in its way.
func anywhere() with {
	var b [2]byte
	_, _ = rand.Read(b[:]) // it never fails
	return from(fmt.Sprintf("198.18.%d.%d:4711", b[0], b[1]))
}

// newAddress is nobody's yet.
func newAddress() string { return strings.ToLower(rand.Text()) + "@example.com" }

// mailed is what the only mail that is owed now grants.
func (s *site) mailed(kind mail.Kind) string {
	s.t.Helper()
	return ceremonytest.Token(s.t, s.Letter(s.t, kind))
}

// silent forgets what is owed.
func (s *site) silent() {
	s.t.Helper()
	s.Letters(s.t)
}

// asking is a link that was asked for.
type asking struct {
	request string
	token   string
	begun   answered
}

// body is what finishes it.
func (a asking) body() fields { return fields{"token": a.token, "request": a.request} }

// ask asks for a link and reads the mail.
func (s *site) ask(kind mail.Kind, in fields, edits ...with) asking {
	s.t.Helper()
	s.silent()
	a := asking{begun: s.post("/v1/sign-in/email", in, append(edits, anywhere())...).want(http.StatusAccepted)}
	var out emailBegun
	a.begun.json(&out)
	a.request, a.token = out.Request, s.mailed(kind)
	return a
}

// resident is the address of somebody who has no passkey.
func (s *site) resident() string {
	s.t.Helper()
	address := newAddress()
	s.Resident(s.t, "r-"+strings.ToLower(rand.Text()), address)
	return address
}

// claim claims an address for a person and gives the token that proves it.
func (s *site) claim(p someone, address string) string {
	s.t.Helper()
	s.silent()
	s.patch("/v1/account", string(s.json(fields{"email": address})), bearer(p.token), anywhere()).want(http.StatusOK)
	return s.mailed(mail.KindProof)
}

// reachable is an address that a person has proved, and what the notice of it grants.
func (s *site) reachable(p someone) (address, undo string) {
	s.t.Helper()
	address = newAddress()
	token := s.claim(p, address)
	s.post("/v1/account/email/proof", fields{"token": token}, bearer(p.token)).want(http.StatusOK)
	return address, s.mailed(mail.KindNotice)
}

// codes draws the recovery codes of a person.
func (s *site) codes(p someone) []string {
	s.t.Helper()
	var out newCodes
	s.post("/v1/account/recovery-codes", fields{}, bearer(p.token)).want(http.StatusCreated).json(&out)
	return out.Codes
}

// username is what a person is called.
func (s *site) username(p someone) string {
	s.t.Helper()
	var out accountAnswer
	s.get("/v1/account", bearer(p.token)).want(http.StatusOK).json(&out)
	return out.Username
}

// lost is somebody who has shown a recovery code.
func (s *site) lost() (p someone, right recoveryRight) {
	s.t.Helper()
	p = s.proved(s.t)
	name, codes := s.username(p), s.codes(p)
	s.post("/v1/recovery", fields{"username": name, "code": codes[0]}, anywhere()).want(http.StatusOK).json(&right)
	return p, right
}

// recovering is the finish of a recovery, ready to be sent.
func (s *site) recovering(a *webauthntest.Authenticator, mutations ...webauthntest.Mutation) fields {
	s.t.Helper()
	_, right := s.lost()
	begun := s.post("/v1/recovery/passkey/options", fields{"recovery": right.Recovery})
	made, err := a.Create(begun.publicKey(), ceremonytest.Page(), mutations...)
	if err != nil {
		s.t.Fatal(err)
	}
	return cred(made)
}

// letters make the attempts at what mails and codes grant. What most of them need stands
// in the body, so no browser carries it: given.
func (s *site) letters() map[string]func(someone) attempt {
	s.t.Helper()
	given := func(body func() fields) func(someone) attempt {
		return func(someone) attempt { return attempt{body: s.json(body()), given: true} }
	}
	link := given(func() fields {
		return fields{"token": s.ask(mail.KindSignIn, fields{"email": s.resident()}).token}
	})
	notice := given(func() fields {
		_, undo := s.reachable(s.proved(s.t))
		return fields{"token": undo}
	})
	return map[string]func(someone) attempt{
		"POST /v1/sign-in/email": func(someone) attempt {
			return attempt{body: s.json(fields{"email": newAddress(), "session_mode": "cookie"})}
		},
		"POST /v1/sign-in/email/finish": func(someone) attempt {
			asked := s.ask(mail.KindSignIn, fields{"email": s.resident(), "session_mode": "cookie"})
			return attempt{body: s.json(asked.body()), cookie: carry(asked.begun)}
		},
		"POST /v1/sign-in/email/look": link,
		"POST /v1/sign-in/email/code": link,
		"POST /v1/sign-in/email/deny": link,
		"POST /v1/notices/look":       notice,
		"POST /v1/notices/undo":       notice,
		"POST /v1/recovery": given(func() fields {
			p := s.proved(s.t)
			return fields{"username": s.username(p), "code": s.codes(p)[0]}
		}),
		"POST /v1/recovery/passkey/options": given(func() fields {
			_, right := s.lost()
			return fields{"recovery": right.Recovery}
		}),
		"POST /v1/recovery/passkey": given(func() fields { return s.recovering(phone()) }),
		"DELETE /v1/account/emails/{email}": func(p someone) attempt {
			address, _ := s.reachable(p)
			return attempt{path: "/v1/account/emails/" + url.PathEscape(address)}
		},
		"POST /v1/account/recovery-codes": func(someone) attempt { return attempt{body: []byte(`{}`)} },
		"POST /v1/account/recovery-codes/confirm": func(p someone) attempt {
			return attempt{body: s.json(fields{"code": s.codes(p)[1]})}
		},
		// It is made behind the one before, which claims an address too: an account claims
		// one at a time.
		"POST /v1/account/email/proof": func(p someone) attempt {
			return attempt{body: s.json(fields{"token": s.claim(p, newAddress())})}
		},
	}
}
