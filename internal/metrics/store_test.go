package metrics

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// none is a store that panics in every verb, since there is nothing below it.
type none struct{ store.Store }

// stub is a store whose verbs that open sessions fail with err.
type stub struct {
	store.Store
	err error
}

// TestEveryVerbIsTimed: each method of store.Store but Chains and Close is one of ours,
// calls the same of the store, and has a series. A verb that is added is found missing.
func TestEveryVerbIsTimed(t *testing.T) {
	verbs := reflect.TypeFor[store.Store]()
	names := make(map[string]bool)
	for _, name := range verbNames() {
		if name == "" || names[name] {
			t.Errorf("a verb has the name %q", name)
		}
		names[name] = true
	}
	if want := verbs.NumMethod() - len([]string{"Chains", "Close"}); len(names) != want {
		t.Errorf("%d verbs are timed, want %d", len(names), want)
	}
	for i := range verbs.NumMethod() {
		method := verbs.Method(i)
		if method.Name == "Chains" || method.Name == "Close" {
			continue
		}
		t.Run(method.Name, func(t *testing.T) {
			r := New(Config{Version: "v1", Now: time.Now})
			s := reflect.ValueOf(r.Store(none{}))
			called := ""
			func() {
				defer func() { called = fmt.Sprint(recover()) }()
				s.MethodByName(method.Name).Call(zeros(t, method.Type))
			}()
			if called == "<nil>" {
				t.Error("it did not call the store's own")
			}
			if got := count(t, r, "keyturn_store_seconds"); got != 1 {
				t.Errorf("%v calls are timed, want 1", got)
			}
		})
	}
}

func zeros(t *testing.T, f reflect.Type) []reflect.Value {
	in := make([]reflect.Value, f.NumIn())
	for i := range in {
		in[i] = reflect.Zero(f.In(i))
		if f.In(i) == reflect.TypeFor[context.Context]() {
			in[i] = reflect.ValueOf(t.Context())
		}
	}
	return in
}

// count adds up all samples of a histogram, or all values of a counter.
func count(t *testing.T, r *Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += float64(m.GetHistogram().GetSampleCount()) + m.GetCounter().GetValue()
		}
	}
	return sum
}

// value is that of the one series of a counter with this label.
func value(t *testing.T, r *Registry, name, label string) float64 {
	t.Helper()
	families, err := r.gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetValue() == label && m.GetCounter().GetValue() > 0 {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

func (s stub) RecordSignUp(context.Context, store.SignUp) error   { return s.err }
func (s stub) RecordSignIn(context.Context, store.SignIn) error   { return s.err }
func (s stub) RecordBinding(context.Context, store.Binding) error { return s.err }
func (s stub) RecordLink(context.Context, store.Link) error       { return s.err }

// TestErrorsAreTold: each error of the vocabulary has a series, and so has any other.
func TestErrorsAreTold(t *testing.T) {
	for label, err := range map[string]error{
		"not_found": store.ErrNotFound, "taken": &store.TakenError{Table: store.TableAccounts},
		"conflict": fmt.Errorf("wrapped: %w", store.ErrConflict), "spent": store.ErrSpent, "failed": errors.New("disk full"),
	} {
		r := New(Config{Version: "v1", Now: time.Now})
		if got := r.Store(stub{err: err}).RecordSignIn(t.Context(), store.SignIn{Session: &store.Session{}}); !errors.Is(got, err) {
			t.Errorf("the error became %v", got)
		}
		if value(t, r, "keyturn_store_errors_total", label) != 1 || count(t, r, "keyturn_store_errors_total") != 1 {
			t.Errorf("%v is not counted as %s", err, label)
		}
		if count(t, r, "keyturn_sessions_started_total") != 0 {
			t.Error("a session was counted that did not start")
		}
	}
}

// TestSessionsAreCounted: a session counts when a verb with one succeeds, and only then.
func TestSessionsAreCounted(t *testing.T) {
	for label, do := range map[string]func(store.Store, *store.Session) error{
		"sign_up": func(s store.Store, n *store.Session) error {
			return s.RecordSignUp(t.Context(), store.SignUp{Session: n})
		},
		"sign_in": func(s store.Store, n *store.Session) error {
			return s.RecordSignIn(t.Context(), store.SignIn{Session: n})
		},
		"binding": func(s store.Store, n *store.Session) error {
			return s.RecordBinding(t.Context(), store.Binding{Session: n})
		},
		"link": func(s store.Store, n *store.Session) error {
			return s.RecordLink(t.Context(), store.Link{Session: n})
		},
	} {
		r := New(Config{Version: "v1", Now: time.Now})
		s := r.Store(stub{})
		if err := errors.Join(do(s, nil), do(s, &store.Session{})); err != nil {
			t.Fatal(err)
		}
		if value(t, r, "keyturn_sessions_started_total", label) != 1 || count(t, r, "keyturn_sessions_started_total") != 1 {
			t.Errorf("%s: not one session counted", label)
		}
	}
}

// BenchmarkVerb is what timing adds to a verb.
func BenchmarkVerb(b *testing.B) {
	s := New(Config{Version: "v1", Now: time.Now}).Store(stub{})
	for b.Loop() {
		if err := s.RecordSignIn(b.Context(), store.SignIn{}); err != nil {
			b.Fatal(err)
		}
	}
}
