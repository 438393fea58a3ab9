package metrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyturn/keyturn/internal/store"
)

// observed is a store whose verbs are timed and counted. Its embedded store does the
// work; a verb that is not timed here would be the store's own, which a test finds.
type observed struct {
	store.Store
	now   func() time.Time
	verbs [verbCount]timed

	startedSignUp, startedSignIn, startedBinding, startedLink prometheus.Counter
}

var _ store.Store = (*observed)(nil)

// timed are the series of one verb, looked up once: a label costs more than a count.
type timed struct {
	seconds                             prometheus.Observer
	absent, taken, conflict, spent, bad prometheus.Counter
}

// Store is s with its verbs timed and counted.
func (r *Registry) Store(s store.Store) store.Store {
	o := &observed{Store: s, now: r.now}
	for v, name := range verbNames() {
		failed := func(what string) prometheus.Counter { return r.errors.WithLabelValues(name, what) }
		o.verbs[v] = timed{
			seconds: r.verbs.WithLabelValues(name),
			absent:  failed("not_found"), taken: failed("taken"), conflict: failed("conflict"), spent: failed("spent"),
			bad: failed("failed"),
		}
	}
	o.startedSignUp = r.sessions.WithLabelValues("sign_up")
	o.startedSignIn = r.sessions.WithLabelValues("sign_in")
	o.startedBinding = r.sessions.WithLabelValues("binding")
	o.startedLink = r.sessions.WithLabelValues("link")
	return o
}

// time notes what became of a verb that began then. It is deferred.
func (o *observed) time(v verb, began time.Time, err *error) {
	t := &o.verbs[v]
	t.seconds.Observe(o.now().Sub(began).Seconds())
	switch {
	case *err == nil:
	case errors.Is(*err, store.ErrNotFound):
		t.absent.Inc()
	case errors.Is(*err, store.ErrTaken):
		t.taken.Inc()
	case errors.Is(*err, store.ErrConflict):
		t.conflict.Inc()
	case errors.Is(*err, store.ErrSpent):
		t.spent.Inc()
	default:
		t.bad.Inc()
	}
}
