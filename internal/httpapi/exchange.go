package httpapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
)

// agentLimit bounds what is kept of a User-Agent, in bytes.
const agentLimit = 256

// exchange is one request on its way to an answer: the ResponseWriter of its
// handler, and what is known of the request for answers, events and the log.
type exchange struct {
	http.ResponseWriter
	id     string
	caller audit.Caller
	start  time.Time

	idHeader [1]string // id, as the list of values that a header is

	status int // 0: nothing answered yet
	code   code
	reason string
	step   string
	cause  error
}

// WriteHeader notes the status for the log.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write notes that an answer without a status is 200.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets net/http find what the underlying writer can do.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// open starts an exchange. The request id is ours alone: one that a client sends
// could be anybody's, and could be anything.
func (a *API) open(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, id: rand.Text(), start: a.cfg.Now()}
	x.caller = audit.Caller{
		RequestID: x.id, Address: clientAddress(r, a.cfg.TrustedProxies), UserAgent: agent(r.UserAgent()), Door: door,
	}
	x.idHeader[0] = x.id
	a.setHeaders(w.Header(), r.URL.Path, x.idHeader[:])
	return x
}

// close ends an exchange: a panic becomes a 500, and the request becomes one line of
// the log. It is deferred.
func (a *API) close(x *exchange, r *http.Request) {
	if caught := recover(); caught != nil {
		if caught == http.ErrAbortHandler {
			panic(caught)
		}
		a.recovered(x, caught)
	}
	told := Answered{
		Method: methodName(r.Method), Route: routeOf(r), Status: x.status, Code: string(x.code), Reason: x.reason,
		Duration: a.cfg.Now().Sub(x.start),
	}
	a.log(r.Context(), x, told)
	if a.cfg.Answered != nil {
		a.cfg.Answered(told)
	}
}

// Answered is a request that was answered, as it may be counted: nothing in it is of the
// client's making.
type Answered struct {
	Method   string // "other" for one that a client made up
	Route    string // pattern of the route, without its method; "none" where there is none
	Status   int
	Code     string // of the problem; empty for none
	Reason   string // internal code of what failed; empty for none
	Duration time.Duration
}

// recovered answers for a handler that panicked. The value of a panic may hold what
// the client sent, so only what the runtime itself says of it is logged.
func (a *API) recovered(x *exchange, caught any) {
	what := fmt.Sprintf("panic: %T", caught)
	if fault, ok := caught.(runtime.Error); ok {
		what = "panic: " + fault.Error()
	}
	a.cfg.Log.Error("panic", "request_id", x.id, "panic", what, "stack", string(debug.Stack()))
	if x.status != 0 {
		// Half an answer is out: the client must not take it for a whole one.
		panic(http.ErrAbortHandler)
	}
	a.fail(x, &problem{code: codeInternal, reason: "panic"})
}

// log writes the line of a request. It holds the route, never the path; the network,
// never the address; and nothing that the client wrote. The record is made here because
// a Logger would look for the place in the source that it comes from, 1 µs of each line.
func (a *API) log(ctx context.Context, x *exchange, told Answered) {
	level := slog.LevelInfo
	if x.cause != nil && ctx.Err() == nil { // else the client has left, and nobody need look into it
		level = slog.LevelError
	}
	if !a.cfg.Log.Enabled(ctx, level) {
		return
	}
	line := slog.NewRecord(x.start.Add(told.Duration), level, "request", 0)
	line.AddAttrs(
		slog.String("method", told.Method),
		slog.String("route", told.Route),
		slog.Int("status", told.Status),
		slog.Duration("duration", told.Duration),
		slog.String("request_id", x.id),
		slog.String("network", x.caller.Network().String()),
	)
	for _, why := range [...]slog.Attr{
		slog.String("code", told.Code), slog.String("reason", told.Reason), slog.String("step", x.step),
	} {
		if why.Value.String() != "" {
			line.AddAttrs(why)
		}
	}
	if x.cause != nil {
		line.AddAttrs(slog.String("cause", x.cause.Error()))
	}
	_ = a.cfg.Log.Handler().Handle(ctx, line) // where else would one say that the log cannot be written
}

// routeOf is the path of the route that took the request.
func routeOf(r *http.Request) string {
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return "none"
}

// methodName keeps the methods that a client makes up out of the log.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return "other"
}

// agent is the User-Agent as events keep it: printable, and not longer than it is
// worth.
func agent(sent string) string {
	if len(sent) <= agentLimit && printable(sent) {
		return sent
	}
	sent = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, sent)
	return sent[:min(len(sent), agentLimit)]
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
