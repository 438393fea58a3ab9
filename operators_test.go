package keyturn_test

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// operate asks the operators' listener, as somebody on the machine.
func operate(t *testing.T, s *keyturn.Server, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.Operators().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9464"+path, nil))
	return w
}

// series is a line of /metrics, and label one label of it.
var (
	series = regexp.MustCompile(`^([a-z_:]+)(?:\{(.*)\})? (\S+)$`)
	label  = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
)

// closed are the values that labels may have, but for numbers of buckets.
func closed() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"method":    regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|other)$`),
		"route":     regexp.MustCompile(`^(none|/[a-z0-9./{}$_-]*)$`),
		"status":    regexp.MustCompile(`^[1-5]xx$`),
		"ceremony":  regexp.MustCompile(`^(sign_up|sign_in|enrolment|recovery|step_up|binding|email)$`),
		"outcome":   regexp.MustCompile(`^[a-z][a-z0-9_]*$`),
		"kind":      regexp.MustCompile(`^[a-z][a-z0-9_]*$`),
		"code":      regexp.MustCompile(`^[a-z][a-z0-9_]*$`),
		"by":        regexp.MustCompile(`^(sign_up|sign_in|binding|link)$`),
		"verb":      regexp.MustCompile(`^[a-z_]+$`),
		"error":     regexp.MustCompile(`^(not_found|taken|conflict|spent|failed)$`),
		"version":   regexp.MustCompile(`^(go1\..*|v.*|\(devel\)|unknown)$`),
		"le":        regexp.MustCompile(`^([0-9.e+-]+|\+Inf)$`),
		"quantile":  regexp.MustCompile(`^[0-9.]+$`),
		"operation": regexp.MustCompile(`^[a-z]+$`),
	}
}

// TestSeriesAreClosed: after people and strangers came, no series tells of anybody, and
// each label has a value of its set.
func TestSeriesAreClosed(t *testing.T) {
	h := newHost(t)
	set := production(t, h.origin())
	set.Listen = strings.TrimPrefix(h.URL, "http://")
	server := open(t, keyturn.Config{Settings: set})
	h.handler = server
	phone := webauthntest.New(webauthntest.Phone())
	h.signUp(t, phone, "ana-of-series")
	h.signIn(t, phone)
	for path, body := range map[string]string{
		"/v1/passkeys/ana-of-series": "", "/ana-of-series": "", "/v1/account/emails/ana@of.series": "",
		"/v1/sign-in/passkey": `{"credential":{"id":"ana-of-series"}}`, "/v1/sign-up/passkey/options": `{"username":"ana-of-series"}`,
	} {
		for _, method := range []string{"GET", "POST", "DELETE", "ANA-OF-SERIES"} {
			request, err := http.NewRequestWithContext(t.Context(), method, h.origin()+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := h.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
		}
	}
	seen := readSeries(t, operate(t, server, "/metrics").Body.String())
	for name, count := range map[string]int{
		"keyturn_http_requests_total": 6, "keyturn_ceremonies_total": 3, "keyturn_sessions_started_total": 4,
		"keyturn_store_seconds_count": 30, "keyturn_sqlite_waiting": 1, "keyturn_build_info": 1, "go_goroutines": 1,
	} {
		if seen[name] < count {
			t.Errorf("%d series of %s, want at least %d", seen[name], name, count)
		}
	}
}

// readSeries holds each series against the closed sets, and counts those of each name.
func readSeries(t *testing.T, text string) map[string]int {
	t.Helper()
	sets, seen := closed(), make(map[string]int)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := series.FindStringSubmatch(line)
		if parts == nil {
			t.Errorf("no series: %s", line)
			continue
		}
		seen[parts[1]]++
		if strings.Contains(strings.ToLower(line), "ana") || strings.Contains(line, "127.0.0.1") {
			t.Errorf("it tells of somebody: %s", line)
		}
		for _, l := range label.FindAllStringSubmatch(parts[2], -1) {
			if set := sets[l[1]]; set == nil || !set.MatchString(l[2]) {
				t.Errorf("%s=%q is in no set: %s", l[1], l[2], line)
			}
		}
	}
	return seen
}

// TestStatus: it says what is well, and what is not, part by part.
func TestStatus(t *testing.T) {
	server := open(t, keyturn.Config{Settings: production(t, loginOrigin)})
	ask := func(want int) (status keyturn.Status) {
		t.Helper()
		w := operate(t, server, "/status")
		if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || w.Code != want {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		return status
	}
	if got := ask(http.StatusOK); got.Status != "ok" || got.Store.Status != "ok" || got.Keys.Status != "ok" ||
		got.Clock.Status != "ok" || got.Mail.Status != "off" || got.Version == "" {
		t.Errorf("%+v", got)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	got := ask(http.StatusServiceUnavailable)
	for name, part := range map[string]keyturn.Part{"store": got.Store, "keys": got.Keys} {
		if part.Status != "failing" || part.Detail == "" {
			t.Errorf("%s of a closed store: %+v", name, part)
		}
	}
}

// TestOperatorsAreLocal: a name that somebody else made lead here is not answered.
func TestOperatorsAreLocal(t *testing.T) {
	server := open(t, keyturn.Config{Settings: production(t, loginOrigin)})
	for host, want := range map[string]int{
		"localhost:9464": 200, "127.0.0.1:9464": 200, "[::1]:9464": 200, "127.0.0.1": 200,
		"evil.example": 421, "login.example.com": 421, "192.0.2.1:9464": 421, "localhost.evil.example": 421, "": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Host = host
		w := httptest.NewRecorder()
		server.Operators().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
	if got := operate(t, server, "/v1/account").Code; got != http.StatusNotFound {
		t.Errorf("the API on the operators' listener answers %d", got)
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, loginOrigin+"/metrics", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("/metrics on the public listener answers %d", w.Code)
	}
}

// TestOperatorsBySocket: whoever may open the socket is on the machine, whatever name is
// asked for.
func TestOperatorsBySocket(t *testing.T) {
	server := open(t, keyturn.Config{Settings: production(t, loginOrigin)})
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	web := &httptest.Server{Listener: listener, Config: &http.Server{Handler: server.Operators(), ReadHeaderTimeout: time.Second}}
	web.Start()
	defer web.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("GET /status HTTP/1.1\r\nHost: keyturn\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(answer, "200") {
		t.Errorf("%q %v", answer, err)
	}
}
