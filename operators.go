package keyturn

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/httpapi"
	"github.com/keyturn/keyturn/internal/metrics"
	"github.com/keyturn/keyturn/internal/store"
)

// version is that of the program, as its module was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// counted is the store with its verbs counted.
func (s *Server) counted(backend store.Store) store.Store {
	if queue, ok := backend.(metrics.Queue); ok {
		s.counts.WatchQueue(queue)
	}
	return s.counts.Store(backend)
}

func (s *Server) answered(a httpapi.Answered) { s.counts.Answered(metrics.Request(a)) }

func (s *Server) mailed(outcome string, age time.Duration) {
	s.counts.Mailed(outcome, age)
	s.mails.note(outcome, s.now())
}

// Operators is what belongs on a listener of the operators' own: /metrics for Prometheus,
// and /status, which says in JSON what is well and what is not. It answers whoever asks
// for it on this machine: never put it where strangers reach it.
func (s *Server) Operators() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.counts.Handler())
	mux.HandleFunc("GET /status", s.serveStatus)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !fromHere(r) {
			http.Error(w, "Ask for it on the machine itself, by localhost or a loopback address.", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// fromHere tells whether a request was meant for this machine: a page in a browser that
// runs on it reaches the listener too, under a name that its author made lead here.
func fromHere(r *http.Request) bool {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// The words of /status.
const (
	statusOK      = "ok"
	statusFailing = "failing"
	statusOff     = "off" // is not set
)

// Status is how a server does. Failing parts say why.
type Status struct {
	Status  string `json:"status"` // "ok" or "failing": what /readyz goes by, and the keys
	Version string `json:"version"`
	Store   Part   `json:"store"`
	Clock   Part   `json:"clock"`
	Keys    Part   `json:"keys"`
	Mail    Part   `json:"mail"` // does not make the whole failing: people can still sign in
}

// Part is how one part of a server does.
type Part struct {
	Status string `json:"status"` // "ok", "failing" or "off"
	Detail string `json:"detail,omitempty"`
	TookMS int64  `json:"took_ms"`
}

// statusWait bounds how long it may take to find out.
const statusWait = 3 * time.Second

// Status asks the parts of the server how they do.
func (s *Server) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	part := func(ask func(context.Context) error) Part {
		began := s.now()
		err := ask(ctx)
		p := Part{Status: statusOK, TookMS: s.now().Sub(began).Milliseconds()}
		if err != nil {
			p.Status, p.Detail = statusFailing, err.Error()
		}
		return p
	}
	out := Status{
		Status: statusOK, Version: version(),
		Store: part(s.store.Ping), Clock: part(s.checkClock), Keys: part(s.vault.Refresh), Mail: Part{Status: statusOff},
	}
	for _, p := range []Part{out.Store, out.Clock, out.Keys} {
		if p.Status != statusOK {
			out.Status = statusFailing
		}
	}
	if s.post != nil {
		out.Mail = s.mails.part()
	}
	return out
}

func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	status := s.Status(r.Context())
	w.Header().Set("Content-Type", "application/json")
	if status.Status != statusOK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// An answer that cannot be written has nobody to hear of it.
	_ = json.NewEncoder(w).Encode(status)
}

// mailWatch remembers how sending went last.
type mailWatch struct {
	mu   sync.Mutex
	last string
	at   time.Time
}

func (m *mailWatch) note(outcome string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.at = outcome, now
}

func (m *mailWatch) part() Part {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := Part{Status: statusOK}
	if m.last == "" {
		p.Detail = "no mail was sent since the start"
		return p
	}
	p.Detail = "the last mail: " + m.last + ", at " + m.at.UTC().Format(time.RFC3339)
	if m.last == "postponed" || m.last == "given_up" {
		p.Status = statusFailing
	}
	return p
}
