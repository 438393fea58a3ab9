package webauthn_test

import (
	"encoding/json"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
)

// TestOptionsJSON holds the options to the members of Level 3 §5.1.
func TestOptionsJSON(t *testing.T) {
	descriptor := []webauthn.Descriptor{{Type: webauthn.PublicKey, ID: webauthn.Bytes{0xfb, 0xff}, Transports: []string{"usb"}}}
	for _, c := range []struct {
		options any
		want    string
	}{
		{webauthn.CreationOptions{}, `{"rp":{"name":""},"user":{"id":"","name":"","displayName":""},"challenge":"",` +
			`"pubKeyCredParams":[],"excludeCredentials":[],"authenticatorSelection":{}}`},
		{webauthn.CreationOptions{
			RP:                 webauthn.RPEntity{ID: "example.org", Name: "Example"},
			User:               webauthn.UserEntity{ID: webauthn.Bytes{1}, Name: "ada", DisplayName: "Ada"},
			Challenge:          webauthn.Bytes{1, 2, 3, 4},
			PubKeyCredParams:   []webauthn.CredentialParameter{{Type: webauthn.PublicKey, Alg: webauthn.ES256}},
			Timeout:            300000,
			ExcludeCredentials: descriptor,
			AuthenticatorSelection: webauthn.AuthenticatorSelection{
				AuthenticatorAttachment: "platform", ResidentKey: "required", RequireResidentKey: true, UserVerification: "required",
			},
			Hints: []string{"client-device"}, Attestation: "direct", AttestationFormats: []string{"packed"},
			Extensions: map[string]any{"credProps": true},
		}, `{"rp":{"id":"example.org","name":"Example"},"user":{"id":"AQ","name":"ada","displayName":"Ada"},"challenge":"AQIDBA",` +
			`"pubKeyCredParams":[{"type":"public-key","alg":-7}],"timeout":300000,` +
			`"excludeCredentials":[{"type":"public-key","id":"-_8","transports":["usb"]}],` +
			`"authenticatorSelection":{"authenticatorAttachment":"platform","residentKey":"required","requireResidentKey":true,` +
			`"userVerification":"required"},"hints":["client-device"],"attestation":"direct","attestationFormats":["packed"],` +
			`"extensions":{"credProps":true}}`},
		{webauthn.RequestOptions{}, `{"challenge":"","allowCredentials":[]}`},
		{&webauthn.RequestOptions{
			Challenge: webauthn.Bytes{1}, Timeout: 1, RPID: "example.org", AllowCredentials: descriptor,
			UserVerification: "preferred", Hints: []string{"hybrid"}, Extensions: map[string]any{"prf": map[string]any{}},
		}, `{"challenge":"AQ","timeout":1,"rpId":"example.org",` +
			`"allowCredentials":[{"type":"public-key","id":"-_8","transports":["usb"]}],` +
			`"userVerification":"preferred","hints":["hybrid"],"extensions":{"prf":{}}}`},
	} {
		if got := marshal(t, c.options); string(got) != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	var b webauthn.Bytes
	for _, wrong := range []string{`1`, `["AA"]`, `"AA=="`, `"A A"`, `"AB"`} {
		if err := json.Unmarshal([]byte(wrong), &b); err == nil {
			t.Errorf("%s became %x", wrong, b)
		}
	}
}
