package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"net"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/token"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// forgery is a workshop: a good token, the key that signed it, and one that did not.
type forgery struct {
	t        *testing.T
	issuer   *token.Issuer
	good     string
	proof    ceremony.Proof
	key, own *ecdsa.PrivateKey // ours, the attacker's
	header   string
	claims   map[string]any
	made     int
}

func newForgery(t *testing.T) (*forgery, *ceremonytest.World) {
	t.Helper()
	w := ceremonytest.New(t)
	f := &forgery{t: t, issuer: newIssuer(t, config(w))}
	f.good, f.proof = bearer(t, w, f.issuer, "ana")
	f.key = ecKey(t, w)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f.own = own
	header, claims := parts(t, f.good)
	f.header, f.claims = string(header), members(t, claims)
	// The control: what is built here and left right is accepted, so what is refused
	// below is refused for the one thing that was changed.
	accepted(t, f.issuer, sign(t, f.key, f.header, f.text(nil)), f.proof)
	return f, w
}

// text is the claims as JSON, with changes; a nil value leaves a member out.
func (f *forgery) text(changes map[string]any) string {
	f.t.Helper()
	claims := map[string]any{}
	for k, v := range f.claims {
		claims[k] = v
	}
	for k, v := range changes {
		if claims[k] = v; v == nil {
			delete(claims, k)
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

func (f *forgery) refused(why, text string) {
	f.t.Helper()
	f.made++
	refused(f.t, f.issuer, why, text)
}

// signed presents a token that our own key signed: only header and claims can be wrong.
func (f *forgery) signed(why, header, claims string) {
	f.t.Helper()
	f.refused(why, sign(f.t, f.key, header, claims))
}

func (f *forgery) kid() string {
	kid, _ := members(f.t, []byte(f.header))["kid"].(string)
	return kid
}

func (f *forgery) enough(least int) {
	f.t.Helper()
	if f.made < least {
		f.t.Fatalf("%d tokens forged, want at least %d", f.made, least)
	}
	accepted(f.t, f.issuer, f.good, f.proof)
}

// TestAlgorithmConfusion: the key says how its signature is made, the header does not
// (RFC 8725 §3.1, ASVS 9.1.2).
func TestAlgorithmConfusion(t *testing.T) {
	f, _ := newForgery(t)
	head := func(alg string) string { return `{"alg":` + alg + `,"kid":"` + f.kid() + `","typ":"at+jwt"}` }
	claims := f.text(nil)
	signature := f.good[strings.LastIndexByte(f.good, '.')+1:]
	for _, alg := range []string{
		`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `""`, `null`, `0`, `["ES256"]`, `"es256"`, `"ES256 "`,
		`"ES384"`, `"ES512"`, `"RS256"`, `"PS256"`, `"EdDSA"`, `"HS256"`, `"ES256K"`, `"dir"`, `"A256GCM"`,
	} {
		input := encode([]byte(head(alg))) + "." + encode([]byte(claims))
		for why, sig := range map[string]string{"no signature": "", "no last part": "-", "the good signature": signature, "one byte": "AA"} {
			text := input + "." + sig
			if sig == "-" {
				text = input
			}
			f.refused("alg "+alg+", "+why, text)
		}
		f.signed("alg "+alg+" over an ES256 signature", head(alg), claims)
	}
	f.signed("no alg", `{"kid":"`+f.kid()+`","typ":"at+jwt"}`, claims)
	f.enough(90)
}

// TestPublicKeyAsSecret: our public key, in every form somebody may have it in, is no
// secret that an HMAC can be made with.
func TestPublicKeyAsSecret(t *testing.T) {
	f, _ := newForgery(t)
	spki, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	point, err := f.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	set, err := f.issuer.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jwks(t, f.issuer)[0])
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	for alg, sum := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
		for form, secret := range map[string][]byte{
			"SPKI": spki, "PEM": block, "PEM without its last line end": []byte(strings.TrimSpace(string(block))),
			"point": point, "x and y": point[1:], "x": point[1:33], "JWK": jwk, "JWKS": set, "kid": []byte(f.kid()), "nothing": nil,
		} {
			input := encode([]byte(`{"alg":"`+alg+`","kid":"`+f.kid()+`","typ":"at+jwt"}`)) + "." + encode([]byte(f.text(nil)))
			mac := hmac.New(sum, secret)
			mac.Write([]byte(input))
			f.refused(alg+" with our public key as "+form, input+"."+encode(mac.Sum(nil)))
		}
	}
	f.enough(30)
}

// TestHeadersThatBringKeys: the verifier takes no key and no address from a token, and
// connects to nobody (RFC 8725 §3.10, ASVS 9.1.3).
func TestHeadersThatBringKeys(t *testing.T) {
	f, w := newForgery(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			calls <- conn.RemoteAddr().String()
			_ = conn.Close()
		}
	}()
	url := "http://" + listener.Addr().String() + "/jwks.json"
	point, err := f.own.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	jwk := `{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"evil","x":"` + encode(point[1:33]) + `","y":"` + encode(point[33:]) + `"}`
	template := &x509.Certificate{SerialNumber: one()}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &f.own.PublicKey, f.own)
	if err != nil {
		t.Fatal(err)
	}
	chain := base64.StdEncoding.EncodeToString(der)
	thumb := sha256.Sum256(der)
	for name, member := range map[string]string{
		"jku": `"jku":"` + url + `"`, "x5u": `"x5u":"` + url + `"`, "jwk": `"jwk":` + jwk, "x5c": `"x5c":["` + chain + `"]`,
		"x5t#S256": `"x5t#S256":"` + encode(thumb[:]) + `"`, "all": `"jku":"` + url + `","x5u":"` + url + `","jwk":` + jwk + `,"x5c":["` + chain + `"]`,
		"iss":           `"iss":"` + url + `"`,
		"a file as jku": `"jku":"file:///etc/passwd"`,
	} {
		for _, kid := range []string{`"kid":"` + f.kid() + `",`, `"kid":"evil",`, `"kid":"` + url + `",`, ``} {
			header := `{"alg":"ES256",` + kid + member + `,"typ":"at+jwt"}`
			f.refused(name+" with "+kid, sign(t, f.own, header, f.text(nil)))
			w.Clock.Advance(2_000_000_000) // far enough for another look at the keys
		}
	}
	f.enough(32)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if len(calls) != 0 {
		t.Fatalf("%d connections, the first from %s", len(calls), <-calls)
	}
}

// TestKeyIdentifiers: a kid is looked up in a map, and is nothing else.
func TestKeyIdentifiers(t *testing.T) {
	f, w := newForgery(t)
	other := config(w)
	other.Algorithm = "EdDSA"
	newIssuer(t, other) // puts a second key, of another algorithm
	if err := f.issuer.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	kids := []string{
		"", "x", "../../../../dev/null", "/dev/null", "/etc/passwd", `..\\..\\key`, "keys/1", "sign/rest/1", "1", "0", "' OR '1'='1", "1; DROP TABLE keys",
		"http://127.0.0.1/", "\\u0000", f.kid() + "\\u0000", f.kid() + " ", " " + f.kid(), strings.ToLower(f.kid()) + "x", f.kid()[:42], f.kid() + "=",
		thumbprint(t, f.issuer, 1), strings.Repeat("A", 4096),
	}
	for _, kid := range kids {
		header := `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`
		f.signed(fmt.Sprintf("kid %.40q", kid), header, f.text(nil))
		f.refused(fmt.Sprintf("kid %.40q, the attacker's key", kid), sign(t, f.own, header, f.text(nil)))
	}
	for _, kid := range []string{`null`, `1`, `["` + f.kid() + `"]`, `{"kid":"` + f.kid() + `"}`, `true`} {
		f.signed("kid "+kid, `{"alg":"ES256","kid":`+kid+`,"typ":"at+jwt"}`, f.text(nil))
	}
	f.signed("no kid", `{"alg":"ES256","typ":"at+jwt"}`, f.text(nil))
	f.refused("our kid, the attacker's key", sign(t, f.own, f.header, f.text(nil)))
	f.enough(50)
}

// TestHeaders: wrong types, critical members, and members twice. Our key signed them
// all.
func TestHeaders(t *testing.T) {
	f, _ := newForgery(t)
	head := func(rest string) string { return `{"alg":"ES256","kid":"` + f.kid() + `"` + rest + `}` }
	claims := f.text(nil)
	for _, typ := range []string{
		`"JWT"`, `"jwt"`, `"AT+JWT"`, `"at+jwt "`, `"application/at+jwt"`, `"dpop+jwt"`, `"dbsc+jwt"`, `"logout+jwt"`, `"secevent+jwt"`,
		`""`, `null`, `1`, `["at+jwt"]`, `{}`,
	} {
		f.signed("typ "+typ, head(`,"typ":`+typ), claims)
	}
	f.signed("no typ", head(""), claims)
	for _, rest := range []string{
		`,"typ":"at+jwt","crit":["exp"],"exp":1`, `,"typ":"at+jwt","crit":["b64"],"b64":true`, `,"typ":"at+jwt","crit":["b64"],"b64":false`,
		`,"typ":"at+jwt","crit":["evil"],"evil":1`, `,"typ":"at+jwt","crit":[]`, `,"typ":"at+jwt","crit":"b64"`,
		`,"typ":"JWT","typ":"at+jwt"`, `,"typ":"at+jwt","typ":"at+jwt"`, `,"typ":"at+jwt","alg":"ES256"`, `,"typ":"at+jwt","alg":"none"`,
		`,"typ":"at+jwt","kid":"` + f.kid() + `"`, `,"typ":"at+jwt","kid":"x"`, `,"Typ":"at+jwt"`, `,"TYP":"at+jwt"`,
	} {
		f.signed("header with "+rest, head(rest), claims)
	}
	for _, header := range []string{`[]`, `null`, `"x"`, `1`, ``, `{`, f.header + "x", f.header + f.header, "\xff", `{}`} {
		f.signed("header "+header, header, claims)
	}
	f.enough(38)
}

// TestClaims: every claim that is judged, wrong in every way. Our key signed them all.
func TestClaims(t *testing.T) {
	f, w := newForgery(t)
	_, bob := bearer(t, w, f.issuer, "bob")
	cookie := cookieProof(t, w)
	sid, sub := f.proof.Session().View().ID.String(), f.proof.Session().Person().ID.String()
	other := bob.Session().Person().ID.String()
	now := w.Clock.Now().Unix()
	for name, values := range map[string][]any{
		"iss": {
			nil, "", issuer + "/", "http://login.example.org", "https://LOGIN.example.org", "https://login.example.org:443",
			"https://evil.example", issuer + ".evil.example", " " + issuer, 1,
			[]string{issuer},
		},
		"aud":       {nil, "", "keyturn", issuer, audience + "/", "https://evil.example", []string{audience}, []string{audience, "https://evil.example"}, 1},
		"client_id": {nil, "", "Keyturn", "other", 1, []string{"keyturn"}},
		"sub":       {nil, "", other, strings.ToUpper(sub), "{" + sub + "}", "urn:uuid:" + sub, strings.ReplaceAll(sub, "-", ""), sub + " ", uuid.Nil.String(), "ana", 1},
		"sid": {
			nil, "", bob.Session().View().ID.String(), cookie.Session().View().ID.String(), uuid.NewString(), uuid.Nil.String(), strings.ToUpper(sid),
			"{" + sid + "}", "urn:uuid:" + sid, strings.ReplaceAll(sid, "-", ""), sid + " ", "x" + sid + "x", sub, 1,
		},
		"exp": {nil, 0, -1, now, now - 1, "2999-01-01T00:00:00Z", fmt.Sprint(now + 600), json.Number("1e400"), []int64{now + 600}},
		"iat": {now + 61, now + 86400, "now", []int64{now}},
	} {
		for _, value := range values {
			f.signed(fmt.Sprintf("%s %v", name, value), f.header, f.text(map[string]any{name: value}))
		}
	}
	mine := cookie.Session()
	f.signed("a session in cookie mode with its right subject", f.header, f.text(map[string]any{
		"sid": mine.View().ID.String(), "sub": mine.Person().ID.String(),
	}))
	f.signed("somebody's session under another's subject", f.header, f.text(map[string]any{"sub": other}))
	f.enough(60)
}

// cookieProof signs somebody up in cookie mode.
func cookieProof(t *testing.T, w *ceremonytest.World) ceremony.Proof {
	t.Helper()
	r := ceremonytest.CookieRequest()
	options, err := w.RP.BeginSignUp(t.Context(), r, ceremony.SignUp{Username: "carol"})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := webauthntest.New(webauthntest.Phone()).Create(ceremonytest.JSON(t, options), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	proof, err := w.RP.FinishSignUp(t.Context(), r, ceremony.Finish{Credential: answer})
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// TestAmbiguousClaims: a claim that is there twice, or in another case, might be read
// otherwise by somebody else: refused, or not heard at all (RFC 8725 §2.4, J6).
func TestAmbiguousClaims(t *testing.T) {
	f, w := newForgery(t)
	now := w.Clock.Now().Unix()
	for name, value := range f.claims {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		whole := f.text(nil)
		f.signed(name+" twice", f.header, whole[:len(whole)-1]+`,"`+name+`":`+string(text)+`}`)
		f.signed(name+" twice, first", f.header, `{"`+name+`":`+string(text)+`,`+whole[1:])
	}
	for name, c := range map[string]struct {
		claim        string
		wrong, right any
	}{
		"EXP": {"exp", now - 1, now + 600}, "Iss": {"iss", "https://evil.example", issuer}, "AUD": {"aud", "https://evil.example", audience},
		"Client_ID": {"client_id", "other", "keyturn"}, "Sub": {"sub", nil, f.claims["sub"]}, "SID": {"sid", nil, f.claims["sid"]},
	} {
		f.signed(name+" for "+c.claim, f.header, f.text(map[string]any{c.claim: c.wrong, name: c.right}))
	}
	for _, claims := range []string{``, `null`, `[]`, `"x"`, `1`, `{}`, `{`, f.text(nil) + `x`, f.text(nil) + f.text(nil), "\xff"} {
		f.signed("claims "+claims, f.header, claims)
	}
	f.enough(35)
}

// TestShapes: a token has one text. Other serialisations, padding, white space and
// spare bits are none.
func TestShapes(t *testing.T) {
	f, _ := newForgery(t)
	p := strings.Split(f.good, ".")
	header, claims, signature := p[0], p[1], p[2]
	for _, text := range []string{
		"", ".", "..", "...", header, header + "." + claims, header + "." + claims + ".", "." + claims + "." + signature, header + ".." + signature,
		f.good + ".", "." + f.good, f.good + "." + signature, f.good + ".AA.AA", f.good + " ", " " + f.good, f.good + "\n", "\t" + f.good,
		"Bearer " + f.good, f.good + f.good, f.good + "," + f.good, f.good + "=", f.good + "==", header + "=." + claims + "." + signature,
		header + "." + claims + "=." + signature, header + "\n." + claims + "." + signature, header[:4] + "\r\n" + header[4:] + "." + claims + "." + signature,
		header + "." + claims[:8] + " " + claims[8:] + "." + signature, f.good[:len(f.good)-8] + "\n" + f.good[len(f.good)-8:],
		strings.ReplaceAll(f.good, ".", "%2E"), strings.ReplaceAll(f.good, ".", "\u3002"), f.good + "\x00", "\ufeff" + f.good,
		`{"payload":"` + claims + `","protected":"` + header + `","signature":"` + signature + `"}`,
		`{"payload":"` + claims + `","signatures":[{"protected":"` + header + `","signature":"` + signature + `"}]}`,
		`{"payload":"` + claims + `","header":{"kid":"` + f.kid() + `"},"protected":"` + header + `","signature":"` + signature + `"}`,
		`"` + f.good + `"`, signature + "." + claims + "." + header, claims + "." + header + "." + signature,
		header + "." + claims + "." + encode(append(decode(t, signature), 0)), header + "." + claims + "." + encode(make([]byte, 64)),
		header + "." + claims + "." + encode(make([]byte, 32)), header + "." + claims + "." + encode(der(t, decode(t, signature))),
	} {
		f.refused(fmt.Sprintf("shape %.30q", text), text)
	}
	// The last character of a signature carries four bits that decode to nothing.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, f.good[len(f.good)-1])
	for spare := 1; spare < 16; spare++ {
		f.refused("spare bits", f.good[:len(f.good)-1]+alphabet[last|spare:][:1])
	}
	large := strings.Repeat("x", 8<<10)
	f.signed("more than 8 KiB", f.header, f.text(map[string]any{"x": large}))
	f.enough(55)
}

// der is an ECDSA signature in the other encoding.
func der(t *testing.T, raw []byte) []byte {
	t.Helper()
	integer := func(b []byte) []byte {
		b = append([]byte{0}, b...)
		return append([]byte{2, byte(len(b))}, b...)
	}
	body := append(integer(raw[:32]), integer(raw[32:])...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

// TestTruncationsAndBitFlips: no prefix of a token and no token with one bit changed
// anywhere is one (ASVS 9.1.1).
func TestTruncationsAndBitFlips(t *testing.T) {
	f, _ := newForgery(t)
	for n := range f.good {
		f.refused("truncated", f.good[:n])
	}
	p := strings.Split(f.good, ".")
	for part := range p {
		raw := decode(t, p[part])
		for n := range raw {
			for bit := range 8 {
				raw[n] ^= 1 << bit
				bent := append([]string(nil), p...)
				bent[part] = encode(raw)
				f.refused("one bit changed", strings.Join(bent, "."))
				raw[n] ^= 1 << bit
			}
		}
	}
	f.enough(4000)
}

// TestCheckWithoutASession: what needs no session is judged without one, for whoever
// has only our public keys. The key says the algorithm, and a token of nobody or of no
// session is none.
func TestCheckWithoutASession(t *testing.T) {
	f, w := newForgery(t)
	check := func(text, algorithm string) (token.Claims, error) {
		return token.Check(text, token.Expectation{
			Issuer: issuer, Audience: audience, Now: w.Clock.Now(),
			Key: func(kid string) (jose.JSONWebKey, bool) {
				return jose.JSONWebKey{Key: &f.key.PublicKey, KeyID: kid, Algorithm: algorithm}, kid == f.kid()
			},
		})
	}
	claims, err := check(f.good, "ES256")
	if err != nil || claims.Subject != f.claims["sub"] || claims.Session != f.claims["sid"] || claims.Audience != audience {
		t.Fatalf("claims %+v, %v", claims, err)
	}
	for _, algorithm := range []string{"", "EdDSA", "ES384", "HS256", "none"} {
		if _, err := check(f.good, algorithm); err == nil {
			t.Errorf("accepted under a key for %q", algorithm)
		}
	}
	for _, name := range []string{"sub", "sid"} {
		if _, err := check(sign(t, f.key, f.header, f.text(map[string]any{name: nil})), "ES256"); err == nil {
			t.Errorf("accepted without %s", name)
		}
	}
}
