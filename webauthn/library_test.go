package webauthn_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestLeafAtCeremony is AP-06 of the lists: a leaf that is valid for three days is
// judged by the time of the ceremony. The library would take it at any time.
func TestLeafAtCeremony(t *testing.T) {
	for _, v := range loadVectors(t) {
		if v.Name != "yubico-java/RealExamples/AppleAttestationIos/registration" {
			continue
		}
		at := v.at(t)
		for _, c := range []struct {
			after time.Duration
			ok    bool
		}{{0, true}, {-96 * time.Hour, false}, {96 * time.Hour, false}} {
			v.ValidAt = at.Add(c.after).Format(time.RFC3339)
			if _, err := v.register(t); c.ok && err != nil {
				t.Error(err)
			} else if !c.ok {
				wantRefusal(t, err, "7.1/22", webauthn.CodeAttestationInvalid)
			}
		}
		return
	}
	t.Fatal("the vector is gone")
}

// TestLibraryFormats: the formats that the library verifies refuse what is of
// another shape, by our code. AP-01, AK-01, TP-02 and SN-01 are among them.
func TestLibraryFormats(t *testing.T) {
	formats := []string{"tpm", "android-key", "apple", "android-safetynet"}
	for _, format := range formats {
		for name, statement := range map[string]map[string]any{
			"empty":         {},
			"no array":      {"x5c": []byte{1}},
			"no element":    {"x5c": []any{}},
			"text":          {"x5c": []any{"text"}},
			"nothing in it": {"x5c": []any{[]byte{1}}, "alg": -7, "sig": []byte{1}, "ver": "2.0"},
			"response":      {"ver": "1", "response": []byte("a.b")},
		} {
			t.Run(format+"/"+name, func(t *testing.T) {
				e := expectRegistration()
				e.Formats = formats
				_, err := register(created(t, webauthntest.EditAttestation(func(o map[string]any) {
					o["fmt"], o["attStmt"] = format, statement
				})), e)
				wantRefusal(t, err, "7.1/22", webauthn.CodeAttestationInvalid)
			})
		}
	}
}
