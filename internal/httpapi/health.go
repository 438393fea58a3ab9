package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// readyKept is how long an answer of readiness is used again: whoever asks often
	// does not reach the store.
	readyKept = time.Second
	// readyWait is how long it may take to find out.
	readyWait = 2 * time.Second
)

// readiness asks whether the server can do its work, at most once per readyKept.
type readiness struct {
	ask func(context.Context) error
	now func() time.Time

	mu    sync.Mutex
	asked time.Time
	err   error
}

// check is nil when the server is ready. Whoever asks meanwhile waits for the same
// answer, and a caller that goes away does not spoil it for the others.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := r.now().Sub(r.asked); !r.asked.IsZero() && age >= 0 && age < readyKept {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWait)
	defer cancel()
	r.err, r.asked = r.ask(ctx), r.now()
	return r.err
}

type health struct {
	Status string `json:"status"`
}

// healthz says that the process answers.
func (a *API) healthz(x *exchange, _ *http.Request) {
	reply(x, http.StatusOK, health{"ok"})
}

// readyz says whether it can do its work; why not is in the log.
func (a *API) readyz(x *exchange, r *http.Request) {
	if err := a.readying.check(r.Context()); err != nil {
		a.fail(x, unavailable(err))
		return
	}
	reply(x, http.StatusOK, health{"ok"})
}
