package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/keyturn/keyturn/webauthn"
)

// encode gives an answer as one line of JSON. The answers of a ceremony, which are most
// of what there is, write themselves: encoding/json takes four times as long for them,
// 9 µs of a sign-in's two answers, half of it by reading once more what the options'
// own MarshalJSON wrote. What is written is byte for byte the same, as a test checks.
func encode(out answer) []byte {
	o := make(object, 0, 1024)
	switch out := out.(type) {
	case options:
		return out.append(o).line()
	case tokenAnswer:
		return out.append(o).line()
	default:
		return object(marshal(out)).line()
	}
}

// marshal is json.Marshal of what always marshals: our own answers, strings, booleans.
func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// object is JSON that is being written: members are appended to it, each behind a comma
// unless it is the first of its object or list.
type object []byte

func (o object) line() []byte { return append(o, '\n') }

// next puts the comma.
func (o object) next() object {
	if n := len(o); n > 0 && o[n-1] != '{' && o[n-1] != '[' {
		return append(o, ',')
	}
	return o
}

// name begins a member. Names are ours and need no escaping.
func (o object) name(name string) object {
	o = append(append(o.next(), '"'), name...)
	return append(o, '"', ':')
}

// value is a string by itself: a member's value, or an element of a list.
func (o object) value(s string) object {
	for i := range len(s) {
		// What encoding/json escapes, it is left to: control characters, quotes, what
		// HTML would read, and text that may not be UTF-8.
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return append(o, marshal(s)...)
		}
	}
	o = append(append(o, '"'), s...)
	return append(o, '"')
}

func (o object) text(name, s string) object { return o.name(name).value(s) }

// filled is text that is left out when it is empty.
func (o object) filled(name, s string) object {
	if s == "" {
		return o
	}
	return o.text(name, s)
}

func (o object) number(name string, n int64) object {
	return strconv.AppendInt(o.name(name), n, 10)
}

func (o object) flag(name string, b bool) object {
	return strconv.AppendBool(o.name(name), b)
}

// bytes is a byte string as WebAuthn's JSON has it.
func (o object) bytes(name string, b []byte) object {
	o = append(o.name(name), '"')
	return append(base64.RawURLEncoding.AppendEncode(o, b), '"')
}

// list is an array of strings, also when there are none.
func (o object) list(name string, items []string) object {
	o = append(o.name(name), '[')
	for _, item := range items {
		o = o.next().value(item)
	}
	return append(o, ']')
}

// filledList is a list that is left out when it is empty.
func (o object) filledList(name string, items []string) object {
	if len(items) == 0 {
		return o
	}
	return o.list(name, items)
}

func (o object) open(name string) object { return append(o.name(name), '{') }

func (o object) shut() object { return append(o, '}') }

func (a options) append(o object) object {
	o = append(o, '{')
	switch publicKey := a.PublicKey.(type) {
	case webauthn.RequestOptions:
		o = appendRequest(o.open("publicKey"), publicKey).shut()
	case webauthn.CreationOptions:
		o = appendCreation(o.open("publicKey"), publicKey).shut()
	default:
		o = append(o.name("publicKey"), marshal(publicKey)...)
	}
	return o.shut()
}

func appendRequest(o object, r webauthn.RequestOptions) object {
	o = o.bytes("challenge", r.Challenge)
	if r.Timeout != 0 {
		o = o.number("timeout", int64(r.Timeout))
	}
	o = o.filled("rpId", r.RPID)
	o = appendDescriptors(o, "allowCredentials", r.AllowCredentials)
	o = o.filled("userVerification", r.UserVerification).filledList("hints", r.Hints)
	return appendExtensions(o, r.Extensions)
}

func appendCreation(o object, c webauthn.CreationOptions) object {
	o = o.open("rp").filled("id", c.RP.ID).text("name", c.RP.Name).shut()
	o = o.open("user").bytes("id", c.User.ID).text("name", c.User.Name).text("displayName", c.User.DisplayName).shut()
	o = o.bytes("challenge", c.Challenge)
	o = append(o.name("pubKeyCredParams"), '[')
	for _, p := range c.PubKeyCredParams {
		o = append(o.next(), '{')
		o = o.text("type", p.Type).number("alg", p.Alg).shut()
	}
	o = append(o, ']')
	if c.Timeout != 0 {
		o = o.number("timeout", int64(c.Timeout))
	}
	o = appendDescriptors(o, "excludeCredentials", c.ExcludeCredentials)
	s := c.AuthenticatorSelection
	o = o.open("authenticatorSelection").filled("authenticatorAttachment", s.AuthenticatorAttachment).filled("residentKey", s.ResidentKey)
	if s.RequireResidentKey {
		o = o.flag("requireResidentKey", true)
	}
	o = o.filled("userVerification", s.UserVerification).shut()
	o = o.filledList("hints", c.Hints).filled("attestation", c.Attestation).filledList("attestationFormats", c.AttestationFormats)
	return appendExtensions(o, c.Extensions)
}

func appendDescriptors(o object, name string, list []webauthn.Descriptor) object {
	o = append(o.name(name), '[')
	for _, d := range list {
		o = append(o.next(), '{')
		o = o.text("type", d.Type).bytes("id", d.ID).filledList("transports", d.Transports).shut()
	}
	return append(o, ']')
}

func appendExtensions(o object, extensions map[string]any) object {
	if len(extensions) == 0 {
		return o
	}
	return append(o.name("extensions"), marshal(extensions)...)
}

func (t tokenAnswer) append(o object) object {
	o = append(o, '{')
	o = o.filled("access_token", t.AccessToken).filled("token_type", t.TokenType)
	if t.ExpiresIn != 0 {
		o = o.number("expires_in", int64(t.ExpiresIn))
	}
	o = o.filled("refresh_token", t.RefreshToken).filled("scope", t.Scope).filled("id_token", t.IDToken)
	s := t.Session
	o = o.open("session").text("id", s.ID).number("aal", int64(s.AAL)).text("acr", s.ACR).list("amr", s.AMR)
	o = o.text("auth_time", s.AuthTime).text("expires_at", s.ExpiresAt)
	o = o.filled("binding", s.Binding).filled("challenge", s.Challenge).shut()
	p := t.Account
	o = o.open("account").text("id", p.ID).filled("username", p.Username).filled("email", p.Email)
	o = o.filled("pending_email", p.PendingEmail).filled("display_name", p.DisplayName).shut()
	if t.Passkey != nil {
		o = t.Passkey.append(append(o.name("passkey"), '{')).shut()
	}
	return o.shut()
}

// append writes the members of a passkey.
func (p *passkeyAnswer) append(o object) object {
	o = o.text("id", p.ID).text("credential_id", p.CredentialID).text("name", p.Name)
	o = o.text("created_at", p.CreatedAt).filled("last_used_at", p.LastUsedAt)
	o = strconv.AppendUint(o.name("times_used"), p.TimesUsed, 10)
	o = o.list("transports", p.Transports).text("aaguid", p.AAGUID)
	o = o.flag("backup_eligible", p.BackupEligible).flag("backed_up", p.BackedUp).flag("user_verified", p.UserVerified)
	o = o.flag("suspended", p.Suspended).filled("held_until", p.HeldUntil).text("rp_id", p.RPID)
	o = o.open("attestation").text("format", p.Attestation.Format).text("trust", p.Attestation.Trust).shut()
	return o.flag("this_session", p.ThisSession)
}
