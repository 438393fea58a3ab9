package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
)

// lines reads the lines that requests left in the journal: one object a line.
func (s *site) lines() []map[string]any {
	s.t.Helper()
	var out []map[string]any
	for line := range strings.Lines(s.Journal.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			s.t.Fatalf("%v in %s", err, line)
		}
		if entry["msg"] == "request" {
			out = append(out, entry)
		}
	}
	return out
}

func TestOneLineARequest(t *testing.T) {
	s := newSite(t)
	before := len(s.lines())
	got := s.post("/v1/sign-in/passkey", fields{"credential": fields{}}, from("192.0.2.77:1")).wantCode(codeMalformed)
	lines := s.lines()[before:]
	if len(lines) != 1 {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	for name, want := range map[string]any{
		"level": "INFO", "msg": "request", "method": "POST", "route": "/v1/sign-in/passkey", "status": float64(400),
		"request_id": got.header.Get("Keyturn-Request-Id"), "network": "192.0.2.77/32", "code": "malformed", "reason": "request_malformed",
	} {
		if lines[0][name] != want {
			t.Errorf("%s is %v, want %v", name, lines[0][name], want)
		}
	}
	if _, ok := lines[0]["duration"]; !ok {
		t.Error("no duration")
	}
}

// TestWhoLeavesIsNoError: what fails because the client has gone is nothing that an
// operator can mend, and what fails by itself is.
func TestWhoLeavesIsNoError(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, c := range []struct {
		name, want string
		ctx        context.Context
		closed     bool
	}{
		{"gone", "INFO", gone, false},
		{"still here", "ERROR", t.Context(), true},
	} {
		if c.closed {
			if err := s.Store.Close(); err != nil {
				t.Fatal(err)
			}
		}
		before := len(s.lines())
		s.get("/v1/passkeys", s.ownCookie(p), func(r *http.Request) { *r = *r.WithContext(c.ctx) })
		if line := s.lines()[before:][0]; line["level"] != c.want || line["cause"] == nil {
			t.Errorf("%s: %v", c.name, line)
		}
	}
}

// Paths, methods and headers that a client makes up are in no line, and no input
// makes a line of its own.
func TestLogHoldsNothingOfTheClient(t *testing.T) {
	s := newSite(t)
	const canary = "canary-8f3a"
	crooked := canary + "\r\nlevel=ERROR msg=forged \u2028\x1b[31m"
	everywhere := []with{
		header("User-Agent", crooked), header("X-Forwarded-For", crooked), header("Referer", crooked), header("Keyturn-Request-Id", crooked),
		header("Sec-Fetch-Site", crooked), cookie("__Host-keyturn-ceremony", canary),
	}
	var answers []answered
	for _, r := range s.routes {
		path := strings.NewReplacer("{$}", "", "{name}", canary).Replace(r.path)
		for _, body := range []string{
			`{"credential":"` + canary + `"}`, `{"` + canary + `":1}`, `{"username":"` + canary + `","` + canary + `":1}`, canary,
			`{"username":["` + canary + `"]}`, `{"session_mode":"` + canary + `"}`, `{"mediation":"` + canary + `"}`, `{"ticket":"` + canary + `"}`,
			`{"username":"` + canary + `\r\n|"}`, `{"scope":"` + canary + `\r\n"}`, `{"display_name":"` + canary + `\r\n","username":"ana"}`,
			`{"credential":{"id":"` + canary + `","rawId":"` + canary + `","response":{"clientDataJSON":"` + canary + `"}}}`,
		} {
			answers = append(answers,
				s.send(http.MethodPost, path+"?q="+canary, []byte(body), everywhere...),
				s.send(http.MethodPost, path, []byte(body), append(everywhere, header("Authorization", "Bearer "+canary))...),
				s.send(http.MethodPost, path, []byte(body), append(everywhere, cookie("__Host-keyturn", canary))...),
				s.send(http.MethodPost, path, []byte(body), append(everywhere, header("Content-Type", canary))...),
				s.send(http.MethodPost, path, []byte(body), append(everywhere, origin("https://"+canary))...))
		}
	}
	answers = append(answers,
		s.get("/"+canary+"?ticket="+canary, everywhere...), s.get("/account", append(everywhere, cookie("__Host-keyturn", canary))...),
		s.get("/v1/account", host(canary)), s.send("CANARY-8F3A", "/v1/account", nil), s.get("/assets/"+canary))
	for _, a := range answers {
		if a.status >= 400 && strings.Contains(string(a.body), canary) {
			t.Errorf("%d: %s", a.status, a.body)
		}
	}
	if i := strings.Index(strings.ToLower(s.Journal.String()), canary); i >= 0 {
		t.Errorf("in the log: %.200s", s.Journal.String()[max(0, i-100):])
	}
	if got := len(s.lines()); got != len(answers) {
		t.Errorf("%d lines for %d requests", got, len(answers))
	}
}

// What signs somebody in is in no line either.
func TestLogHoldsNoSecret(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	begun := s.post("/v1/sign-in/passkey/options", fields{"session_mode": "cookie"})
	challenge := string(begun.publicKey())
	made, err := p.phone.Get([]byte(challenge), ceremonytest.Page())
	if err != nil {
		t.Fatal(err)
	}
	s.post("/v1/sign-in/passkey", cred(made), carry(begun)...).want(http.StatusOK)
	s.get("/v1/account", s.ownCookie(p)).want(http.StatusOK)
	s.get("/v1/account", bearer(p.token)).want(http.StatusOK)
	var options struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal([]byte(challenge), &options); err != nil {
		t.Fatal(err)
	}
	log := s.Journal.String()
	for name, secret := range map[string]string{
		"access token": p.token, "refresh token": p.refresh, "session cookie": p.cookie, "challenge": options.Challenge,
		"ceremony cookie": begun.set["__Host-keyturn-ceremony"].Value,
	} {
		if secret == "" || strings.Contains(log, secret) || strings.Contains(log, secret[len(secret)-16:]) {
			t.Errorf("the %s is in the log", name)
		}
	}
}

// A panic is a 500 for its request, a stack in the log, and nothing to the next one.
func TestPanic(t *testing.T) {
	s := newSite(t)
	handlers := map[string]func(*exchange, *http.Request){
		"GET /panic/value":   func(*exchange, *http.Request) { panic("secret-of-the-client") },
		"GET /panic/runtime": func(*exchange, *http.Request) { _ = []int{}[len(s.routes)] },
	}
	for pattern, serve := range handlers {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			x, ok := w.(*exchange)
			if !ok {
				t.Fatal("no exchange")
			}
			serve(x, r)
		})
	}
	for pattern := range handlers {
		_, path, _ := strings.Cut(pattern, " ")
		s.get(path).wantCode(codeInternal)
		s.get("/healthz").want(http.StatusOK)
	}
	log := s.Journal.String()
	if strings.Contains(log, "secret-of-the-client") {
		t.Error("the value of a panic is in the log")
	}
	for _, want := range []string{"panic: string", "index out of range", "log_test.go", `"reason":"panic"`} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log", want)
		}
	}
}

// Half an answer is not made to look like a whole one.
func TestPanicAfterTheAnswerBegan(t *testing.T) {
	s := newSite(t)
	s.mux.HandleFunc("GET /panic", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic("late")
	})
	defer func() {
		if caught := recover(); caught != http.ErrAbortHandler {
			t.Errorf("panicked with %v", caught)
		}
	}()
	s.get("/panic")
	t.Error("the connection was kept")
}

func TestAgent(t *testing.T) {
	for sent, want := range map[string]string{
		"Mozilla/5.0 (X11)":      "Mozilla/5.0 (X11)",
		"a\r\nb\x00\x7f\u202ec":  "abc",
		strings.Repeat("x", 999): strings.Repeat("x", agentLimit),
	} {
		if got := agent(sent); got != want {
			t.Errorf("agent(%q) = %q", sent, got)
		}
	}
}
