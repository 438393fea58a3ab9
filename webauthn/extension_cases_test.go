package webauthn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
)

// TestExtensionCases are EX of the lists, as far as client extension outputs go.
func TestExtensionCases(t *testing.T) {
	type o = map[string]any
	results := func(second bool) o {
		r := o{"first": "AAAA", "second": "AAAA"}
		if !second {
			delete(r, "second")
		}
		return r
	}
	bad := func(id string, outputs o) negative {
		return negative{
			id: id, faults: fault(set("clientExtensionResults", outputs)), reg: "7.1/4", asn: "7.2/4",
			code: webauthn.CodeExtensionOutputMalformed,
		}
	}
	good := func(id string, outputs o) negative {
		return negative{id: id, faults: fault(set("clientExtensionResults", outputs))}
	}
	cases := []negative{
		good("EX-01", o{"unheard-of": o{"a": []int{1}}}),
		bad("EX-02/object", o{"credProps": true}),
		bad("EX-02/rk", o{"credProps": o{"rk": "true"}}),
		bad("EX-02/null", o{"credProps": o{"rk": nil}}),
		good("EX-03", o{"credProps": o{"surplus": 1}}),
		bad("EX-08", o{"appid": "true"}),
		bad("EX-09", o{"appidExclude": 1}),
		good("EX-09/right", o{"appid": false, "appidExclude": false}),
		bad("EX-10/object", o{"largeBlob": []int{}}),
		bad("EX-10/supported", o{"largeBlob": o{"supported": "yes"}}),
		bad("EX-10/blob", o{"largeBlob": o{"blob": "no base64!"}}),
		bad("EX-10/no blob", o{"largeBlob": o{"blob": nil}}),
		bad("EX-10/written", o{"largeBlob": o{"written": 1}}),
		good("EX-10/right", o{"largeBlob": o{"supported": true, "blob": "AAAA", "written": true, "surplus": 1}}),
		registrationOnly(bad("EX-11/absent", o{"prf": o{}})),
		bad("EX-11/type", o{"prf": o{"enabled": "yes"}}),
		bad("EX-11/object", o{"prf": true}),
		good("EX-12", o{"prf": o{"enabled": true, "results": results(true), "surplus": 1}}),
		bad("EX-13", o{"prf": o{"enabled": true, "results": o{"second": "AAAA"}}}),
		bad("EX-13/object", o{"prf": o{"enabled": true, "results": "AAAA"}}),
		{id: "EX-12/assertion", faults: fault(set("clientExtensionResults", o{"prf": o{"results": results(false)}})), reg: noRun},
	}
	runCases(t, cases)
}

// TestSecretsAreDropped is EX-12: what prf gave the client is in nothing that is
// kept of a response.
func TestSecretsAreDropped(t *testing.T) {
	const secret = "c2VjcmV0"
	outputs := set("clientExtensionResults", map[string]any{"prf": map[string]any{
		"enabled": true, "results": map[string]any{"first": secret},
	}})
	r, err := webauthn.ParseRegistration(created(t, outputs))
	if err != nil {
		t.Fatal(err)
	}
	a, err := webauthn.ParseAssertion(got(t, outputs))
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []any{r, a} {
		if text := fmt.Sprintf("%+v", kept); strings.Contains(text, secret) || strings.Contains(text, "secret") {
			t.Errorf("kept: %s", text)
		}
	}
}
