package ceremony_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// pair is two people with a passkey each, on one server.
type pair struct {
	*ceremonytest.World
	ana, bob *webauthntest.Authenticator
	up       ceremony.Proof // ana's
}

func newPair(t *testing.T, m webauthntest.Model) *pair {
	t.Helper()
	p := &pair{World: ceremonytest.New(t), ana: webauthntest.New(m), bob: webauthntest.New(m)}
	p.up = p.SignUp(t, p.ana, "ana")
	p.SignUp(t, p.bob, "bob")
	return p
}

// TestNegativeSignIns are AS of the lists in docs/negative-cases.md, as far as they
// need somebody who knows whose credential is whose. An empty code is a sign-in that
// must succeed.
func TestNegativeSignIns(t *testing.T) {
	noHandle := webauthntest.DropMember("response.userHandle")
	emptyHandle := webauthntest.SetMember("response.userHandle", "")
	for _, c := range []struct {
		id         string
		answer     func(t *testing.T, p *pair) []byte
		step, code string
	}{
		{"AS-01", func(t *testing.T, p *pair) []byte {
			stranger := ceremonytest.New(t)
			other := phone()
			stranger.SignUp(t, other, "eve")
			return p.Assert(t, other, "")
		}, "7.2/6", webauthn.CodeCredentialUnknown},
		{"AS-02", func(t *testing.T, p *pair) []byte {
			return p.Assert(t, p.bob, "nobody-has-this", webauthntest.UseCredential(p.bob.Credentials()[0].ID))
		}, "7.2/5", webauthn.CodeCredentialNotAllowed},
		{"AS-03", func(t *testing.T, p *pair) []byte {
			return p.Assert(t, p.bob, "ana", webauthntest.UseCredential(p.bob.Credentials()[0].ID))
		}, "7.2/5", webauthn.CodeCredentialNotAllowed},
		{"AS-04", func(t *testing.T, p *pair) []byte {
			theirs := webauthn.Bytes(p.bob.Credentials()[0].UserHandle)
			return p.Assert(t, p.ana, "ana", webauthntest.SetMember("response.userHandle", theirs))
		}, "7.2/6", webauthn.CodeUserHandleMismatch},
		{"AS-05", func(t *testing.T, p *pair) []byte { return p.Assert(t, p.ana, "", noHandle) }, "7.2/6", webauthn.CodeUserHandleMissing},
		{"AS-06", func(t *testing.T, p *pair) []byte { return p.Assert(t, p.ana, "ana", noHandle) }, "", ""},
		{"AS-07/known", func(t *testing.T, p *pair) []byte { return p.Assert(t, p.ana, "ana", emptyHandle) }, "", ""},
		{"AS-07/unknown", func(t *testing.T, p *pair) []byte { return p.Assert(t, p.ana, "", emptyHandle) }, "7.2/6", webauthn.CodeUserHandleMissing},
		{"AS-08", func(t *testing.T, p *pair) []byte {
			second := phone()
			if _, err := enrolled(t, p.World, enrolling(t, p.World, second, another(t, p.World, "ana"))); err != nil {
				t.Fatal(err)
			}
			return p.Assert(t, p.ana, "ana", webauthntest.SignWithKeyOf(second.Credentials()[0]))
		}, "7.2/21", webauthn.CodeSignatureInvalid},
		{"AS-28", func(t *testing.T, p *pair) []byte {
			return p.Assert(t, p.ana, "", webauthntest.SetMember("response.alg", -257))
		}, "", ""},
	} {
		t.Run(c.id, func(t *testing.T) {
			p := newPair(t, webauthntest.Phone())
			proof, err := p.Finish(t, c.answer(t, p))
			if c.code != "" {
				refused(t, err, ceremony.KindAuthentication, c.step, c.code)
			} else if err != nil || proof.Session().Person().ID != p.up.Session().Person().ID {
				t.Fatalf("refused: %v", err)
			}
			if _, err := p.Finish(t, p.Assert(t, p.ana, "ana")); err != nil {
				t.Fatalf("the honest sign-in that follows: %v", err)
			}
		})
	}
}

// TestNegativeCounters are the cases of the signature counter. Each is a device with
// one passkey that is not synchronised, and the counts that it gives one after the
// other; the last is judged, and the stored count is the highest that was taken.
func TestNegativeCounters(t *testing.T) {
	counting, silent := webauthntest.SecurityKey(), webauthntest.SecurityKey()
	silent.Counts = false
	for _, c := range []struct {
		id      string
		model   webauthntest.Model // stored at first: 1 if it counts
		counts  []uint32
		refused bool
		stored  uint32
	}{
		{"AS-19", counting, []uint32{7, 7}, true, 7},
		{"AS-20", counting, []uint32{7, 6}, true, 7},
		{"AS-21", counting, []uint32{7, 0}, true, 7},
		{"AS-22", silent, []uint32{0, 0, 0}, false, 0},
		{"AS-23", silent, []uint32{5}, false, 5},
		{"AS-23/rising", counting, []uint32{2, 3, 1 << 31}, false, 1 << 31},
	} {
		t.Run(c.id, func(t *testing.T) {
			p := newPair(t, c.model)
			for i, n := range c.counts {
				_, err := p.Finish(t, p.Assert(t, p.ana, "ana", webauthntest.SetSignCount(n)))
				if c.refused && i == len(c.counts)-1 {
					refused(t, err, ceremony.KindAuthentication, "7.2/22", webauthn.CodeSignCountRegressed)
				} else if err != nil {
					t.Fatalf("count %d: %v", n, err)
				}
			}
			assertCount(t, p.World, p.up, c.stored)
		})
	}
}

// TestFailureKeepsCounter is AS-24: an answer that is refused, however high its count,
// moves nothing.
func TestFailureKeepsCounter(t *testing.T) {
	p := newPair(t, webauthntest.SecurityKey())
	for _, fault := range []webauthntest.Mutation{
		webauthntest.SignWithNewKey(), webauthntest.ClearFlags(webauthntest.FlagUV), webauthntest.SetRPID("evil.example"),
	} {
		if _, err := p.Finish(t, p.Assert(t, p.ana, "ana", webauthntest.SetSignCount(1000), fault)); err == nil {
			t.Fatal("accepted")
		}
		assertCount(t, p.World, p.up, 1)
	}
}

// TestOneCountOnce is AS-25: of answers with the same count at the same moment, each
// right and to a challenge of its own, at most one is taken.
func TestOneCountOnce(t *testing.T) {
	p := newPair(t, webauthntest.SecurityKey())
	for round := range 30 {
		answers := make([][]byte, 4)
		for i := range answers {
			answers[i] = p.Assert(t, p.ana, "ana", webauthntest.SetSignCount(uint32(round)+2))
		}
		wins := 0
		for _, err := range together(len(answers), func(i int) error { _, err := p.Finish(t, answers[i]); return err }) {
			if err == nil {
				wins++
				continue
			}
			refused(t, err, ceremony.KindAuthentication, "7.2/22", webauthn.CodeSignCountRegressed)
		}
		if wins != 1 {
			t.Fatalf("round %d: %d of 4 answers with one count were taken", round, wins)
		}
	}
}

// TestNegativeChallenges are CD-07 to CD-11 and AS-26, for the sign-in: a challenge
// serves the ceremony, the client and the time that it was made for, once.
func TestNegativeChallenges(t *testing.T) {
	elsewhere := ceremonytest.Request()
	elsewhere.Client.Origin = "https://other.example.org"
	for _, c := range []struct {
		id     string
		finish func(t *testing.T, p *pair) error
		code   string
	}{
		{"CD-07", func(t *testing.T, p *pair) error {
			options, err := begin(t, p.World, ceremony.SignUp{Username: "eve"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Finish(t, p.Assert(t, p.ana, "", webauthntest.SetClientData("challenge", options.Challenge)))
			return err
		}, webauthn.CodeChallengeUnknown},
		{"CD-08", func(t *testing.T, p *pair) error {
			answer := p.Assert(t, p.ana, "")
			_, err := p.RP.FinishSignIn(t.Context(), elsewhere, ceremony.Finish{Credential: answer})
			return err
		}, webauthn.CodeChallengeMismatch},
		{"CD-09", func(t *testing.T, p *pair) error {
			answer := p.Assert(t, p.ana, "")
			if _, err := p.Finish(t, answer); err != nil {
				t.Fatal(err)
			}
			_, err := p.Finish(t, answer)
			return err
		}, webauthn.CodeChallengeConsumed},
		{"CD-10", func(t *testing.T, p *pair) error {
			answer := p.Assert(t, p.ana, "")
			p.Clock.Advance(10*time.Minute + time.Second)
			_, err := p.Finish(t, answer)
			return err
		}, webauthn.CodeChallengeExpired},
	} {
		t.Run(c.id, func(t *testing.T) {
			refused(t, c.finish(t, newPair(t, webauthntest.Phone())), ceremony.KindAuthentication, "7.2/11", c.code)
		})
	}
	t.Run("CD-11", func(t *testing.T) {
		p := newPair(t, webauthntest.Phone())
		first, second := p.Assert(t, p.ana, ""), p.Assert(t, p.bob, "")
		for _, answer := range [][]byte{second, first} {
			if _, err := p.Finish(t, answer); err != nil {
				t.Errorf("refused: %v", err)
			}
		}
	})
}

// TestNegativeRegistrations are RS of the lists. That a credential is somebody's once
// (RS-01) and the races are TestOneCredentialOneAccount, TestCredentialRace and
// TestReplayedRegistration.
func TestNegativeRegistrations(t *testing.T) {
	t.Run("RS-02", func(t *testing.T) {
		p := newPair(t, webauthntest.Phone())
		id := p.ana.Credentials()[0].ID
		answer := enrolling(t, p.World, phone(), another(t, p.World, "ana"), webauthntest.UseCredentialID(id))
		_, err := enrolled(t, p.World, answer)
		refused(t, err, ceremony.KindRegistered, "7.1/26", webauthn.CodeCredentialAlreadyRegistered)
	})
	t.Run("RS-03", func(t *testing.T) {
		p := newPair(t, webauthntest.Phone())
		mine, err := p.Finish(t, p.Assert(t, p.ana, "ana"))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := p.Finish(t, p.Assert(t, p.bob, "bob"))
		if err != nil {
			t.Fatal(err)
		}
		options, err := p.RP.BeginBinding(t.Context(), ceremonytest.Request(), mine.Session(), "")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := phone().Create(ceremonytest.JSON(t, options), ceremonytest.Page())
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.RP.FinishBinding(t.Context(), ceremonytest.Request(), theirs.Session(), ceremony.Finish{Credential: answer})
		refused(t, err, ceremony.KindRegistration, "7.1/8", webauthn.CodeChallengeMismatch)
		if _, err := p.RP.FinishBinding(t.Context(), ceremonytest.Request(), mine.Session(), ceremony.Finish{Credential: answer}); err != nil {
			t.Fatalf("who began it: %v", err)
		}
	})
	for id, m := range map[string]webauthntest.Model{"RS-05": webauthntest.SecurityKey(), "RS-09": webauthntest.Phone()} {
		t.Run(id, func(t *testing.T) {
			w := ceremonytest.New(t)
			options, err := begin(t, w, ceremony.SignUp{Username: "ana"})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := webauthntest.New(m).Create(ceremonytest.JSON(t, options), ceremonytest.Page())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := finish(t, w, answer); err != nil {
				t.Fatalf("refused: %v", err)
			}
		})
	}
	t.Run("RS-10", func(t *testing.T) {
		options, err := begin(t, ceremonytest.New(t), ceremony.SignUp{Username: "ana"})
		if err != nil || len(options.User.ID) == 0 || len(options.User.ID) > 64 {
			t.Fatalf("user handle %q, %v", options.User.ID, err)
		}
	})
}
