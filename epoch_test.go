package keyturn_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestNewStoreEpoch: on every store, what was issued before is refused by a server that
// starts after it, who was there signs in, the chains hold, and an event tells of it.
func TestNewStoreEpoch(t *testing.T) {
	for name, config := range map[string]func(*testing.T, *host) keyturn.Config{
		"sqlite": func(t *testing.T, h *host) keyturn.Config {
			set := production(t, h.origin())
			set.Listen = strings.TrimPrefix(h.URL, "http://")
			return keyturn.Config{Settings: set, Log: slog.New(slog.DiscardHandler)}
		},
		"postgres": func(t *testing.T, h *host) keyturn.Config {
			return sharedStore(t, h, postgrestest.Database(t))
		},
		"dynamodb": func(t *testing.T, h *host) keyturn.Config {
			t.Setenv("AWS_ACCESS_KEY_ID", "key")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			address := url.URL{
				Scheme: "dynamodb", Host: dynamotest.Table(t),
				RawQuery: url.Values{"region": {"eu-central-1"}, "endpoint": {dynamotest.Endpoint(t)}}.Encode(),
			}
			return sharedStore(t, h, address.String())
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			newEpoch(t, h, config(t, h))
		})
	}
}

func newEpoch(t *testing.T, h *host, cfg keyturn.Config) {
	if err := keyturn.CreateStore(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := keyturn.NewStoreEpoch(t.Context(), cfg); !errors.Is(err, keyturn.ErrNotFounded) {
		t.Fatalf("a store that nobody has used: %v", err)
	}
	b := &backedUp{host: h, cfg: cfg, phone: webauthntest.New(webauthntest.Phone())}
	b.start(t)
	b.session = b.signUp(t, b.phone, "ana")
	challenge := b.post(t, "/v1/sign-in/passkey/options", "", map[string]any{})["publicKey"]
	answer, err := b.phone.Get(challenge, webauthntest.Client{Origin: b.origin()})
	if err != nil {
		t.Fatal(err)
	}
	before := eventsTold(t, b.server)
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := keyturn.NewStoreEpoch(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	if events := eventsTold(t, b.server); events != before+1 {
		t.Errorf("%d events, before %d: want one more", events, before)
	}
	if got := b.ask(t, "/v1/sign-in/passkey", "application/json", `{"credential":`+string(answer)+`}`); got != http.StatusUnauthorized {
		t.Errorf("a challenge of before answers %d", got)
	}
	form := "grant_type=refresh_token&refresh_token=" + b.session.refresh
	if got := b.ask(t, "/v1/token", "application/x-www-form-urlencoded", form); got != http.StatusBadRequest {
		t.Errorf("a refresh token of before answers %d", got)
	}
	b.signIn(t, b.phone)
}

// eventsTold counts events, and demands that their chains hold.
func eventsTold(t *testing.T, server *keyturn.Server) (events uint64) {
	t.Helper()
	reports, err := server.Operator().VerifyEvents(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if r.Fault != "" {
			t.Errorf("chain %d: %s", r.Chain, r.Fault)
		}
		events += r.Number
	}
	return events
}
