package httpapi

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// FuzzCookies: a cookie is read exactly as net/http reads it, and one that is there twice
// is there twice.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{
		"__Host-keyturn=a", "__Host-keyturn=a; __Host-keyturn=b", `__Host-keyturn="a b"`, "__Host-keyturn", "__Host-keyturn=a=b;;",
		" __Host-keyturn = a ;x=__Host-keyturn", `__Host-keyturn="`, `__Host-keyturn=a"b`, "__Host-keyturn-known=a", "x__Host-keyturn=a",
		"__Host-keyturn=\x7f", "__Host-keyturn=\\", "__host-keyturn=a", "\t__Host-keyturn=\ta\t", "__Host-keyturn=;__Host-keyturn=,",
	} {
		f.Add(seed, "")
		f.Add("x=y", seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := &http.Request{Header: http.Header{"Cookie": {first, second}}}
		var want []string
		for _, c := range r.CookiesNamed("__Host-keyturn") {
			want = append(want, c.Value)
		}
		if got := values(r, "__Host-keyturn"); len(first)+len(second) < 2000 && !slices.Equal(got, want) {
			t.Errorf("%q, %q: %q, net/http reads %q", first, second, got, want)
		}
	})
}

// TestSetCookie: what is written is what http.Cookie writes.
func TestSetCookie(t *testing.T) {
	for _, development := range []bool{false, true} {
		c := newCookies(development)
		for life, age := range map[time.Duration]int{time.Hour: 3600, 0: -1, -time.Second: -1, knownLife: 34560000} {
			w := httptest.NewRecorder()
			c.set(w.Header(), c.session, "abc-_9", life)
			want := http.Cookie{
				Name: c.session, Value: "abc-_9", Path: "/", MaxAge: age, Secure: !development, HttpOnly: true, SameSite: http.SameSiteLaxMode,
			}
			if got := w.Header().Get("Set-Cookie"); got != want.String() {
				t.Errorf("%s: %q, want %q", life, got, want.String())
			}
		}
	}
}
