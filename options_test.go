package keyturn_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestOptionsWriteNothing: whoever begins a ceremony, known or not, makes no store write
// anything. The engines count, not we.
func TestOptionsWriteNothing(t *testing.T) {
	for name, engine := range map[string]func(*testing.T, *host) (keyturn.Config, func() int64){
		"sqlite": sqliteCommits, "postgres": postgresWriters, "dynamodb": dynamoWrites,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			cfg, written := engine(t, h)
			if err := keyturn.CreateStore(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			server := open(t, cfg)
			h.handler = server
			calls, phone := optionsCalls(t, h, server)
			before := written()
			for _, c := range calls {
				if status := h.ask(t, c); status != c.status {
					t.Errorf("%s %v: %d, want %d", c.path, c.body, status, c.status)
				}
				if after := written(); after != before {
					t.Errorf("%s %v: the engine counted %d, then %d", c.path, c.body, before, after)
					before = after
				}
			}
			h.signIn(t, phone)
			if written() == before {
				t.Error("the engine counts no sign-in either")
			}
		})
	}
}

// optionsCall is a call that begins a ceremony, and what it is answered.
type optionsCall struct {
	status       int
	path, bearer string
	body         map[string]any
}

// ask makes a call and tells its status.
func (h *host) ask(t *testing.T, c optionsCall) int {
	t.Helper()
	text, err := json.Marshal(c.body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.origin()+c.path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", h.origin())
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	answer, err := h.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

// optionsCalls are calls of every route that begins a ceremony, by those whom the server
// knows and by strangers, and the authenticator of somebody with an account.
func optionsCalls(t *testing.T, h *host, server *keyturn.Server) (calls []optionsCall, phone *webauthntest.Authenticator) {
	t.Helper()
	phone = webauthntest.New(webauthntest.Phone())
	h.signUp(t, phone, "ana")
	link, err := server.Operator().EnrolmentLink(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	_, ticket, _ := strings.Cut(link.URL, "#ticket=")
	lost := webauthntest.New(webauthntest.Phone())
	h.signUp(t, lost, "ben")
	var codes []string
	var right string
	told(t, h.post(t, "/v1/account/recovery-codes", h.signIn(t, lost).access, map[string]any{})["codes"], &codes)
	told(t, h.post(t, "/v1/recovery", "", map[string]any{"username": "ben", "code": codes[0]})["recovery"], &right)
	bearer := h.signIn(t, phone).access

	type body = map[string]any
	calls = []optionsCall{
		{200, "/v1/sign-in/passkey/options", "", body{}},
		{200, "/v1/sign-in/passkey/options", "", body{"session_mode": "cookie", "mediation": "conditional"}},
		{200, "/v1/sign-in/passkey/options", "", body{"username": "ana"}},
		{200, "/v1/sign-in/passkey/options", "", body{"username": "nobody"}},
		{200, "/v1/sign-in/passkey/options", "", body{"username": "nobody@example.org"}},
		{200, "/v1/sign-up/passkey/options", "", body{"username": "cleo"}},
		{200, "/v1/sign-up/passkey/options", "", body{"username": "ana"}},
		{200, "/v1/sign-up/passkey/options", "", body{"username": "dora", "email": "dora@example.org"}},
		{410, "/v1/sign-up/passkey/options", "", body{"username": "emil", "ticket": ticket}},
		{200, "/v1/enrolment/passkey/options", "", body{"ticket": ticket}},
		{410, "/v1/enrolment/passkey/options", "", body{"ticket": right}},
		{200, "/v1/recovery/passkey/options", "", body{"recovery": right}},
		{410, "/v1/recovery/passkey/options", "", body{"recovery": ticket}},
		{200, "/v1/step-up/passkey/options", bearer, body{"max_age": 0}},
		{401, "/v1/step-up/passkey/options", "", body{}},
		{200, "/v1/passkeys/options", bearer, body{}},
		{200, "/v1/passkeys/options", bearer, body{"mediation": "conditional"}},
		{401, "/v1/passkeys/options", "forged", body{}},
	}
	document, err := os.ReadFile("internal/httpapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, c := range calls {
		made[c.path] = true
	}
	for _, route := range regexp.MustCompile(`(?m)^  (/v1/\S*/options):$`).FindAllStringSubmatch(string(document), -1) {
		if !made[route[1]] {
			t.Errorf("nobody calls %s", route[1])
		}
	}
	return calls, phone
}

// told reads a member of an answer.
func told(t *testing.T, raw json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// sqliteCommits counts commits of others: data_version moves with each.
func sqliteCommits(t *testing.T, h *host) (keyturn.Config, func() int64) {
	cfg := sharedStore(t, h, "")
	var conn *sqlite.Conn
	t.Cleanup(func() {
		if conn != nil {
			_ = conn.Close()
		}
	})
	return cfg, func() (version int64) {
		if conn == nil { // the database is made by now
			var err error
			if conn, err = sqlite.OpenConn(cfg.SQLitePath(), sqlite.OpenReadOnly); err != nil {
				t.Fatal(err)
			}
		}
		err := sqlitex.ExecuteTransient(conn, "PRAGMA data_version", &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
			version = stmt.ColumnInt64(0)
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
}

// postgresWriters counts the transactions that wrote or locked anything: only those get a
// number. The engine is the test's own, and does nothing by itself.
func postgresWriters(t *testing.T, h *host) (keyturn.Config, func() int64) {
	engine := postgrestest.NewEngine(t)
	conn, err := pgx.Connect(t.Context(), engine.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	for _, statement := range []string{"ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return sharedStore(t, h, engine.Address()), func() (next int64) {
		if err := conn.QueryRow(t.Context(), "SELECT txid_snapshot_xmax(txid_current_snapshot())").Scan(&next); err != nil {
			t.Fatal(err)
		}
		return next
	}
}

// dynamoWrites counts the requests that write, on their way to the engine.
func dynamoWrites(t *testing.T, h *host) (keyturn.Config, func() int64) {
	endpoint, err := url.Parse(dynamotest.Endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var writes atomic.Int64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(endpoint)
		switch _, operation, _ := strings.Cut(r.In.Header.Get("X-Amz-Target"), "."); operation {
		case "GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan", "DescribeTable", "DescribeTimeToLive":
		default:
			writes.Add(1)
		}
	}}
	web := httptest.NewServer(proxy)
	t.Cleanup(web.Close)
	return sharedStore(t, h, "dynamodb://"+dynamotest.Table(t)+"?region=eu-central-1&endpoint="+web.URL), writes.Load
}
