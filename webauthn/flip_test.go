package webauthn_test

import (
	"encoding/json"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
)

// everyFlip calls try with each answer that differs from a right one in one bit of
// one base64url member of its response.
func everyFlip(t *testing.T, right []byte, member string, try func(body []byte) error) {
	t.Helper()
	var whole map[string]json.RawMessage
	var response map[string]json.RawMessage
	var value webauthn.Bytes
	for _, part := range []struct {
		text []byte
		into any
	}{{right, &whole}, {nil, &response}, {nil, &value}} {
		text := part.text
		switch part.into {
		case any(&response):
			text = whole["response"]
		case any(&value):
			text = response[member]
		}
		if err := json.Unmarshal(text, part.into); err != nil {
			t.Fatal(err)
		}
	}
	if len(value) == 0 {
		t.Fatalf("no %s", member)
	}
	for bit := range 8 * len(value) {
		value[bit/8] ^= 1 << (bit % 8)
		response[member] = marshal(t, value)
		whole["response"] = marshal(t, response)
		if try(marshal(t, whole)) == nil {
			t.Errorf("bit %d of %s", bit, member)
		}
		value[bit/8] ^= 1 << (bit % 8)
	}
}

// TestFlippedBits: no bit of what is signed, or of the signature, can be turned
// over without a refusal.
func TestFlippedBits(t *testing.T) {
	answer, k := asserted(t, model(), page())
	for _, member := range []string{"clientDataJSON", "authenticatorData", "signature"} {
		everyFlip(t, answer, member, func(body []byte) error {
			_, err := authenticate(body, expectAssertion(k))
			return err
		})
	}
	for _, member := range []string{"clientDataJSON", "attestationObject"} {
		everyFlip(t, created(t), member, func(body []byte) error {
			_, err := register(body, expectRegistration())
			return err
		})
	}
}
