package metrics

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

type queue struct{}

func (queue) Waiting() int    { return 3 }
func (queue) Commits() uint64 { return 5 }
func (queue) Writes() uint64  { return 20 }

// page is what Prometheus reads.
func page(t *testing.T, r *Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatal(w.Code, err)
	}
	return string(body)
}

// TestSeries: what is told is there to be read, under these names and labels for ever.
func TestSeries(t *testing.T) {
	r := New(Config{Version: "v1.2.3", Now: time.Now})
	r.WatchQueue(queue{})
	r.Answered(Request{Method: "POST", Route: "/v1/sign-in/passkey", Status: 200, Duration: 3 * time.Millisecond})
	r.Answered(Request{Method: "POST", Route: "/v1/sign-in/passkey", Status: 401, Code: "authentication_failed", Reason: "signature_invalid"})
	r.Answered(Request{Method: "POST", Route: "/v1/passkeys", Status: 409, Code: "conflict"})
	r.Answered(Request{Method: "GET", Route: "/v1/passkeys", Status: 200})
	r.Failed("sign_in", "signature_invalid")
	r.Alarmed("account_record_tampered")
	r.Mailed("sent", 90*time.Second)
	r.Mailed("sent", -time.Second) // a clock that was set back
	got := page(t, r)
	for _, want := range []string{
		`keyturn_build_info{version="v1.2.3"} 1`,
		`keyturn_http_requests_total{method="POST",route="/v1/sign-in/passkey",status="2xx"} 1`,
		`keyturn_http_requests_total{method="POST",route="/v1/sign-in/passkey",status="4xx"} 1`,
		`keyturn_http_request_seconds_bucket{route="/v1/sign-in/passkey",le="0.005"} 2`,
		`keyturn_ceremonies_total{ceremony="sign_in",outcome="ok"} 1`,
		`keyturn_ceremonies_total{ceremony="sign_in",outcome="signature_invalid"} 1`,
		`keyturn_ceremonies_total{ceremony="binding",outcome="conflict"} 1`,
		`keyturn_failures_total{code="signature_invalid",kind="sign_in"} 1`,
		`keyturn_alarms_total{code="account_record_tampered"} 1`,
		`keyturn_mail_age_seconds_bucket{outcome="sent",le="300"} 2`,
		`keyturn_mail_age_seconds_sum{outcome="sent"} 90`,
		`keyturn_sqlite_waiting 3`, `keyturn_sqlite_commits_total 5`, `keyturn_sqlite_writes_total 20`,
		`go_goroutines `, `process_start_time_seconds `,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(got, `ceremony="binding",outcome="ok"`) {
		t.Error("reading the passkeys was counted as a ceremony")
	}
}

// TestAnsweredTogether: kinds that are new to many at once, and more of them than are
// remembered, are all counted.
func TestAnsweredTogether(t *testing.T) {
	r := New(Config{Version: "v1", Now: time.Now})
	r.answers.limit = 50
	const kinds, callers = 80, 4
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := range kinds {
				r.Answered(Request{Method: "GET", Route: fmt.Sprintf("/r%d", i), Status: 200})
			}
		})
	}
	group.Wait()
	if n := len(*r.answers.known.Load()); n != r.answers.limit {
		t.Errorf("%d kinds are remembered, want the bound %d", n, r.answers.limit)
	}
	got := page(t, r)
	for i := range kinds {
		if want := fmt.Sprintf(`keyturn_http_requests_total{method="GET",route="/r%d",status="2xx"} %d`, i, callers); !strings.Contains(got, want+"\n") {
			t.Fatalf("no %s", want)
		}
	}
}

// TestAnsweredAllocatesNothing, once a kind of answer is known.
func TestAnsweredAllocatesNothing(t *testing.T) {
	r := New(Config{Version: "v1", Now: time.Now})
	q := Request{Method: "POST", Route: "/v1/sign-in/passkey", Status: 401, Code: "authentication_failed", Reason: "signature_invalid"}
	if n := testing.AllocsPerRun(100, func() { r.Answered(q) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAnswered(b *testing.B) {
	r := New(Config{Version: "v1", Now: time.Now})
	q := Request{Method: "POST", Route: "/v1/sign-in/passkey", Status: 200, Duration: time.Millisecond}
	b.ReportAllocs()
	for b.Loop() {
		r.Answered(q)
	}
}

// TestCeremonies: each finish of a ceremony has a name, and nothing else has.
func TestCeremonies(t *testing.T) {
	for route, want := range map[string]string{
		"/v1/sign-up/passkey": "sign_up", "/v1/sign-in/passkey": "sign_in", "/v1/enrolment/passkey": "enrolment",
		"/v1/recovery/passkey": "recovery", "/v1/step-up/passkey": "step_up", "/v1/passkeys": "binding",
		"/v1/sign-in/email/finish": "email", "/v1/sign-in/passkey/options": "", "none": "",
	} {
		if got := ceremony("POST", route); got != want {
			t.Errorf("%s: %q, want %q", route, got, want)
		}
	}
}

// TestBounded: what is not written like a code, and what is one too many, is "other".
func TestBounded(t *testing.T) {
	b := newBounded(3)
	for v, want := range map[string]string{
		"": other, "ana@example.com": other, "192.0.2.1": other, "0198c5f2": other, "A": other, "a b": other,
		"x" + strings.Repeat("y", maxCode): other,
	} {
		if got := b.value(v); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
	for i := range 10 {
		v := fmt.Sprintf("code_%d", i)
		want := v
		if i >= 3 {
			want = other
		}
		for range 2 {
			if got := b.value(v); got != want {
				t.Errorf("%q: %q, want %q", v, got, want)
			}
		}
	}
}

func TestClass(t *testing.T) {
	for status, want := range map[int]string{0: other, 99: other, 100: "1xx", 204: "2xx", 503: "5xx", 600: other} {
		if got := class(status); got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
}
