package token_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
)

func one() *big.Int { return big.NewInt(1) }

// FuzzVerify: whatever is presented, it is a token that was issued or it is nobody's;
// nothing else is an answer, and nothing is written.
func FuzzVerify(f *testing.F) {
	w := ceremonytest.New(f)
	i := newIssuer(f, config(w))
	good, proof := bearer(f, w, i, "ana")
	p := strings.Split(good, ".")
	for _, seed := range []string{
		good, "", ".", "..", p[0] + "." + p[1] + ".", p[0] + "." + p[1], good + ".", good[:len(good)-1], good + "=", strings.ToUpper(good),
		encode([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + p[1] + ".", `{"payload":"` + p[1] + `","protected":"` + p[0] + `","signature":"` + p[2] + `"}`,
		encode([]byte(`{"alg":"EdDSA","kid":"x","typ":"at+jwt"}`)) + "." + p[1] + "." + p[2], "e30.e30.AA", "....", "\xff.\xff.\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		before := w.Store.Writes()
		c, err := i.Verify(context.Background(), text)
		switch {
		case err == nil:
			if !strings.HasPrefix(text, p[0]+"."+p[1]+".") || c.Person().ID != proof.Session().Person().ID {
				t.Fatalf("accepted as %+v: %q", c.Person(), text)
			}
		case !errors.Is(err, session.ErrNone) || !c.IsZero():
			t.Fatalf("%+v, %v", c.Person(), err)
		}
		if w.Store.Writes() != before {
			t.Fatal("a bearer made the store write")
		}
	})
}
