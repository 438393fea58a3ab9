package transfer

import (
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestSignsInElsewhere: a passkey that was made at one deployment signs in at the other,
// by name and without one.
func TestSignsInElsewhere(t *testing.T) {
	at := func(w *ceremonytest.World) *deployment {
		return &deployment{store: w.Store, Config: Config{
			Vault: w.Vault, Store: w.Store, Audit: w.Audit, RPID: ceremonytest.RPID, Now: w.Clock.Now,
		}}
	}
	there, here := ceremonytest.New(t), ceremonytest.New(t)
	phone := webauthntest.New(webauthntest.Phone())
	there.SignUp(t, phone, "ana")
	file, id, _ := at(there).export(t)
	if counts := at(here).takes(t, at(there).open(t, file, id), withRoles); counts.New != 1 {
		t.Fatalf("counts %+v", counts)
	}
	for _, username := range []string{"ana", ""} {
		if _, err := here.Finish(t, here.Assert(t, phone, username)); err != nil {
			t.Errorf("sign in as %q: %v", username, err)
		}
	}
}
