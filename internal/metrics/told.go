package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Request is an answered request as a door tells of it.
type Request struct {
	Method   string // of a closed set
	Route    string // a pattern of the route table, never a path; "none" where no route took it
	Status   int
	Code     string // of the problem, where there was one
	Reason   string // internal code of what failed, where there is one
	Duration time.Duration
}

// ceremonies are the routes that finish one.
func ceremony(method, route string) string {
	if method != "POST" {
		return ""
	}
	switch route {
	case "/v1/sign-up/passkey":
		return "sign_up"
	case "/v1/sign-in/passkey":
		return "sign_in"
	case "/v1/enrolment/passkey":
		return "enrolment"
	case "/v1/recovery/passkey":
		return "recovery"
	case "/v1/step-up/passkey":
		return "step_up"
	case "/v1/passkeys":
		return "binding"
	case "/v1/sign-in/email/finish":
		return "email"
	}
	return ""
}

// Answered counts a request, and the ceremony that it finished.
func (r *Registry) Answered(q Request) {
	s := r.answers.of(r.kind(q), r.answerSeries)
	s.requests.Inc()
	s.seconds.Observe(q.Duration.Seconds())
	if s.outcome != nil {
		s.outcome.Inc()
	}
}

// answerKind is what the labels of an answer are made of. Its values are of closed sets.
type answerKind struct{ method, route, class, ceremony, outcome string }

func (r *Registry) kind(q Request) answerKind {
	k := answerKind{method: q.Method, route: q.Route, class: class(q.Status), ceremony: ceremony(q.Method, q.Route)}
	switch {
	case k.ceremony == "":
	case q.Reason != "":
		k.outcome = r.codes.value(q.Reason)
	case q.Code != "":
		k.outcome = r.codes.value(q.Code)
	default:
		k.outcome = "ok"
	}
	return k
}

// answerSeries are the series that an answer is counted in.
type answerSeries struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
	outcome  prometheus.Counter // of the ceremony that it finished; nil: none
}

func (r *Registry) answerSeries(k answerKind) *answerSeries {
	s := &answerSeries{
		requests: r.requests.WithLabelValues(k.method, k.route, k.class),
		seconds:  r.durations.WithLabelValues(k.route),
	}
	if k.ceremony != "" {
		s.outcome = r.ceremonies.WithLabelValues(k.ceremony, k.outcome)
	}
	return s
}

// maxKinds bounds how many kinds of answers are remembered. There are some hundred; what
// comes beyond is looked up by its labels.
const maxKinds = 1024

// answerCache remembers the series of each kind of answer, for finding three of them by
// their labels takes 1 µs. It is read without a lock and copied when a kind is new.
type answerCache struct {
	limit int

	mu    sync.Mutex // held by who copies
	known atomic.Pointer[map[answerKind]*answerSeries]
}

func (c *answerCache) of(k answerKind, find func(answerKind) *answerSeries) *answerSeries {
	if known := c.known.Load(); known != nil {
		if s, ok := (*known)[k]; ok {
			return s
		}
	}
	s := find(k)
	c.mu.Lock()
	defer c.mu.Unlock()
	next := make(map[answerKind]*answerSeries)
	if known := c.known.Load(); known != nil {
		if len(*known) >= c.limit {
			return s
		}
		maps.Copy(next, *known)
	}
	next[k] = s
	c.known.Store(&next)
	return s
}

// class is the class of a status (RFC 9110 §15).
func class(status int) string {
	switch status / 100 {
	case 1:
		return "1xx"
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	}
	return other
}

// Failed counts an attempt that failed.
func (r *Registry) Failed(kind, code string) {
	r.failures.WithLabelValues(r.codes.value(kind), r.codes.value(code)).Inc()
}

// Alarmed counts an alarm.
func (r *Registry) Alarmed(code string) { r.alarms.WithLabelValues(r.codes.value(code)).Inc() }

// Mailed notes what came of a mail, age after it was owed. A mail that is tried again is
// noted each time.
func (r *Registry) Mailed(outcome string, age time.Duration) {
	r.mails.WithLabelValues(r.codes.value(outcome)).Observe(max(0, age.Seconds()))
}
