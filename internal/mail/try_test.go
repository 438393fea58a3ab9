package mail

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestTry: it finds out what Send would, and nothing is sent.
func TestTry(t *testing.T) {
	a := newAuthority(t)
	for name, c := range map[string]struct {
		options serverOptions
		url     string
		trust   *authority
		works   bool
	}{
		"STARTTLS with user":       {serverOptions{tls: a.issue(t), wants: "u:p"}, "smtp://u:p@", a, true},
		"implicit TLS":             {serverOptions{tls: a.issue(t), implicit: true}, "smtps://", a, true},
		"loopback":                 {serverOptions{}, "smtp://", nil, true},
		"another password":         {serverOptions{tls: a.issue(t), wants: "u:p"}, "smtp://u:secret-q@", a, false},
		"an authority not trusted": {serverOptions{tls: a.issue(t)}, "smtp://", newAuthority(t), false},
		"no STARTTLS":              {serverOptions{}, "smtp://", a, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.options)
			err := newSMTP(t, c.url+server.address, c.trust).Try(t.Context())
			if (err == nil) != c.works {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret-q") {
				t.Error("the password is in the error")
			}
			if sent := server.got(); len(sent) != 0 {
				t.Errorf("it sent %d mails", len(sent))
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if newSMTP(t, "smtp://192.0.2.1:25", a).Try(ctx) == nil {
		t.Error("with a context that ended")
	}
}
