package session_test

import (
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/session"
)

// draft is what the ceremonies of most people ask a session for.
func draft(b *testing.B, w *ceremonytest.World, mode session.Mode) session.Draft {
	b.Helper()
	facts := w.Resident(b, "ana").Facts()
	return session.Draft{
		Account: facts, Mode: mode, Door: ceremonytest.Door, Credential: make([]byte, 32), State: 1, Verified: true,
		AAL: 2, ACR: "phr", AMR: []string{"pop", "user", "mfa"},
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
	}
}

func BenchmarkStart(b *testing.B) {
	for name, mode := range map[string]session.Mode{"cookie": session.ModeCookie, "token": session.ModeToken} {
		b.Run(name, func(b *testing.B) {
			w := ceremonytest.New(b)
			d := draft(b, w, mode)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Sessions.Start(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRecognize is the cookie of a browser that signs in again: what it costs to
// know it, and to say so once more.
func BenchmarkRecognize(b *testing.B) {
	w := ceremonytest.New(b)
	a := w.Resident(b, "ana")
	cookie := w.Sessions.Recognize("", a)
	b.ReportAllocs()
	for b.Loop() {
		if !w.Sessions.Recognizes(cookie, a) || w.Sessions.Recognize(cookie, a) != cookie {
			b.Fatal("not recognized")
		}
	}
}
