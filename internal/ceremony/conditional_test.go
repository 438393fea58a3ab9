package ceremony_test

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestConditionalBinding: a browser that makes a passkey by itself sees nobody and
// verifies nobody (§5.1.3), and only that ceremony may say so.
func TestConditionalBinding(t *testing.T) {
	const up, uv = webauthntest.FlagUP, webauthntest.FlagUV
	for name, c := range map[string]struct {
		mediation  string
		clear      webauthntest.Flags
		step, code string
	}{
		"conditional, nobody there":      {"conditional", up | uv, "", ""},
		"conditional, somebody there":    {"conditional", uv, "", ""},
		"conditional, somebody verified": {"conditional", 0, "", ""},
		"asked for, nobody there":        {"", up | uv, "7.1/15", webauthn.CodeUserPresenceMissing},
		"asked for, nobody verified":     {"", uv, "7.1/16", webauthn.CodeUserVerificationMissing},
		"asked for":                      {"", 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := ceremonytest.New(t)
			_, proof := resident(t, w, "ana")
			passkey, err := bound(t, w, proof, binding(t, w, proof, phone(), c.mediation, webauthntest.ClearFlags(c.clear)))
			if c.code != "" {
				refused(t, err, ceremony.KindRegistration, c.step, c.code)
				return
			}
			if err != nil || passkey.UserVerified != (c.clear&uv == 0) {
				t.Fatalf("passkey %+v, %v", passkey, err)
			}
		})
	}
}

// TestUnverifiedPasskeyIsOneFactor: a passkey that was made without its person counts
// as a single factor, whatever it claims later, and is no fresh proof.
func TestUnverifiedPasskeyIsOneFactor(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	b := phone()
	if _, err := bound(t, w, proof, binding(t, w, proof, b, "conditional", webauthntest.ClearFlags(webauthntest.FlagUP|webauthntest.FlagUV))); err != nil {
		t.Fatal(err)
	}
	weak := func(t *testing.T, p ceremony.Proof) {
		t.Helper()
		v := p.Session().View()
		if v.AAL != 1 || v.ACR != "phr" || slices.Contains(v.AMR, "mfa") || p.Session().Fresh(w.Clock.Now(), 0) {
			t.Fatalf("session %+v", v)
		}
		_, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), p.Session(), "")
		refused(t, err, ceremony.KindStepUp, "", stepUpRequired)
	}
	for range 2 { // claiming user verification once does not make it true
		in := signedIn(t, w, b, ceremonytest.Request())
		weak(t, in)
		raised, err := raisedBy(t, w, in, b, ceremony.StepUp{})
		if err != nil {
			t.Fatal(err)
		}
		weak(t, raised)
	}
	for _, p := range passkeys(t, w, proof) {
		if p.UserVerified != (p.TimesUsed == 1) { // the first one signed in once
			t.Fatalf("passkey %+v", p)
		}
	}
}

// TestConditionalOptions: what the browser is told, and what it may ask for.
func TestConditionalOptions(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	options, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), proof.Session(), "conditional")
	if err != nil || options.AuthenticatorSelection.UserVerification != "preferred" {
		t.Fatalf("options %+v, %v", options.AuthenticatorSelection, err)
	}
	for _, mediation := range []string{"Conditional", "required", "silent", " "} {
		_, err := w.RP.BeginBinding(t.Context(), ceremonytest.Request(), proof.Session(), mediation)
		fieldRefused(t, err, ceremony.KindField, "mediation", "unknown")
	}
}
