package keyturn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestPopulate: who is written into the store signs in like who signed up, and stands in
// the same chains of events.
func TestPopulate(t *testing.T) {
	h := newHost(t)
	set := production(t, h.origin())
	set.Listen = strings.TrimPrefix(h.URL, "http://")
	server := open(t, keyturn.Config{Settings: set})
	h.handler = server
	const people = 5
	devices := make([]*webauthntest.Authenticator, people)
	err := server.Operator().Populate(t.Context(), people, func(n int) (keyturn.Newcomer, error) {
		devices[n] = webauthntest.New(webauthntest.Phone())
		handle := fmt.Appendf(nil, "handle of %d", n)
		made, object, err := devices[n].Enrol(server.Settings().RPID, handle, "")
		return keyturn.Newcomer{
			Username: fmt.Sprintf("newcomer%d", n), UserHandle: handle,
			CredentialID: made.ID, PublicKey: made.PublicKey, AttestationObject: object,
		}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, device := range devices {
		h.signIn(t, device)
	}
	list, _, err := server.Operator().Accounts(t.Context(), uuid.Nil, 2*people)
	if err != nil || len(list) != people {
		t.Fatalf("%d accounts, %v", len(list), err)
	}
	reports, err := server.Operator().VerifyEvents(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	events := uint64(0)
	for _, r := range reports {
		if r.Fault != "" {
			t.Errorf("chain %d: %s", r.Chain, r.Fault)
		}
		events += r.Number
	}
	if events < 2*people {
		t.Errorf("%d events of %d arrivals and as many sign-ins", events, people)
	}
	again := func(int) (keyturn.Newcomer, error) {
		return keyturn.Newcomer{Username: "newcomer0", UserHandle: []byte("h"), CredentialID: []byte("c"), PublicKey: []byte("k")}, nil
	}
	if err := server.Operator().Populate(t.Context(), 1, again); err == nil {
		t.Error("a name was given twice")
	}
	broken := errors.New("nobody")
	if err := server.Operator().Populate(t.Context(), 3, func(int) (keyturn.Newcomer, error) {
		return keyturn.Newcomer{}, broken
	}); !errors.Is(err, broken) {
		t.Errorf("nobody came, and %v", err)
	}
}
