package webauthn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// vector is an entry of testdata/vectors; testdata/README.md has the meaning of
// the members.
type vector struct {
	Name                 string
	Kind                 string
	RPID                 string `json:"rpId"`
	Origins              []string
	TopOrigins           []string
	AllowCrossOrigin     bool
	Challenge            webauthn.Bytes
	UserHandle           webauthn.Bytes
	UserVerification     string
	PubKeyCredParams     []int64
	Credential           json.RawMessage
	PublicKey            webauthn.Bytes
	StoredSignCount      uint32
	StoredBackupEligible bool
	ValidAt              string
	PRF                  json.RawMessage
	Expected             struct {
		OK                  *bool
		Fmt                 string
		AttestationType     string
		AAGUID              string
		Alg                 int64
		SignCount           uint32
		Flags               map[string]bool
		CredentialID        webauthn.Bytes
		CredentialPublicKey webauthn.Bytes
		Reason              string
	}
}

// loadVectors reads every file of vectors.
func loadVectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var all []vector
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var some []vector
		if err := json.Unmarshal(b, &some); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, some...)
	}
	return all
}

func (v *vector) at(t testing.TB) time.Time {
	t.Helper()
	if v.ValidAt == "" {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	at, err := time.Parse(time.RFC3339, v.ValidAt)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// register runs section 7.1 on a vector as its source configured it, with every
// format enabled and any attestation type acceptable.
func (v *vector) register(t testing.TB) (*webauthn.Registration, error) {
	t.Helper()
	r, err := webauthn.ParseRegistration(v.Credential)
	if err != nil {
		return nil, err
	}
	return r.Verify(webauthn.RegistrationExpectation{
		Challenge:        v.Challenge,
		RPID:             v.RPID,
		Origins:          v.Origins,
		TopOrigins:       v.TopOrigins,
		CrossOrigin:      v.AllowCrossOrigin,
		UserVerification: v.UserVerification,
		Algorithms:       v.PubKeyCredParams,
		Formats:          []string{"none", "packed", "fido-u2f", "tpm", "android-key", "android-safetynet", "apple", "compound"},
		Attestation:      webauthn.AttestationPolicy{AllowNone: true, AllowSelf: true, AllowUntrusted: true},
		Now:              v.at(t),
	})
}

// authenticate runs section 7.2 on a vector.
func (v *vector) authenticate(t testing.TB) (*webauthn.Assertion, error) {
	t.Helper()
	a, err := webauthn.ParseAssertion(v.Credential)
	if err != nil {
		return nil, err
	}
	handle := v.UserHandle
	if handle == nil {
		handle = a.UserHandle()
	}
	if handle == nil {
		handle = webauthn.Bytes("nobody said")
	}
	return a.Verify(webauthn.AssertionExpectation{
		Challenge:        v.Challenge,
		RPID:             v.RPID,
		Origins:          v.Origins,
		TopOrigins:       v.TopOrigins,
		CrossOrigin:      v.AllowCrossOrigin,
		UserVerification: v.UserVerification,
		Allowed:          true,
		AccountKnown:     true,
		UserHandle:       handle,
		Credential: webauthn.Credential{
			ID:             v.Expected.CredentialID,
			PublicKey:      v.PublicKey,
			RPID:           v.RPID,
			SignCount:      v.StoredSignCount,
			BackupEligible: v.StoredBackupEligible,
			UserHandle:     handle,
		},
	})
}

// machineClock names the formats whose certificates the library judges by the
// machine's clock too. A vector of theirs may be refused some day without anything
// having changed here; on such a day it goes to the list.
func (v *vector) machineClock() bool {
	return v.Expected.Fmt == "tpm" || v.Expected.Fmt == "android-safetynet" || v.Expected.Fmt == "android-key"
}

// TestVectors holds every vector to its source's verdict, or to ours where it
// stands by name in verdicts_test.go.
func TestVectors(t *testing.T) {
	listed := make(map[string]verdict)
	for _, list := range [][]verdict{agreed(), diverging(), undecided()} {
		for _, v := range list {
			if _, twice := listed[v.name]; twice {
				t.Errorf("%s is listed twice", v.name)
			}
			listed[v.name] = v
		}
	}
	count := make(map[string]int)
	for _, v := range loadVectors(t) {
		count[v.Kind]++
		t.Run(v.Name, func(t *testing.T) {
			want, named := listed[v.Name]
			delete(listed, v.Name)
			switch v.Kind {
			case "registration":
				got, err := v.register(t)
				v.judge(t, want, named, err)
				if err == nil {
					v.sameRegistration(t, got)
				}
			case "authentication":
				got, err := v.authenticate(t)
				v.judge(t, want, named, err)
				if err == nil {
					v.sameAssertion(t, got)
				}
			case "prf":
				v.shapes(t)
			default:
				t.Errorf("kind %q is not run", v.Kind)
			}
		})
	}
	for name := range listed {
		t.Errorf("%s is listed and is no vector", name)
	}
	if want := map[string]int{"registration": 151, "authentication": 53, "prf": 4}; !maps.Equal(count, want) {
		t.Errorf("ran %v, want %v", count, want)
	}
}

// judge compares a verdict with the one that is wanted.
func (v *vector) judge(t *testing.T, want verdict, named bool, err error) {
	t.Helper()
	var e *webauthn.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	ok := v.Expected.OK
	switch {
	case !named && (ok == nil || !*ok):
		t.Errorf("not listed; got %v", err)
	case named && want.step == "" && err != nil, !named && err != nil && !v.machineClock():
		t.Errorf("refused: %v", err)
	case named && want.step != "" && (err == nil || e.Step != want.step || e.Code != want.code):
		t.Errorf("got %v, want %s %s", err, want.step, want.code)
	}
}

// sameRegistration compares the facts that the source states.
func (v *vector) sameRegistration(t *testing.T, r *webauthn.Registration) {
	t.Helper()
	e := &v.Expected
	a := r.AAGUID
	types := map[string]string{
		"None": "none", "Self": "self", "Basic": "basic", "AttCA": "attca", "AnonCA": "anonca", "Compound": "compound",
	}
	for _, fact := range []struct {
		name      string
		got, want any
	}{
		{"fmt", r.Format, e.Fmt},
		{"attestation type", r.AttestationType, types[e.AttestationType]},
		{"AAGUID", fmt.Sprintf("%x-%x-%x-%x-%x", a[:4], a[4:6], a[6:8], a[8:10], a[10:]), e.AAGUID},
		{"alg", r.Algorithm, e.Alg},
		{"sign count", r.SignCount, e.SignCount},
		{"credential ID", string(r.CredentialID), string(e.CredentialID)},
		{"public key", string(r.PublicKey), string(e.CredentialPublicKey)},
		{"UP", r.UserPresent, e.Flags["UP"]},
		{"UV", r.UserVerified, e.Flags["UV"]},
		{"BE", r.BackupEligible, e.Flags["BE"]},
		{"BS", r.BackupState, e.Flags["BS"]},
	} {
		if fact.got != fact.want && fact.want != "" {
			t.Errorf("%s = %v, want %v", fact.name, fact.got, fact.want)
		}
	}
}

func (v *vector) sameAssertion(t *testing.T, a *webauthn.Assertion) {
	t.Helper()
	f := v.Expected.Flags
	want := webauthn.Assertion{
		UserPresent: f["UP"], UserVerified: f["UV"], BackupEligible: f["BE"], BackupState: f["BS"],
		SignCount: v.Expected.SignCount,
	}
	if *a != want {
		t.Errorf("got %+v, want %+v", *a, want)
	}
}

// shapes runs the shapes of prf outputs that the specification shows. Its other
// prf examples are sums between client and authenticator, of which a server sees
// nothing.
func (v *vector) shapes(t *testing.T) {
	t.Helper()
	var p struct {
		Cases []struct {
			Create, Get, GetIfThatCredential []json.RawMessage
		}
	}
	if err := json.Unmarshal(v.PRF, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Cases) == 0 && v.Name == "w3c-l3/prf/client-output-shapes" {
		t.Error("no shapes")
	}
	for _, c := range p.Cases {
		for _, outputs := range c.Create {
			if _, err := webauthn.ParseRegistration(created(t, webauthntest.SetMember("clientExtensionResults", outputs))); err != nil {
				t.Errorf("create %s: %v", outputs, err)
			}
		}
		for _, outputs := range append(c.Get, c.GetIfThatCredential...) {
			if _, err := webauthn.ParseAssertion(got(t, webauthntest.SetMember("clientExtensionResults", outputs))); err != nil {
				t.Errorf("get %s: %v", outputs, err)
			}
		}
	}
}
