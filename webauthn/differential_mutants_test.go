package webauthn_test

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// pick picks one of a list.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// mutations are one or two faults at random. All but those of the signature are
// built in before signing where they can be, so that a wrong signature is not the
// one difference that is ever seen.
func mutations(r *rand.Rand) []webauthntest.Mutation {
	out := []webauthntest.Mutation{mutation(r)}
	if r.IntN(3) == 0 {
		out = append(out, mutation(r))
	}
	return out
}

func mutation(r *rand.Rand) webauthntest.Mutation {
	return pick(r, clientDataMember, dataBytes, flags, keyMember, dataFields, statementMember, jsonMember, jsonText)(r)
}

// anything is a JSON value.
func anything(r *rand.Rand) any {
	return pick[any](r, nil, true, false, 0, 7, "", "x", "AAAA", "AAAA==", "AA+/", "AAB", []any{}, []any{1}, map[string]any{},
		map[string]any{"status": "present"}, strings.Repeat("A", 200))
}

func clientDataMember(r *rand.Rand) webauthntest.Mutation {
	name := pick(r, "type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding", "surplus")
	text := pick(r, "webauthn.create", "webauthn.get", "Webauthn.Get", origin, "HTTPS://EXAMPLE.org", origin+"/", origin+":443",
		"http://example.org", "https://a.example.org", "android:apk-key-hash:listed", top, "null")
	switch r.IntN(4) {
	case 0:
		return webauthntest.DropClientData(name)
	case 1:
		return webauthntest.SetClientData(name, anything(r))
	case 2:
		return webauthntest.SetClientData(name, text)
	}
	return webauthntest.EditClientData(func(b []byte) []byte { return textual(r, b) })
}

// dataBytes changes bytes of one of the binary parts.
func dataBytes(r *rand.Rand) webauthntest.Mutation {
	edit := func(b []byte) []byte { return scrambled(r, b) }
	return pick(r, webauthntest.EditAuthenticatorData, webauthntest.EditKeyBytes, webauthntest.EditAttestationBytes,
		webauthntest.EditSignature, webauthntest.EditClientData)(edit)
}

func flags(r *rand.Rand) webauthntest.Mutation {
	return pick(r, webauthntest.SetFlags, webauthntest.ClearFlags)(webauthntest.Flags(1 << r.IntN(8)))
}

func keyMember(r *rand.Rand) webauthntest.Mutation {
	label := pick[int64](r, 1, 2, 3, 4, -1, -2, -3, -4)
	value := pick[any](r, int64(1), int64(2), int64(3), int64(6), int64(7), int64(-7), int64(-8), int64(-9), int64(-19), int64(-35),
		int64(-257), []byte{}, make([]byte, 31), make([]byte, 32), make([]byte, 33), unhex("01"+strings.Repeat("00", 31)),
		unhex("02"+strings.Repeat("00", 31)), "text", true, []any{})
	drop := r.IntN(4) == 0
	return webauthntest.EditKey(func(k map[int64]any) {
		if drop {
			delete(k, label)
		} else {
			k[label] = value
		}
	})
}

func dataFields(r *rand.Rand) webauthntest.Mutation {
	switch r.IntN(6) {
	case 0:
		return webauthntest.SetRPID(pick(r, "EXAMPLE.org", origin, "example.com"))
	case 1:
		return webauthntest.SetSignCount(pick[uint32](r, 0, 1, 1<<31))
	case 2:
		return webauthntest.SetAttestedID(make([]byte, pick(r, 0, 1, 15, 16, 32, 1023, 1024)))
	case 3:
		return webauthntest.UseCredentialID(make([]byte, pick(r, 1, 15, 16, 32, 1023, 1024)))
	case 4:
		return webauthntest.Attested(r.IntN(2) == 0)
	}
	return webauthntest.SetExtensions(unhex(pick(r, "a0", "80", "a0a0", "a10000", "a16161f5", "a26161f56161f5", "a2616200616100",
		"bfff", "a1616118"+"01", "a1616181818181"+"00", "a16161f93c00", "a16161c000", "a16161f7", "a161ff00", "00", "a1")))
}

func statementMember(r *rand.Rand) webauthntest.Mutation {
	if r.IntN(2) == 0 {
		name := pick(r, "alg", "sig", "x5c", "ecdaaKeyId", "surplus")
		value := pick[any](r, nil, 0, -7, -8, -257, "", "text", []byte{}, []byte{1}, []any{}, []any{[]byte{1}}, map[string]any{})
		return webauthntest.EditStatement(func(s map[string]any) { s[name] = value })
	}
	name := pick(r, "fmt", "attStmt", "authData", "surplus", "Fmt")
	value := pick[any](r, nil, 1, "", "none", "None", "packed", "fido-u2f", "tpm", "apple", "android-key", "compound", "unheard-of",
		[]byte{}, []any{}, map[string]any{}, map[int]any{1: 2}, []any{map[string]any{"fmt": "none", "attStmt": map[string]any{}}})
	drop := r.IntN(4) == 0
	return webauthntest.EditAttestation(func(o map[string]any) {
		if drop {
			delete(o, name)
		} else {
			o[name] = value
		}
	})
}

func jsonMember(r *rand.Rand) webauthntest.Mutation {
	path := pick(r, "id", "rawId", "type", "response", "clientExtensionResults", "authenticatorAttachment", "surplus",
		"response.clientDataJSON", "response.attestationObject", "response.authenticatorData", "response.signature",
		"response.userHandle", "response.transports", "response.publicKey", "response.publicKeyAlgorithm", "response.surplus",
		"clientExtensionResults.credProps", "clientExtensionResults.prf", "clientExtensionResults.largeBlob", "clientExtensionResults.appid")
	if r.IntN(3) == 0 {
		return webauthntest.DropMember(path)
	}
	return webauthntest.SetMember(path, anything(r))
}

func jsonText(r *rand.Rand) webauthntest.Mutation {
	return webauthntest.EditJSON(func(b []byte) []byte { return textual(r, b) })
}

// scrambled changes a few bytes.
func scrambled(r *rand.Rand, b []byte) []byte {
	out := bytes.Clone(b)
	if len(out) == 0 {
		return []byte{0}
	}
	at := r.IntN(len(out))
	switch r.IntN(6) {
	case 0:
		out[at] ^= 1 << r.IntN(8)
	case 1:
		out[at] = byte(r.Uint32())
	case 2:
		out = append(out[:at], out[at+1:]...)
	case 3:
		out = append(out[:at:at], append([]byte{byte(r.Uint32())}, out[at:]...)...)
	case 4:
		out = out[:at]
	default:
		out = append(out, pick[byte](r, 0, 0x30, 0xa0, 0xff))
	}
	return out
}

// textual changes JSON text where JSON has more than one way, or none.
func textual(r *rand.Rand, b []byte) []byte {
	first := bytes.IndexByte(b, '"')
	if first < 0 || r.IntN(3) == 0 {
		return scrambled(r, b)
	}
	second := first + 1 + bytes.IndexByte(b[first+1:], '"')
	name := b[first+1 : second]
	splice := func(at int, text string) []byte {
		return append(append(bytes.Clone(b[:at]), text...), b[at:]...)
	}
	switch r.IntN(10) {
	case 0:
		return splice(len(b), pick(r, " ", "\n", "x", "{}", "\x00"))
	case 1:
		return splice(first, `"surplus":[{"a":1}],`)
	case 2:
		return splice(first, `"`+string(name)+`":"",`) // the name comes twice
	case 3:
		return bytes.Replace(b, name, bytes.ToUpper(name), 1)
	case 4:
		return splice(0, "\xef\xbb\xbf")
	case 5:
		return splice(first, "\"x\":\"\xff\",")
	case 6:
		return splice(first, `"x":"\ud800",`)
	case 7:
		return splice(first, `"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`,`)
	case 8:
		return splice(first, `"x":"`+strings.Repeat("x", 8<<10)+`",`)
	}
	return splice(first+1, `\u0020`)
}

// special are the faults of classes that chance finds too rarely.
func special() [][]webauthntest.Mutation {
	const be, bs = webauthntest.FlagBE, webauthntest.FlagBS
	return [][]webauthntest.Mutation{
		fault(),
		ids("AAAAAAAAAAAAAAAAAAAAAA"),
		fault(webauthntest.ClearFlags(be | bs)),
		fault(webauthntest.SetSignCount(1)),
		fault(webauthntest.SetClientData("tokenBinding", nil)),
		fault(webauthntest.SetClientData("topOrigin", "")),
		fault(webauthntest.SetClientData("origin", "HTTPS://EXAMPLE.org")),
		fault(webauthntest.EditClientData(func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) })),
		fault(set("response.signature", "AAAA")),
		fault(set("response.attestationObject", "AAAA")),
		fault(set("response.userHandle", "AAAA")),
		fault(set("response.publicKeyAlgorithm", "ES256")),
		fault(webauthntest.DropMember("response.userHandle")),
		fault(set("clientExtensionResults", map[string]any{"appid": nil})),
		insert(`"AUTHENTICATORATTACHMENT":7`),
		rename("rawId", "RawId"),
		ids("KioqKioqKioqKioqKioqKg=="),
		fault(webauthntest.UseCredentialID(make([]byte, 15))),
		objectBytes(func(b []byte) []byte { return append([]byte{0xb8, 3}, b[1:]...) }),
		object(func(o map[string]any) { o["surplus"] = 1 }),
		attStmt(func(s map[string]any) { s["surplus"] = 1 }),
		keyBytes(func(b []byte) []byte { return bytes.Replace(b, []byte("\x01\x02"), []byte("\x01\x18\x02"), 1) }),
		key(put(4, []any{2})),
		key(func(k map[int64]any) {
			clear(k)
			k[1], k[3], k[-1], k[-2] = 3, webauthn.RS256, odd(256), []byte{3}
		}),
	}
}
