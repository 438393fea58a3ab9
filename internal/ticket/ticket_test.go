package ticket_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/ticket"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 123_456_789, time.UTC)

// processRoot is one root for all sealers of this process, and another in each
// process of the fuzzing engine: none opens the seeds of another.
var processRoot = sync.OnceValue(func() string { return rand.Text() + rand.Text() })

// keys are a ticket purpose under a server key of versions 1 to n.
func keys(t testing.TB, n int) *seal.Purpose {
	t.Helper()
	var text strings.Builder
	for v := 1; v <= n; v++ {
		key := bytes.Repeat([]byte{byte(v)}, 32)
		text.WriteString("keyturn-server-key v" + string(rune('0'+v)) + " " + base64.StdEncoding.EncodeToString(key) + "\n")
	}
	server, err := seal.ParseServerKey([]byte(text.String()), "test")
	if err != nil {
		t.Fatal(err)
	}
	root, _, err := seal.NewRoot(t.Context(), seal.NoKMS(server), strings.NewReader(processRoot()), seal.RootID{Deployment: []byte("d"), Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.NewRing(seal.RingConfig{
		Deployment: []byte("d"), Server: server, Roots: []seal.Root{root}, Primary: 1, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return ring.Purpose("ticket")
}

func sealer(t testing.TB, deployment, epoch string) *ticket.Sealer {
	t.Helper()
	s, err := ticket.New(ticket.Config{
		Keys: keys(t, 1), Deployment: []byte(deployment), Epoch: []byte(epoch), Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func code(err error) string {
	var e *ticket.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// place is where a ticket of the tests is asked for.
var place = ticket.Common{Door: "api", RPID: "example.org"}

var (
	cookie = ticket.Client{Mode: ticket.ModeCookie, Secret: bytes.Repeat([]byte{1}, 32)}
	native = ticket.Client{Mode: ticket.ModeToken}
	page   = ticket.Client{Mode: ticket.ModeToken, Origin: "https://example.org", OriginSent: true}
)

func want(c ticket.Client, now time.Time) ticket.Want {
	return ticket.Want{Door: "api", RPID: "example.org", Client: c, Now: now}
}

func mintSignIn(t testing.TB, s *ticket.Sealer, c ticket.Client) []byte {
	t.Helper()
	raw, err := ticket.Mint(s, c, ticket.SignIn{Common: place}, 5*time.Minute, start)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEverythingSaidComesBack(t *testing.T) {
	s := sealer(t, "d", "e")
	said := ticket.SignUp{
		Common: ticket.Common{
			Door: "api", RPID: "example.org", Account: [16]byte{1}, AccountKnown: true, TicketEpoch: 3,
			SessionEpoch: 4, Session: [16]byte{5}, Scope: "openid",
		},
		UserHandle: []byte("handle"), Username: "ada", Email: "ada@example.org", DisplayName: "Ada ✓",
		Algorithms: []int64{-7, -8, -257}, UserVerification: "required", FirstAdmin: true, Permit: [16]byte{9},
	}
	raw, err := ticket.Mint(s, cookie, said, 5*time.Minute, start)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ticket.Open[ticket.SignUp](s, raw, want(cookie, start))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID == [16]byte{} {
		t.Error("no id was drawn")
	}
	said.ID, said.Mode = got.ID, ticket.ModeCookie
	said.Issued = start.Truncate(time.Millisecond)
	said.Expires = said.Issued.Add(5 * time.Minute)
	if !reflect.DeepEqual(got, said) {
		t.Errorf("got  %+v\nwant %+v", got, said)
	}
	if sp := got.Spend(); sp.ID != got.ID || !sp.Expires.Equal(got.Expires) || sp.Issued != nil {
		t.Errorf("spend %+v", sp)
	}
}

func TestLinkSaysWhatWasMinted(t *testing.T) {
	s := sealer(t, "d", "e")
	raw, minted, err := ticket.MintLink(s, ticket.EnrolmentLink{Common: ticket.Common{
		Door: "api", RPID: "example.org", Account: [16]byte{1}, AccountKnown: true, Mode: "ignored",
	}}, 48*time.Hour, start)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ticket.OpenLink[ticket.EnrolmentLink](s, raw, want(ticket.Client{}, start.Add(47*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, minted) || got.ID == [16]byte{} || got.Account != [16]byte{1} || got.Mode != "" {
		t.Errorf("got  %+v\nwant %+v", got, minted)
	}
}

// TestLinkMadeAgain: a link that is made twice with one ID and one life is one spend, and
// what is asked for wrongly is not made.
func TestLinkMadeAgain(t *testing.T) {
	s := sealer(t, "d", "e")
	id, expires := [16]byte{7}, start.Add(10*time.Minute)
	again := func(t ticket.EmailLink, id [16]byte, issued, expires time.Time) ([]byte, error) {
		return ticket.MintLinkAs(s, t, id, issued, expires)
	}
	said := ticket.EmailLink{Common: place, Address: "ana@example.org", Request: []byte{1}, Session: ticket.ModeToken}
	var spends [2]string
	for i := range spends {
		raw, err := again(said, id, start, expires)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ticket.OpenLink[ticket.EmailLink](s, raw, want(ticket.Client{}, start.Add(time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		sp := got.Spend()
		spends[i] = string(sp.ID[:]) + sp.Expires.String()
		if got.ID != id || !got.Issued.Equal(start.Truncate(time.Millisecond)) || !got.Expires.Equal(expires.Truncate(time.Millisecond)) || got.Mode != "" {
			t.Fatalf("got %+v", got)
		}
	}
	if spends[0] != spends[1] {
		t.Fatal("two spends")
	}
	for name, err := range map[string]error{
		"no ID":    second(again(said, [16]byte{}, start, expires)),
		"no life":  second(again(said, id, start, start)),
		"turned":   second(again(said, id, expires, start)),
		"too long": second(again(said, id, start, start.Add(ticket.MaxLinkLife+1))),
		"no door":  second(again(ticket.EmailLink{Common: ticket.Common{RPID: "example.org"}}, id, start, expires)),
		"no RP ID": second(again(ticket.EmailLink{Common: ticket.Common{Door: "api"}}, id, start, expires)),
	} {
		if code(err) != ticket.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ []byte, err error) error { return err }

func TestLife(t *testing.T) {
	s := sealer(t, "d", "e")
	raw := mintSignIn(t, s, cookie)
	issued := start.Truncate(time.Millisecond)
	for name, c := range map[string]struct {
		now  time.Time
		code string
	}{
		"at once":                  {start, ""},
		"at its end":               {issued.Add(5 * time.Minute), ""},
		"past its end":             {issued.Add(5*time.Minute + time.Nanosecond), ticket.CodeExpired},
		"from a clock 60 s ahead":  {issued.Add(-ticket.MaxSkew), ""},
		"from a clock beyond that": {issued.Add(-ticket.MaxSkew - time.Nanosecond), ticket.CodeExpired},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ticket.Open[ticket.SignIn](s, raw, want(cookie, c.now)); code(err) != c.code {
				t.Errorf("got %v, want %q", err, c.code)
			}
		})
	}
	t.Run("expiry is judged before the client", func(t *testing.T) {
		if _, err := ticket.Open[ticket.SignIn](s, raw, want(native, start.Add(time.Hour))); code(err) != ticket.CodeExpired {
			t.Errorf("got %v", err)
		}
	})
}

func TestClient(t *testing.T) {
	s := sealer(t, "d", "e")
	other := ticket.Client{Secret: bytes.Repeat([]byte{2}, 32)}
	empty := ticket.Client{OriginSent: true}
	foreign := ticket.Client{Origin: "https://example.com", OriginSent: true}
	presented := map[string]ticket.Client{
		"cookie": cookie, "other cookie": other, "native": native, "page": page, "empty origin": empty,
		"foreign origin": foreign,
		"cookie on page": {Secret: cookie.Secret, Origin: page.Origin, OriginSent: true},
		"says token":     {Mode: ticket.ModeToken, Secret: cookie.Secret},
	}
	for name, c := range map[string]struct {
		asks    ticket.Client
		accepts string
	}{
		"cookie": {cookie, "cookie, cookie on page, says token"},
		"page":   {page, "page, cookie on page"},
		// A cookie that comes along decides nothing in token mode.
		"native": {native, "native, cookie, other cookie, says token"},
	} {
		raw := mintSignIn(t, s, c.asks)
		accepts := strings.Split(c.accepts, ", ")
		for shown, client := range presented {
			t.Run(name+"/"+shown, func(t *testing.T) {
				wantCode := ticket.CodeMismatch
				for _, a := range accepts {
					if a == shown {
						wantCode = ""
					}
				}
				if _, err := ticket.Open[ticket.SignIn](s, raw, want(client, start)); code(err) != wantCode {
					t.Errorf("got %v, want %q", err, wantCode)
				}
			})
		}
	}
}

func TestForeign(t *testing.T) {
	ours := sealer(t, "d", "e")
	raw := mintSignIn(t, ours, cookie)
	other, err := ticket.New(ticket.Config{Keys: keys(t, 2), Deployment: []byte("d"), Epoch: []byte("e"), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		sealer     *ticket.Sealer
		door, rpID string
		code       string
	}{
		"ours":               {ours, "api", "example.org", ""},
		"after key rotation": {other, "api", "example.org", ""},
		"deployment":         {sealer(t, "x", "e"), "api", "example.org", ticket.CodeUnknown},
		"epoch":              {sealer(t, "d", "x"), "api", "example.org", ticket.CodeUnknown},
		"shifted fields":     {sealer(t, "de", "\x00"), "api", "example.org", ticket.CodeUnknown},
		"door":               {ours, "cognito", "example.org", ticket.CodeUnknown},
		"no door":            {ours, "", "example.org", ticket.CodeUnknown},
		"RP ID":              {ours, "api", "example.com", ticket.CodeUnknown},
		"no RP ID":           {ours, "api", "", ticket.CodeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			w := want(cookie, start)
			w.Door, w.RPID = c.door, c.rpID
			if _, err := ticket.Open[ticket.SignIn](c.sealer, raw, w); code(err) != c.code {
				t.Errorf("got %v, want %q", err, c.code)
			}
		})
	}
	t.Run("key version that is not there", func(t *testing.T) {
		raw := mintSignIn(t, other, cookie)
		_, err := ticket.Open[ticket.SignIn](ours, raw, want(cookie, start))
		var missing *seal.VersionError
		if code(err) != ticket.CodeUnknown || !errors.As(err, &missing) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMintRefuses(t *testing.T) {
	s := sealer(t, "d", "e")
	mint := func(c ticket.Client, t ticket.SignIn, life time.Duration) error {
		_, err := ticket.Mint(s, c, t, life, start)
		return err
	}
	with := func(change func(*ticket.SignIn)) ticket.SignIn {
		v := ticket.SignIn{Common: place}
		change(&v)
		return v
	}
	plain := ticket.SignIn{Common: place}
	_, _, linkErr := ticket.MintLink(s, ticket.FirstAdmin{Common: place}, ticket.MaxLinkLife+1, start)
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"nothing":            {mint(cookie, plain, ticket.MaxLife), ""},
		"no mode":            {mint(ticket.Client{Secret: cookie.Secret}, plain, time.Minute), ticket.CodeInvalid},
		"unknown mode":       {mint(ticket.Client{Mode: "x", Secret: cookie.Secret}, plain, time.Minute), ticket.CodeInvalid},
		"short secret":       {mint(ticket.Client{Mode: ticket.ModeCookie, Secret: make([]byte, 15)}, plain, time.Minute), ticket.CodeInvalid},
		"long life":          {mint(cookie, plain, ticket.MaxLife+1), ticket.CodeInvalid},
		"no life":            {mint(cookie, plain, 0), ticket.CodeInvalid},
		"negative life":      {mint(cookie, plain, -time.Minute), ticket.CodeInvalid},
		"no door":            {mint(cookie, with(func(s *ticket.SignIn) { s.Door = "" }), time.Minute), ticket.CodeInvalid},
		"no RP ID":           {mint(cookie, with(func(s *ticket.SignIn) { s.RPID = "" }), time.Minute), ticket.CodeInvalid},
		"too much":           {mint(cookie, with(func(s *ticket.SignIn) { s.Scope = strings.Repeat("x", 400) }), time.Minute), ticket.CodeTooLarge},
		"link that outlives": {linkErr, ticket.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if code(c.err) != c.code {
				t.Errorf("got %v, want %q", c.err, c.code)
			}
		})
	}
	t.Run("no randomness", func(t *testing.T) {
		s, err := ticket.New(ticket.Config{
			Keys: keys(t, 1), Deployment: []byte("d"), Epoch: []byte("e"), Rand: iotest.ErrReader(errors.New("dry")),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ticket.Mint(s, cookie, ticket.SignIn{Common: place}, time.Minute, start); err == nil {
			t.Error("minted without randomness")
		}
	})
}

func TestNewRefuses(t *testing.T) {
	whole := ticket.Config{Keys: keys(t, 1), Deployment: []byte("d"), Epoch: []byte("e"), Rand: rand.Reader}
	for name, strip := range map[string]func(*ticket.Config){
		"keys":       func(c *ticket.Config) { c.Keys = nil },
		"deployment": func(c *ticket.Config) { c.Deployment = nil },
		"epoch":      func(c *ticket.Config) { c.Epoch = nil },
		"randomness": func(c *ticket.Config) { c.Rand = nil },
	} {
		t.Run("no "+name, func(t *testing.T) {
			c := whole
			strip(&c)
			if _, err := ticket.New(c); err == nil {
				t.Error("made")
			}
		})
	}
}

func TestErrorIs(t *testing.T) {
	err := error(&ticket.Error{Code: ticket.CodeExpired, Err: errors.New("x")})
	if !errors.Is(err, &ticket.Error{Code: ticket.CodeExpired}) || errors.Is(err, &ticket.Error{Code: ticket.CodeUnknown}) {
		t.Error("Is does not follow the code")
	}
}
