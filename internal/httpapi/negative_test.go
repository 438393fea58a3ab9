package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const (
	signUpBegin = "/v1/sign-up/passkey/options"
	signInBegin = "/v1/sign-in/passkey/options"
)

// creation and request read the options that a page got.
func (a answered) creation() (o webauthn.CreationOptions) {
	a.t.Helper()
	if err := json.Unmarshal(a.publicKey(), &o); err != nil {
		a.t.Fatal(err)
	}
	return o
}

func (a answered) request() (o webauthn.RequestOptions) {
	a.t.Helper()
	if err := json.Unmarshal(a.publicKey(), &o); err != nil {
		a.t.Fatal(err)
	}
	return o
}

// TestNegativeContentType is JS-04 of the lists in docs/negative-cases.md: a form makes
// no call, although what it carries is right.
func TestNegativeContentType(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	begun := s.post(signInBegin, fields{})
	made, err := p.phone.Get(begun.publicKey(), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""} {
		s.post("/v1/sign-in/passkey", cred(made), without("Content-Type"), header("Content-Type", kind)).want(http.StatusUnsupportedMediaType)
	}
	s.post("/v1/sign-in/passkey", cred(made)).want(http.StatusOK)
}

// TestNegativeOptions are OP of the lists. What the options say is the server's to say:
// a page that asks for another attestation, time or extension names a member that no
// call has, and that is refused whatever its value.
func TestNegativeOptions(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		id, path string
		body     fields
		code     code // none: accepted
	}{
		{"OP-01/attestation", signUpBegin, fields{"username": "ana", "attestation": "sideways"}, codeMalformed},
		{"OP-01/user verification", signInBegin, fields{"user_verification": "perhaps"}, codeMalformed},
		{"OP-02/absent", signUpBegin, fields{}, codeInvalidField},
		{"OP-02/empty", signUpBegin, fields{"username": ""}, codeInvalidField},
		{"OP-03/long", signUpBegin, fields{"username": strings.Repeat("a", 4096)}, codeUsernameNotAllowed},
		{"OP-03/control", signUpBegin, fields{"username": "ana\u0007"}, codeUsernameNotAllowed},
		{"OP-03/direction", signUpBegin, fields{"username": "ana\u202e"}, codeUsernameNotAllowed},
		{"OP-04", signUpBegin, fields{"username": "ana"}, ""},
		{"OP-05", signInBegin, fields{"username": "nobody"}, ""},
		{"OP-11/zero", signUpBegin, fields{"username": "ana", "timeout": 0}, codeMalformed},
		{"OP-11/negative", signInBegin, fields{"timeout": -1}, codeMalformed},
		{"OP-11/text", signInBegin, fields{"timeout": "60000"}, codeMalformed},
		{"OP-12", signUpBegin, fields{"username": "ana", "extensions": fields{"unheard-of": true}}, codeMalformed},
	} {
		t.Run(c.id, func(t *testing.T) {
			if got := s.post(c.path, c.body); c.code == "" {
				got.want(http.StatusOK)
			} else {
				got.wantCode(c.code)
			}
		})
	}
}

// TestOptionsOfSignUp are Req-1 of the conformance tool, and OP-06, OP-07 and OP-10.
func TestOptionsOfSignUp(t *testing.T) {
	s := newSite(t)
	o := s.post(signUpBegin, fields{"username": "ana", "display_name": "Ana"}).creation()
	u := o.User
	if o.RP.ID != ceremonytest.RPID || o.RP.Name == "" || u.Name != "ana" || u.DisplayName != "Ana" || len(u.ID) == 0 || len(u.ID) > 64 ||
		o.Timeout <= 0 || len(o.PubKeyCredParams) == 0 {
		t.Errorf("Req-1 P-1: %+v", o)
	}
	if len(o.Challenge) < 16 {
		t.Errorf("OP-06: a challenge of %d bytes", len(o.Challenge))
	}
	if again := s.post(signUpBegin, fields{"username": "ana"}).creation(); string(again.Challenge) == string(o.Challenge) {
		t.Error("Req-1 P-3: a challenge came twice")
	}
	if o.AuthenticatorSelection.UserVerification != webauthn.VerificationRequired {
		t.Errorf("Req-1 P-4: user verification %q", o.AuthenticatorSelection.UserVerification)
	}
	for _, p := range o.PubKeyCredParams {
		if !slices.Contains(webauthn.DefaultAlgorithms(), p.Alg) || p.Type != webauthn.PublicKey {
			t.Errorf("OP-07: %+v is offered", p)
		}
	}
	for _, edit := range []with{header("X-Forwarded-Host", "evil.example"), header("Forwarded", "host=evil.example"), origin(foreign)} {
		if got := s.post(signUpBegin, fields{"username": "ana"}, edit).creation().RP.ID; got != ceremonytest.RPID {
			t.Errorf("OP-10: RP ID %q", got)
		}
	}
}

// TestOptionsOfSignIn are GetReq-1 of the conformance tool, and OP-09 for the list of
// what may answer.
func TestOptionsOfSignIn(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	other := webauthntest.New(webauthntest.SecurityKey())
	s.register(other, fields{"username": "bob"}).want(http.StatusCreated)
	o := s.post(signInBegin, fields{"username": "bob"}).request()
	if len(o.Challenge) < 16 || o.RPID != ceremonytest.RPID || o.Timeout <= 0 || o.UserVerification != webauthn.VerificationRequired {
		t.Errorf("GetReq-1 P-1: %+v", o)
	}
	list := o.AllowCredentials
	if len(list) != 1 || string(list[0].ID) != string(other.Credentials()[0].ID) || string(list[0].ID) == string(p.phone.Credentials()[0].ID) {
		t.Fatalf("GetReq-1 P-1: %+v may answer", list)
	}
	if got := strings.Join(list[0].Transports, " "); got != "nfc usb" {
		t.Errorf("OP-09: transports %q", got)
	}
	if again := s.post(signInBegin, fields{"username": "bob"}).request(); string(again.Challenge) == string(o.Challenge) {
		t.Error("GetReq-1 P-2: a challenge came twice")
	}
}

// TestExcludedPasskeys are Att-1 P-1, OP-08 and OP-09 for the list of what is there:
// the passkeys of this person, with the transports that were told, and nobody else's.
func TestExcludedPasskeys(t *testing.T) {
	s := newSite(t)
	p := s.proved(t)
	s.register(phone(), fields{"username": "bob"}).want(http.StatusCreated)
	o := s.post("/v1/passkeys/options", fields{}, bearer(p.token)).creation()
	mine := p.phone.Credentials()[0].ID
	if len(o.ExcludeCredentials) != 1 || string(o.ExcludeCredentials[0].ID) != string(mine) || o.ExcludeCredentials[0].Type != webauthn.PublicKey {
		t.Fatalf("excluded %+v", o.ExcludeCredentials)
	}
	if got := strings.Join(o.ExcludeCredentials[0].Transports, " "); got != "hybrid internal" {
		t.Errorf("transports %q", got)
	}
}

// TestOptionsTellNobody is OP-05: a name that nobody has is answered with options of the
// same shape, whether the list is shown or not.
func TestOptionsTellNobody(t *testing.T) {
	for _, shown := range []bool{true, false} {
		w := ceremonytest.New(t, func(c *ceremony.Config) { c.AllowList = shown })
		s := newSiteOn(t, w)
		s.register(phone(), fields{"username": "ana"}).want(http.StatusCreated)
		known, unknown := s.post(signInBegin, fields{"username": "ana"}), s.post(signInBegin, fields{"username": "nobody"})
		if known.status != unknown.status || (len(known.request().AllowCredentials) > 0) != (len(unknown.request().AllowCredentials) > 0) ||
			len(known.request().Challenge) != len(unknown.request().Challenge) {
			t.Errorf("list shown %v: %s, %s", shown, known.body, unknown.body)
		}
	}
}
