package ticket_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/ticket"
)

var update = flag.Bool("update", false, "write testdata/tickets.json anew")

const goldenFile = "testdata/tickets.json"

// golden are tickets as an earlier version minted them: one that is out there when a
// server is exchanged for a newer one is still a ticket.
type golden struct{ SignIn, Cookie, SignUp, EmailLink []byte }

// goldenSealer has keys that are the same for ever.
func goldenSealer(t *testing.T) *ticket.Sealer {
	t.Helper()
	server, err := seal.ParseServerKey([]byte("keyturn-server-key v1 "+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))), "test")
	if err != nil {
		t.Fatal(err)
	}
	root, _, err := seal.NewRoot(t.Context(), seal.NoKMS(server), bytes.NewReader(bytes.Repeat([]byte{2}, 32)), seal.RootID{Deployment: []byte("d"), Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.NewRing(seal.RingConfig{
		Deployment: []byte("d"), Server: server, Roots: []seal.Root{root}, Primary: 1, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := ticket.New(ticket.Config{Keys: ring.Purpose("ticket"), Deployment: []byte("d"), Epoch: []byte("e"), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the golden tickets say.
var (
	goldenSignIn = ticket.SignIn{
		Common: ticket.Common{
			Door: "api", RPID: "example.org", Account: [16]byte{1}, AccountKnown: true, TicketEpoch: 300, SessionEpoch: 70_000,
			Session: [16]byte{5}, Scope: "openid profile", Team: []byte{1, 2, 3},
		},
		UserVerification: "required", Conditional: true, Named: true,
	}
	goldenSignUp = ticket.SignUp{
		Common: place, UserHandle: []byte("handle"), Username: "ada", Email: "ada@example.org", DisplayName: "Ada ✓",
		Algorithms: []int64{-7, -8, -257}, UserVerification: "required", Permit: [16]byte{3}, Permitted: "invitation",
		EmailProved: true, Role: "admin",
	}
	goldenLink = ticket.EmailLink{
		Common: place, Address: "ada@example.org", Request: []byte("hash"), Session: "cookie", ReturnTo: "/home", Agent: "Firefox",
	}
)

func TestGolden(t *testing.T) {
	s := goldenSealer(t)
	if *update {
		writeGolden(t, s)
	}
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	signIn, err := ticket.Open[ticket.SignIn](s, g.SignIn, want(page, start))
	said := goldenSignIn
	said.Common = drawn(said.Common, signIn.Common)
	same(t, signIn, said, err)
	short, err := ticket.Open[ticket.SignIn](s, g.Cookie, want(cookie, start))
	same(t, short, ticket.SignIn{Common: drawn(place, short.Common)}, err)
	signUp, err := ticket.Open[ticket.SignUp](s, g.SignUp, want(native, start))
	saidUp := goldenSignUp
	saidUp.Common = drawn(saidUp.Common, signUp.Common)
	same(t, signUp, saidUp, err)
	link, err := ticket.OpenLink[ticket.EmailLink](s, g.EmailLink, want(cookie, start))
	saidLink := goldenLink
	saidLink.Common = drawn(saidLink.Common, link.Common)
	same(t, link, saidLink, err)
}

// drawn is what a ticket should say, with what minting drew and set taken from got.
func drawn(said, got ticket.Common) ticket.Common {
	said.ID, said.Issued, said.Expires, said.Mode = got.ID, got.Issued, got.Expires, got.Mode
	return said
}

func same(t *testing.T, got, want any, err error) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
}

func writeGolden(t *testing.T, s *ticket.Sealer) {
	t.Helper()
	var g golden
	for _, mint := range []func() error{
		func() (err error) {
			g.SignIn, err = ticket.Mint(s, page, goldenSignIn, ticket.MaxLife, start)
			return err
		},
		func() (err error) {
			g.Cookie, err = ticket.Mint(s, cookie, ticket.SignIn{Common: place}, ticket.MaxLife, start)
			return err
		},
		func() (err error) {
			g.SignUp, err = ticket.Mint(s, native, goldenSignUp, ticket.MaxLife, start)
			return err
		},
		func() (err error) {
			g.EmailLink, _, err = ticket.MintLink(s, goldenLink, ticket.MaxLinkLife, start)
			return err
		},
	} {
		if err := mint(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goldenFile, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
