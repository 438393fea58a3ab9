package keyturn_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const loginOrigin = "https://login.example.com"

// replicas are two servers on one database, as two processes have it: they share
// nothing but the files, and a clock that stands still: skew turns it.
type replicas struct {
	servers [2]*keyturn.Server
	skew    atomic.Int64
	phone   *webauthntest.Authenticator
}

func newReplicas(t *testing.T, profile string) *replicas {
	t.Helper()
	set := production(t, loginOrigin)
	set.SessionProfile, set.FloodRate, set.FloodBurst = profile, 1e6, 1e6
	r := &replicas{phone: webauthntest.New(webauthntest.Phone())}
	begun := time.Now()
	now := func() time.Time { return begun.Add(time.Duration(r.skew.Load())) }
	for i := range r.servers {
		r.servers[i] = open(t, keyturn.Config{Settings: set, Now: now})
	}
	options := r.post(t, 0, "/v1/sign-up/passkey/options", `{"username":"ana"}`)
	made, err := r.phone.Create(options["publicKey"], webauthntest.Client{Origin: loginOrigin})
	if err != nil {
		t.Fatal(err)
	}
	r.post(t, 0, "/v1/sign-up/passkey", `{"credential":`+string(made)+`}`)
	return r
}

// send posts to one of the servers.
func (r *replicas) send(server int, path, media string, body []byte) (status int, answer map[string]json.RawMessage) {
	request := httptest.NewRequest(http.MethodPost, loginOrigin+path, bytes.NewReader(body))
	request.Header.Set("Content-Type", media)
	request.Header.Set("Origin", loginOrigin)
	recorder := httptest.NewRecorder()
	r.servers[server].ServeHTTP(recorder, request)
	if json.Unmarshal(recorder.Body.Bytes(), &answer) != nil {
		return 0, nil
	}
	return recorder.Code, answer
}

func (r *replicas) post(t *testing.T, server int, path, body string) map[string]json.RawMessage {
	t.Helper()
	status, answer := r.send(server, path, "application/json", []byte(body))
	if status/100 != 2 {
		t.Fatalf("%s: %d %s", path, status, answer["code"])
	}
	return answer
}

// signIn begins at one server and finishes at the other: no request needs the server
// that answered the one before.
func (r *replicas) signIn(t *testing.T) (refresh string) {
	t.Helper()
	options := r.post(t, 0, "/v1/sign-in/passkey/options", `{}`)
	made, err := r.phone.Get(options["publicKey"], webauthntest.Client{Origin: loginOrigin})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, r.post(t, 1, "/v1/sign-in/passkey", `{"credential":`+string(made)+`}`)).refresh
}

// refresh gives the successor of a refresh token, or the error of RFC 6749.
func (r *replicas) refresh(server int, token string) (successor, refused string) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	status, answer := r.send(server, "/v1/token", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if status == http.StatusOK {
		return strings.Trim(string(answer["refresh_token"]), `"`), ""
	}
	return "", strings.Trim(string(answer["error"]), `"`)
}

// race presents one token by eight clients at once, at both servers, and gives how
// often each successor and each refusal was answered.
func (r *replicas) race(token string) (successors, refusals map[string]int) {
	const clients = 8
	var (
		gate  = make(chan struct{})
		group sync.WaitGroup
		mu    sync.Mutex
	)
	successors, refusals = map[string]int{}, map[string]int{}
	for i := range clients {
		group.Go(func() {
			<-gate
			successor, refused := r.refresh(i%2, token)
			mu.Lock()
			defer mu.Unlock()
			if refused == "" {
				successors[successor]++
			} else {
				refusals[refused]++
			}
		})
	}
	close(gate)
	group.Wait()
	return successors, refusals
}

const rounds = 50

// However many clients present a refresh token at once, at whichever server: there is
// one successor, and everybody gets that one.
func TestOneSuccessor(t *testing.T) {
	r := newReplicas(t, "standard")
	token := r.signIn(t)
	seen := map[string]bool{token: true}
	for round := range rounds {
		successors, refusals := r.race(token)
		if len(successors) != 1 || len(refusals) != 0 {
			t.Fatalf("round %d: successors %v, refusals %v", round, successors, refusals)
		}
		for successor := range successors {
			token = successor
		}
		if seen[token] {
			t.Fatalf("round %d: a token that was there before", round)
		}
		seen[token] = true
	}
	t.Logf("%d rounds, one successor each", rounds)
}

// Where no grace is given, one client wins, and that there were others ends the family.
func TestNoGrace(t *testing.T) {
	r := newReplicas(t, "aal3")
	for round := range rounds {
		successors, refusals := r.race(r.signIn(t))
		if len(successors) != 1 || refusals["invalid_grant"] != 7 {
			t.Fatalf("round %d: successors %v, refusals %v", round, successors, refusals)
		}
		for successor, n := range successors {
			if n != 1 {
				t.Fatalf("round %d: %d winners", round, n)
			}
			if _, refused := r.refresh(round%2, successor); refused != "invalid_grant" {
				t.Fatalf("round %d: the family outlived a second use", round)
			}
		}
	}
	t.Logf("%d rounds, one winner and one end each", rounds)
}

// What one server was shown, the other knows.
func TestReuseElsewhere(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration
		used  bool // the successor was used in between
		alive bool
	}{
		"an answer that was lost":       {9 * time.Second, false, true},
		"too late":                      {11 * time.Second, false, false},
		"the successor was used before": {time.Second, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, "standard")
			token := r.signIn(t)
			live, _ := r.refresh(0, token)
			successor := live
			if test.used {
				live, _ = r.refresh(1, successor)
			}
			r.skew.Store(int64(test.after))
			again, refused := r.refresh(1, token)
			if test.alive && again != successor || !test.alive && refused != "invalid_grant" {
				t.Errorf("got %q, refused %q", again, refused)
			}
			for server := range r.servers {
				_, refused := r.refresh(server, live)
				if alive := refused == ""; alive != test.alive {
					t.Errorf("server %d: alive %t, want %t", server, alive, test.alive)
				}
			}
		})
	}
}
