// Package metrics counts what a server does, for Prometheus.
//
// It owns the names of the series, their labels, and the registry that they are read
// from. What it counts it is told by others: it wraps a store, and has a method for each
// thing that a door, the audit log or the mail tells it. It never decides anything, and
// nothing waits for it.
//
// A label has a value of a closed set, or of one that is bounded here: never an account,
// an address, a network or anything that a client wrote. So the series are few, and tell
// nothing of anybody.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace begins the name of every series that is ours.
const namespace = "keyturn"

// Config is what a Registry is made of. All fields are required.
type Config struct {
	Version string // of the program
	Now     func() time.Time
}

// Registry counts. It is safe for concurrent use.
type Registry struct {
	now      func() time.Time
	gatherer *prometheus.Registry

	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	ceremonies *prometheus.CounterVec
	failures   *prometheus.CounterVec
	alarms     *prometheus.CounterVec
	sessions   *prometheus.CounterVec
	mails      *prometheus.HistogramVec
	verbs      *prometheus.HistogramVec
	errors     *prometheus.CounterVec

	codes   *bounded // of failures, alarms and outcomes
	answers answerCache
}

// New makes a Registry, with the series of the Go runtime and of the process.
func New(cfg Config) *Registry {
	r := &Registry{now: cfg.Now, gatherer: prometheus.NewRegistry(), codes: newBounded(maxCodes), answers: answerCache{limit: maxKinds}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		r.gatherer.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
		r.gatherer.MustRegister(h)
		return h
	}
	r.requests = counter("http_requests_total", "Requests, by route and class of the status.", "method", "route", "status")
	r.durations = histogram("http_request_seconds", "How long requests took.", answering(), "route")
	r.ceremonies = counter("ceremonies_total", "Finished ceremonies: ok, or the code of what failed.", "ceremony", "outcome")
	r.failures = counter("failures_total", "Attempts that failed, by what was attempted and internal code.", "kind", "code")
	r.alarms = counter("alarms_total", "What cannot happen unless somebody edits the database.", "code")
	r.sessions = counter("sessions_started_total", "Sessions that were opened, by what opened them.", "by")
	r.mails = histogram("mail_age_seconds", "How old mails were when something came of them.", waiting(), "outcome")
	r.verbs = histogram("store_seconds", "How long verbs of the store took.", answering(), "verb")
	r.errors = counter("store_errors_total", "Verbs of the store that did not happen: as callers expect it, or failed.", "verb", "error")
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the version is its label.",
	}, []string{"version"})
	build.WithLabelValues(cfg.Version).Set(1)
	r.gatherer.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// answering are buckets, in seconds, from what a read takes to what nobody waits for.
func answering() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

// waiting are buckets, in seconds, of what may be tried again for a day.
func waiting() []float64 {
	return []float64{1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}
}

// Handler writes all series as Prometheus reads them.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Queue is a writer that gathers what waits into groups.
type Queue interface {
	Waiting() int    // operations that wait
	Commits() uint64 // groups that were written
	Writes() uint64  // operations in them
}

// WatchQueue adds the series of a writer: its queue, and from two counters the size of
// its groups. It is called once at most.
func (r *Registry) WatchQueue(q Queue) {
	r.gatherer.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "sqlite_waiting", Help: "Operations that wait for the writer.",
		}, func() float64 { return float64(q.Waiting()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "sqlite_commits_total", Help: "Transactions that were written.",
		}, func() float64 { return float64(q.Commits()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "sqlite_writes_total", Help: "Operations that were written; over commits, the size of a group.",
		}, func() float64 { return float64(q.Writes()) }),
	)
}
