package ceremony_test

import (
	"errors"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// signedInBy runs a sign-in of the client that r is.
func signedInBy(t *testing.T, w *ceremonytest.World, a *webauthntest.Authenticator, r ceremony.Request, m ...webauthntest.Mutation) (ceremony.Proof, error) {
	t.Helper()
	options, err := w.RP.BeginSignIn(t.Context(), r, ceremony.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Get(ceremonytest.JSON(t, options), ceremonytest.Page(), m...)
	if err != nil {
		t.Fatal(err)
	}
	return w.RP.FinishSignIn(t.Context(), r, ceremony.Finish{Credential: answer})
}

// A sign-in by cookie ends the session whose cookie came along, whoever's it is, and
// nothing else ever does.
func TestSignInReplaces(t *testing.T) {
	for name, test := range map[string]struct {
		mode, before session.Mode
		other        bool // somebody else signs in
		refused      bool
		ends         bool
	}{
		"cookie after cookie":                  {session.ModeCookie, session.ModeCookie, false, false, true},
		"cookie after somebody else's cookie":  {session.ModeCookie, session.ModeCookie, true, false, true},
		"token after cookie":                   {session.ModeToken, session.ModeCookie, false, false, false},
		"cookie after token":                   {session.ModeCookie, session.ModeToken, false, false, false},
		"a sign-in that is refused":            {session.ModeCookie, session.ModeCookie, false, true, false},
		"token after token, which has no room": {session.ModeToken, session.ModeToken, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			a, b := webauthntest.New(webauthntest.Phone()), webauthntest.New(webauthntest.Phone())
			w.SignUp(t, a, "ana")
			w.SignUp(t, b, "ben")
			client := map[session.Mode]ceremony.Request{session.ModeCookie: ceremonytest.CookieRequest(), session.ModeToken: ceremonytest.Request()}
			before, err := signedInBy(t, w, a, client[test.before])
			if err != nil {
				t.Fatal(err)
			}
			r := client[test.mode]
			r.Session = before.Session()
			who, mutations := a, []webauthntest.Mutation(nil)
			if test.other {
				who = b
			}
			if test.refused {
				mutations = append(mutations, webauthntest.SignWithNewKey())
			}
			if _, err := signedInBy(t, w, who, r, mutations...); (err != nil) != test.refused {
				t.Fatal(err)
			}
			err = w.Sessions.EndOther(t.Context(), before.Session(), before.Session().View().ID, r.Caller)
			if gone := errors.Is(err, session.ErrNone); gone != test.ends {
				t.Errorf("ended %t, want %t (%v)", gone, test.ends, err)
			}
		})
	}
}
