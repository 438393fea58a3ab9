package webauthn_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func says(name string, v any) []webauthntest.Mutation {
	return fault(webauthntest.SetClientData(name, v))
}

func without(name string) []webauthntest.Mutation { return fault(webauthntest.DropClientData(name)) }

// client changes the bytes of the client data, which the answer then signs.
func client(edit func(b []byte) []byte) []webauthntest.Mutation {
	return fault(webauthntest.EditClientData(edit))
}

// malformedClientData makes a case that either procedure stops at while parsing.
func malformedClientData(id string, faults []webauthntest.Mutation) negative {
	return negative{id: id, faults: faults, reg: "7.1/6", asn: "7.2/9", code: webauthn.CodeClientDataMalformed}
}

// TestClientDataCases are Att-2 and Asn-2 of the conformance tool, which have the
// same numbers, and ours, CD.
func TestClientDataCases(t *testing.T) {
	wrongType := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, reg: "7.1/7", asn: "7.2/10", code: webauthn.CodeClientDataTypeMismatch}
	}
	wrongChallenge := func(id string, faults []webauthntest.Mutation) negative {
		return negative{id: id, faults: faults, reg: "7.1/8", asn: "7.2/11", code: webauthn.CodeChallengeMismatch}
	}
	cases := []negative{
		malformedClientData("F-1", without("type")),
		malformedClientData("F-2/number", says("type", 7)),
		malformedClientData("F-2/null", says("type", nil)),
		wrongType("F-3", says("type", "")),
		wrongType("F-4", says("type", "webauthn.make")),
		{id: "Att-2 F-5", faults: says("type", "webauthn.get"), reg: "7.1/7", asn: noRun, code: webauthn.CodeClientDataTypeMismatch},
		{id: "Asn-2 F-5", faults: says("type", "webauthn.create"), reg: noRun, asn: "7.2/10", code: webauthn.CodeClientDataTypeMismatch},
		malformedClientData("F-6", without("challenge")),
		malformedClientData("F-7/number", says("challenge", 7)),
		malformedClientData("F-7/null", says("challenge", nil)),
		wrongChallenge("F-8", says("challenge", "")),
		malformedClientData("F-9", says("challenge", "no base64!")),
		wrongChallenge("F-10", says("challenge", "AAAA")),
		malformedClientData("F-11", without("origin")),
		malformedClientData("F-12/number", says("origin", 7)),
		malformedClientData("F-12/null", says("origin", nil)),
		malformedClientData("F-15", says("tokenBinding", "unused")),
		malformedClientData("F-16", says("tokenBinding", map[string]any{"id": "AAAA"})),
		malformedClientData("F-17", says("tokenBinding", map[string]any{"status": "maybe"})),
		{id: "F-17/supported", faults: says("tokenBinding", map[string]any{"status": "supported"})},
		{id: "F-17/not supported", faults: says("tokenBinding", map[string]any{"status": "not-supported"})},
		{id: "F-17/present", faults: says("tokenBinding", map[string]any{"id": "AAAA", "status": "present"})},
		{id: "CD-01", faults: client(func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) })},
		malformedClientData("CD-01/two", client(func(b []byte) []byte { return append([]byte("\xef\xbb\xbf\xef\xbb\xbf"), b...) })),
		malformedClientData("CD-02/text", client(func([]byte) []byte { return []byte("hello") })),
		malformedClientData("CD-02/array", client(func(b []byte) []byte { return append(append([]byte("["), b...), ']') })),
		malformedClientData("CD-02/trailing", client(func(b []byte) []byte { return append(b, '1') })),
		malformedClientData("CD-02/duplicate", client(func(b []byte) []byte {
			return bytes.Replace(b, []byte("{"), []byte(`{"origin":"https://evil.example",`), 1)
		})),
		malformedClientData("CD-02/deep", client(func(b []byte) []byte {
			return bytes.Replace(b, []byte("{"), []byte(`{"x":`+strings.Repeat("[", 8)+strings.Repeat("]", 8)+","), 1)
		})),
		{id: "CD-03/extra", faults: says("surplus", map[string]any{"a": []int{1}})},
		{id: "CD-03/space", faults: client(func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`,"`), []byte(",\r\n\t \""))
		})},
		{id: "CD-03/order", faults: fault(webauthntest.DropClientData("type"), webauthntest.EditClientData(func(b []byte) []byte {
			typ := "webauthn.create"
			if !bytes.Contains(b, []byte(`"crossOrigin"`)) {
				t.Error("the client data have changed")
			}
			return append(b[:len(b)-1], `,"type":"`+typ+`"}`...)
		})), asn: noRun},
		wrongType("CD-04", says("type", "WebAuthn.Create")),
		wrongType("CD-05", says("type", "payment.get")),
		malformedClientData("CD-06", says("challenge", base64.URLEncoding.EncodeToString(challenge))),
	}
	runCases(t, cases)
}

// TestOriginCases are F-13 and F-14 of Att-2 and Asn-2, and the CD cases of
// origins. Byte for byte is the only comparison.
func TestOriginCases(t *testing.T) {
	var cases []negative
	for id, o := range map[string]string{
		"F-13":                 "",
		"F-14":                 "https://other.example",
		"CD-12":                "http://example.org",
		"CD-13":                "https://example.org:8443",
		"CD-13/default":        "https://example.org:443",
		"CD-14/slash":          "https://example.org/",
		"CD-14/path":           "https://example.org/path",
		"CD-14/query":          "https://example.org?x",
		"CD-15":                "https://app.example.org",
		"CD-16/suffix":         "https://example.org.evil.test",
		"CD-16/longer":         "https://example.orgx",
		"CD-16/shorter":        "https://example.or",
		"CD-17/case":           "https://EXAMPLE.org",
		"CD-17/scheme":         "HTTPS://example.org",
		"CD-17/user":           "https://user@example.org",
		"CD-18":                "null",
		"CD-19":                "android:apk-key-hash:unlisted",
		"CD-19/space":          "https://example.org ",
		"CD-19/ideographic":    "https://example。org",
		"CD-19/trailing point": "https://example.org.",
	} {
		cases = append(cases, negative{id: id, faults: says("origin", o), reg: "7.1/9", asn: "7.2/12", code: webauthn.CodeOriginNotAllowed})
	}
	cases = append(cases,
		negative{id: "CD-20", faults: says("origin", "android:apk-key-hash:listed")},
		negative{id: "CD-21", faults: says("origin", "https://related.example"), setup: setup{
			reg: func(e *webauthn.RegistrationExpectation) { e.Origins = append(e.Origins, "https://related.example") },
			asn: func(e *webauthn.AssertionExpectation) { e.Origins = append(e.Origins, "https://related.example") },
		}})
	runCases(t, cases)
}

// TestFrameCases are the CD cases of crossOrigin and topOrigin.
func TestFrameCases(t *testing.T) {
	framed := setup{
		reg: func(e *webauthn.RegistrationExpectation) { e.CrossOrigin = true },
		asn: func(e *webauthn.AssertionExpectation) { e.CrossOrigin = true },
	}
	within := func(top string) setup {
		s := framed
		s.client = &webauthntest.Client{Origin: origin, CrossOrigin: true, TopOrigin: top}
		return s
	}
	cases := []negative{
		{id: "CD-22", faults: says("crossOrigin", true), reg: "7.1/10", asn: "7.2/13", code: webauthn.CodeCrossOriginNotAllowed},
		{id: "CD-22/top", setup: setup{client: within(top).client}, reg: "7.1/10", asn: "7.2/13", code: webauthn.CodeCrossOriginNotAllowed},
		{id: "CD-23", faults: says("crossOrigin", true), setup: framed},
		{id: "CD-25", faults: without("crossOrigin"), setup: framed},
		{
			id: "CD-26/absent", faults: fault(webauthntest.DropClientData("crossOrigin"), webauthntest.SetClientData("topOrigin", top)),
			setup: framed, reg: "7.1/11", asn: "7.2/14", code: webauthn.CodeTopOriginWithoutCrossOrigin,
		},
		{id: "CD-27", setup: within(top)},
		{id: "CD-28", setup: within("https://portal.example"), reg: "7.1/11", asn: "7.2/14", code: webauthn.CodeTopOriginNotAllowed},
		{id: "CD-28/case", setup: within("https://PORTAL.example.net"), reg: "7.1/11", asn: "7.2/14", code: webauthn.CodeTopOriginNotAllowed},
		{id: "CD-28/origin", setup: within(origin), reg: "7.1/11", asn: "7.2/14", code: webauthn.CodeTopOriginNotAllowed},
	}
	for i, v := range []any{"true", 1, nil, []any{}} {
		cases = append(cases, malformedClientData(fmt.Sprintf("CD-24/%d", i), says("crossOrigin", v)))
	}
	for i, v := range []any{1, nil, true} {
		cases = append(cases, malformedClientData(fmt.Sprintf("CD-29/%d", i), says("topOrigin", v)))
	}
	runCases(t, cases)
}
