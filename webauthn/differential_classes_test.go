package webauthn_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/webauthn"
)

// disagreement is one answer and two verdicts on it, of which one is nil.
type disagreement struct {
	body   []byte
	ours   *webauthn.Error
	theirs string
}

func newDisagreement(body []byte, ours, theirs error) disagreement {
	d := disagreement{body: body}
	if !errors.As(ours, &d.ours) {
		d.theirs = describe(theirs)
	}
	return d
}

// difference is a class of disagreements.
type difference struct {
	id      string
	section string // of Level 3
	why     string
	is      func(d disagreement) bool
}

// refused makes a class of what we refuse by a code, for one of the causes if any
// are given, and they accept.
func refused(id, section, code, why string, causes ...string) difference {
	return difference{id, section, why, func(d disagreement) bool {
		if d.ours == nil || d.ours.Code != code {
			return false
		}
		return len(causes) == 0 || slices.ContainsFunc(causes, func(c string) bool {
			return d.ours.Err != nil && strings.Contains(d.ours.Err.Error(), c)
		})
	}}
}

// either makes one class of several.
func either(id, section, why string, of ...difference) difference {
	return difference{id, section, why, func(d disagreement) bool {
		return slices.ContainsFunc(of, func(c difference) bool { return c.is(d) })
	}}
}

// differences are the classes, the ones in which we are stricter first. The first
// that a disagreement fits is its class.
func differences() []difference { return append(weRefuse(), theyRefuse()...) }

func weRefuse() []difference {
	const (
		request = webauthn.CodeRequestMalformed
		client  = webauthn.CodeClientDataMalformed
		object  = webauthn.CodeAttestationObjectMalformed
		data    = webauthn.CodeAuthenticatorDataMalformed
		key     = webauthn.CodePublicKeyInvalid
		stmt    = webauthn.CodeAttestationInvalid
	)
	inJSON := func(id, section, why string, causes ...string) difference {
		return either(id, section, why, refused("", "", request, "", causes...), refused("", "", client, "", causes...))
	}
	return []difference{
		inJSON("json-depth", "5.8.1.2", "little work on what strangers send", "nested too deeply"),
		inJSON("json-size", "5.8.1.2", "little work on what strangers send", "too long"),
		inJSON("json-strict", "5.8.1", "a name twice or text that is not UTF-8 has more than one reading", "one valid JSON object", "not UTF-8"),
		inJSON("json-case", "5.8.1", "names are compared with case, as JavaScript does", ": missing"),
		inJSON("base64url", "5.1", "one value has one text: no padding, no spare bits, in every member of either answer", "not base64url"),
		inJSON("member-type", "5.1", "a member of the wrong type is refused, null and those of the other ceremony included",
			"not a string", "not an array", "not true or false"),
		refused("token-binding", "5.8.1", client, "only the shape that browsers gave it", "tokenBinding"),
		refused("other-ceremony", "5.1", webauthn.CodeResponseTypeInvalid, "an answer holds the members of one ceremony"),
		refused("extension-shape", "10.1", webauthn.CodeExtensionOutputMalformed, "a malformed output is a fault or a probe"),
		refused("origin-bytes", "13.4.9", webauthn.CodeOriginNotAllowed, "origins are compared byte for byte, and never parsed"),
		refused("top-origin-alone", "7.1/11", webauthn.CodeTopOriginWithoutCrossOrigin, "even an empty top origin says that there is a frame"),
		refused("backup-flags", "7.1/17, 7.2/18", webauthn.CodeBackupFlagsInvalid, "the library judges this above the procedures"),
		refused("backup-kept", "7.2/19", webauthn.CodeBackupEligibilityChanged, "the library judges this above the procedures"),
		refused("owner", "7.2/6", webauthn.CodeUserHandleMissing, "the library judges the owner above the procedures"),
		refused("owner-other", "7.2/6", webauthn.CodeUserHandleMismatch, "the library judges the owner above the procedures"),
		refused("credential-other", "7.2/6", webauthn.CodeCredentialUnknown, "the library judges the owner above the procedures"),
		refused("counter", "7.2/22", webauthn.CodeSignCountRegressed, "the library judges the counter above the procedures"),
		refused("attested-assertion", "6.1", data, "an assertion has no attested credential data", "attested credential data where"),
		refused("extensions-cbor", "6.1, 9.3", data, "outputs are a canonical map of names", "extension outputs"),
		refused("key-cbor", "6.5.1.1", data, "a key is in the CTAP2 canonical form", "credentialPublicKey"),
		refused("object-cbor", "6.5.4", object, "the object is in the CTAP2 canonical form but for order", "canonical CBOR"),
		refused("object-members", "6.5.4", object, "exactly three members, nothing carried along unjudged", "exactly the members"),
		refused("key-members", "6.5.1.1", key, "exactly the members of the type, the curve included", "exactly the members"),
		refused("key-algorithm", "5.8.5", key, "RSA with SHA-1, ML-DSA, and the fully specified algorithms are not supported", "no algorithm"),
		refused("key-point", "5.8.5", key, "points that are not canonical, or of small order, sign for anybody", "usable point"),
		refused("key-rsa", "5.8.5", key, "RSA within bounds", "RSA modulus"),
		refused("stored-key", "7.2/21", webauthn.CodeCredentialRecordTampered, "as key-algorithm, of a key that is stored"),
		refused("statement-members", "8.2, 8.6, 8.7", stmt, "exactly the members of the format", "format's shape"),
		refused("u2f-aaguid", "8.6", stmt, "a U2F authenticator has no AAGUID", "no AAGUID"),
		refused("id-length", "4", webauthn.CodeCredentialIDTooShort, "an ID has 100 bits of entropy"),
	}
}

// theyRefuse are the classes in which the library is stricter, or only other.
func theyRefuse() []difference {
	says := func(id, section, why string, texts ...string) difference {
		return difference{id, section, why, func(d disagreement) bool {
			return d.ours == nil && slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(d.theirs, s) })
		}}
	}
	return []difference{
		{"byte-order-mark", "7.1/5, 7.2/8", "UTF-8 decode drops it; the library does not", func(d disagreement) bool {
			return d.ours == nil && bytes.Contains(d.body, []byte(`"clientDataJSON":"77u_`))
		}},
		says("loose-copies", "5.2.1.1", "only the attestation object counts; the library reads the copies beside it, and uses them for nothing",
			"publicKeyAlgorithm of type", "url encoded base64", "illegal base64"),
		says("json-case-theirs", "5.8.1", "a name in other case is an unknown one here, and the same one to the library", "cannot unmarshal"),
		says("clock", "8.2", "certificates are judged by the time of the ceremony, by the library at the machine's", "no longer valid"),
	}
}

// differenceRows writes the classes as docs/divergences.md has them.
func differenceRows() string {
	var b strings.Builder
	b.WriteString("| class | stricter | Level 3 | why |\n|---|---|---|---|\n")
	for side, list := range [][]difference{weRefuse(), theyRefuse()} {
		for _, c := range list {
			fmt.Fprintf(&b, "| `%s` | %s | §%s | %s |\n", c.id, [...]string{"we", "the library"}[side], c.section, c.why)
		}
	}
	return b.String()
}
