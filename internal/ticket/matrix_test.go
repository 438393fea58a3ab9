package ticket_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ticket"
)

// kind mints and opens tickets of one purpose at a door.
type kind struct {
	size int
	mint func(s *ticket.Sealer, c ticket.Common) ([]byte, error)
	open func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error)
}

// kinds are all purposes.
var kinds = map[string]kind{
	"sign-up": {
		1024,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			return ticket.Mint(s, page, ticket.SignUp{Common: c}, time.Minute, start)
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.Open[ticket.SignUp](s, raw, w)
			return v.Common, err
		},
	},
	"sign-in": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			return ticket.Mint(s, page, ticket.SignIn{Common: c}, time.Minute, start)
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.Open[ticket.SignIn](s, raw, w)
			return v.Common, err
		},
	},
	"enrolment": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			return ticket.Mint(s, page, ticket.Enrolment{Common: c}, time.Minute, start)
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.Open[ticket.Enrolment](s, raw, w)
			return v.Common, err
		},
	},
	"binding": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			return ticket.Mint(s, page, ticket.Binding{Common: c}, time.Minute, start)
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.Open[ticket.Binding](s, raw, w)
			return v.Common, err
		},
	},
	"step-up": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			return ticket.Mint(s, page, ticket.StepUp{Common: c}, time.Minute, start)
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.Open[ticket.StepUp](s, raw, w)
			return v.Common, err
		},
	},
	"first-admin": {
		256,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.FirstAdmin{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.FirstAdmin](s, raw, w)
			return v.Common, err
		},
	},
	"enrolment-link": {
		256,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.EnrolmentLink{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.EnrolmentLink](s, raw, w)
			return v.Common, err
		},
	},
	"email-link": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.EmailLink{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.EmailLink](s, raw, w)
			return v.Common, err
		},
	},
	"email-proof": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.EmailProof{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.EmailProof](s, raw, w)
			return v.Common, err
		},
	},
	"email-right": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.EmailRight{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.EmailRight](s, raw, w)
			return v.Common, err
		},
	},
	"invitation": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.Invitation{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.Invitation](s, raw, w)
			return v.Common, err
		},
	},
	"notice": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.Notice{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.Notice](s, raw, w)
			return v.Common, err
		},
	},
	"recovery": {
		256,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			raw, _, err := ticket.MintLink(s, ticket.Recovery{Common: c}, time.Minute, start)
			return raw, err
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.OpenLink[ticket.Recovery](s, raw, w)
			return v.Common, err
		},
	},
	"recovery-binding": {
		480,
		func(s *ticket.Sealer, c ticket.Common) ([]byte, error) {
			return ticket.Mint(s, page, ticket.RecoveryBinding{Common: c}, time.Minute, start)
		},
		func(s *ticket.Sealer, raw []byte, w ticket.Want) (ticket.Common, error) {
			v, err := ticket.Open[ticket.RecoveryBinding](s, raw, w)
			return v.Common, err
		},
	},
}

// TestMatrix opens every ticket as every purpose at every door under every RP ID:
// only its own place opens it.
func TestMatrix(t *testing.T) {
	s := sealer(t, "d", "e")
	doors, rpIDs := []string{"api", "cognito", "oidc"}, []string{"example.org", "login.example.org"}
	opened := 0
	for minted, from := range kinds {
		for _, door := range doors {
			for _, rpID := range rpIDs {
				raw, err := from.mint(s, ticket.Common{Door: door, RPID: rpID})
				if err != nil {
					t.Fatal(err)
				}
				for as, to := range kinds {
					for _, d := range doors {
						for _, r := range rpIDs {
							got, err := to.open(s, raw, ticket.Want{Door: d, RPID: r, Client: page, Now: start})
							own := minted == as && door == d && rpID == r
							switch {
							case own && (err != nil || got.Door != d || got.RPID != r):
								t.Errorf("%s at %s/%s: %+v, %v", minted, d, r, got, err)
							case !own && code(err) != ticket.CodeUnknown:
								t.Errorf("%s at %s/%s as %s at %s/%s: %v", minted, door, rpID, as, d, r, err)
							case own:
								opened++
							}
						}
					}
				}
			}
		}
	}
	if n := len(kinds) * len(doors) * len(rpIDs); opened != n {
		t.Errorf("%d of %d opened", opened, n)
	}
}

// TestPurposeNotSizeKeepsThemApart: purposes share lengths, so the matrix above rests on
// the key.
func TestPurposeNotSizeKeepsThemApart(t *testing.T) {
	sizes := map[int]int{}
	for _, k := range kinds {
		sizes[k.size]++
	}
	if sizes[480] < 2 || sizes[256] < 2 {
		t.Errorf("no two purposes of one length: %v", sizes)
	}
}

func TestOneLengthPerPurpose(t *testing.T) {
	s := sealer(t, "d", "e")
	for name, k := range kinds {
		for i, c := range []ticket.Common{
			{},
			{Account: [16]byte{1}, AccountKnown: true, TicketEpoch: 1 << 60, SessionEpoch: 1 << 60},
			{Session: [16]byte{1}, Scope: strings.Repeat("x", 64)},
		} {
			c.Door, c.RPID = "api", "example.org"
			raw, err := k.mint(s, c)
			if err != nil || len(raw) != k.size {
				t.Errorf("%s %d: %d bytes, want %d (%v)", name, i, len(raw), k.size, err)
			}
			limit := 512
			if name == "sign-up" {
				limit = 1024
			}
			if len(raw) > limit {
				t.Errorf("%s: %d bytes, limit %d", name, len(raw), limit)
			}
		}
	}
}

// TestLargestSignUpFits: what the API accepts at most has room.
func TestLargestSignUpFits(t *testing.T) {
	s := sealer(t, "d", "e")
	c := place
	c.Scope = strings.Repeat("x", 64)
	raw, err := ticket.Mint(s, page, ticket.SignUp{
		Common: c, UserHandle: bytes.Repeat([]byte{1}, 43), Username: strings.Repeat("é", 64),
		Email: strings.Repeat("e", 254), DisplayName: strings.Repeat("d", 128), Algorithms: []int64{-7, -8, -257, -35, -36},
		UserVerification: "discouraged", FirstAdmin: true, Permit: [16]byte{1}, Permitted: "first_admin",
		EmailProved: true, Role: "support",
	}, ticket.MaxLife, start)
	if err != nil || len(raw) != 1024 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

// TestLargestEmailLinkFits: what can be asked for at most has room in its link.
func TestLargestEmailLinkFits(t *testing.T) {
	s := sealer(t, "d", "e")
	c := place
	c.Account, c.AccountKnown, c.TicketEpoch, c.SessionEpoch = [16]byte{1}, true, 1<<63, 1<<63
	c.Scope = strings.Repeat("x", 64)
	raw, err := ticket.MintLinkAs(s, ticket.EmailLink{
		Common: c, Address: strings.Repeat("e", 254), Request: bytes.Repeat([]byte{1}, 32), Session: ticket.ModeCookie,
		ReturnTo: "/" + strings.Repeat("r", 255), Network: "2001:0db8:ffff:ffff::/64", Agent: strings.Repeat("a", 96),
	}, [16]byte{1}, start, start.Add(ticket.MaxLife))
	if err != nil || len(raw) != 1024 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	if _, err := ticket.OpenLink[ticket.EmailLink](s, raw, want(page, start)); err != nil {
		t.Errorf("a link of the larger size: %v", err)
	}
}

func TestEveryByteCounts(t *testing.T) {
	s := sealer(t, "d", "e")
	for name, k := range kinds {
		raw, err := k.mint(s, place)
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			bent := bytes.Clone(raw)
			bent[i] ^= 1 << (i % 8)
			if _, err := k.open(s, bent, want(page, start)); code(err) != ticket.CodeUnknown {
				t.Fatalf("%s with byte %d flipped: %v", name, i, err)
			}
		}
		for n := range raw {
			if _, err := k.open(s, raw[:n], want(page, start)); code(err) != ticket.CodeUnknown {
				t.Fatalf("%s cut to %d: %v", name, n, err)
			}
		}
		for _, more := range [][]byte{append(bytes.Clone(raw), 0), append([]byte{0}, raw...), nil} {
			if _, err := k.open(s, more, want(page, start)); code(err) != ticket.CodeUnknown {
				t.Fatalf("%s of %d bytes: %v", name, len(more), err)
			}
		}
	}
}

func TestTicketsDiffer(t *testing.T) {
	s := sealer(t, "d", "e")
	seen := make(map[[16]byte]bool, 100_000)
	for range 100_000 {
		_, l, err := ticket.MintLink(s, ticket.FirstAdmin{Common: place}, time.Minute, start)
		if err != nil {
			t.Fatal(err)
		}
		if seen[l.ID] {
			t.Fatalf("id %x twice", l.ID)
		}
		seen[l.ID] = true
	}
}

// FuzzOpen: whatever a stranger sends, nothing panics, and nothing opens that was
// not minted.
func FuzzOpen(f *testing.F) {
	s := sealer(f, "d", "e")
	minted := map[string]bool{}
	for _, k := range kinds {
		raw, err := k.mint(s, place)
		if err != nil {
			f.Fatal(err)
		}
		minted[string(raw)] = true
		f.Add(raw)
		f.Add(raw[:len(raw)-1])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		for name, k := range kinds {
			_, err := k.open(s, raw, want(page, start))
			if err == nil && !minted[string(raw)] {
				t.Errorf("%s opened what was not minted: %x", name, raw)
			}
			if err != nil && code(err) != ticket.CodeUnknown {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func BenchmarkTicketMint(b *testing.B) {
	s := sealer(b, "d", "e")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ticket.Mint(s, cookie, ticket.SignIn{Common: place}, time.Minute, start); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTicketOpen(b *testing.B) {
	s := sealer(b, "d", "e")
	w := want(cookie, start)
	raw := mintSignIn(b, s, cookie)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ticket.Open[ticket.SignIn](s, raw, w); err != nil {
			b.Fatal(err)
		}
	}
}
