package metrics

import (
	"strconv"
	"time"
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
	r.requests.WithLabelValues(q.Method, q.Route, class(q.Status)).Inc()
	r.durations.WithLabelValues(q.Route).Observe(q.Duration.Seconds())
	name := ceremony(q.Method, q.Route)
	if name == "" {
		return
	}
	outcome := "ok"
	switch {
	case q.Reason != "":
		outcome = r.codes.value(q.Reason)
	case q.Code != "":
		outcome = r.codes.value(q.Code)
	}
	r.ceremonies.WithLabelValues(name, outcome).Inc()
}

// class is the class of a status (RFC 9110 §15).
func class(status int) string {
	if status < 100 || status > 599 {
		return other
	}
	return strconv.Itoa(status/100) + "xx"
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
