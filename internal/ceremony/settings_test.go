package ceremony_test

import (
	"testing"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/mail"
)

// after restarts a world with a policy that is edited.
func after(t *testing.T, w *ceremonytest.World, edit func(*account.Policy)) *ceremonytest.World {
	t.Helper()
	policy := ceremonytest.Policy()
	edit(&policy)
	return w.Under(t, policy)
}

// TestSettingsChangeMeanwhile: what was begun under one policy is finished under the one
// that holds then.
func TestSettingsChangeMeanwhile(t *testing.T) {
	closed := func(p *account.Policy) { p.SignUp = account.SignUpClosed }
	invite := func(p *account.Policy) { p.SignUp = account.SignUpInvite }
	t.Run("sign-up was open", func(t *testing.T) {
		w := ceremonytest.New(t)
		answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana"})
		_, err := finish(t, after(t, w, invite), answer)
		refused(t, err, ceremony.KindClosed, "", "sign_up_closed")
	})
	t.Run("a proved address had a right", func(t *testing.T) {
		w := ceremonytest.New(t)
		done, err := honoured(t, w, mailed(t, w, anasAddress, mail.KindSignUp))
		must(t, err)
		answer := w.Register(t, phone(), ceremony.SignUp{Ticket: done.SignUp.Ticket})
		_, err = finish(t, after(t, w, invite), answer)
		refused(t, err, ceremony.KindExpired, "", "link_unusable")
	})
	t.Run("an invitation had a right", func(t *testing.T) {
		w := ceremonytest.New(t)
		answer := w.Register(t, phone(), ceremony.SignUp{Username: "ana", Ticket: invited(t, w, account.InvitationDraft{})})
		_, err := finish(t, after(t, w, closed), answer)
		refused(t, err, ceremony.KindExpired, "", "link_unusable")
	})
	for name, edit := range map[string]func(*account.Policy){
		"closed": closed, "invited only": invite, "no mail": func(p *account.Policy) { p.Mail = false },
		"no links": func(p *account.Policy) { p.Links = account.LinksNever },
	} {
		t.Run("a link led to sign-up/"+name, func(t *testing.T) {
			w := ceremonytest.New(t)
			in := mailed(t, w, anasAddress, mail.KindSignUp)
			_, err := honoured(t, after(t, w, edit), in)
			refused(t, err, ceremony.KindAuthentication, "", "link_not_allowed")
		})
	}
	for name, edit := range map[string]func(*account.Policy){
		"no links": func(p *account.Policy) { p.Links = account.LinksNever }, "aal2 or aal3": func(p *account.Policy) { p.Standard = false },
	} {
		t.Run("a link signed in/"+name, func(t *testing.T) {
			w := ceremonytest.New(t)
			w.Resident(t, "ana", anasAddress)
			in := mailed(t, w, anasAddress, mail.KindSignIn)
			_, err := honoured(t, after(t, w, edit), in)
			refused(t, err, ceremony.KindAuthentication, "", "link_not_allowed")
		})
	}
}
