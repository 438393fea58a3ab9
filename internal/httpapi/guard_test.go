package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/limit"
)

func host(name string) with { return func(r *http.Request) { r.Host = name } }

func from(peer string) with { return func(r *http.Request) { r.RemoteAddr = peer } }

func TestHosts(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Hosts = []string{"Gateway.internal:8443"} })
	for name, want := range map[string]int{
		"login.example.org":              200,
		"LOGIN.example.org":              200,
		"login.example.org:443":          200,
		"gateway.internal:8443":          200,
		"gateway.internal":               421,
		"login.example.org:80":           421,
		"login.example.org.":             421,
		"login.example.org.evil.example": 421,
		"evil.example":                   421,
		"127.0.0.1":                      421,
		"localhost:8080":                 421,
		"":                               421,
	} {
		for _, path := range []string{"/healthz", "/readyz", "/sign-in", "/.well-known/openid-configuration"} {
			s.get(path, host(name)).want(want)
		}
	}
	s.get("/v1/account", host("evil.example")).wantCode(codeMisdirected)
	s.get("/nothing", host("evil.example"), header("X-Forwarded-Host", "login.example.org")).wantCode(codeMisdirected)
}

// development is the door as it runs at http://localhost:8080.
func development(c *Config) {
	c.Development = true
	c.PublicURL = &url.URL{Scheme: "http", Host: "localhost:8080"}
}

func TestDevelopmentPages(t *testing.T) {
	here := []with{host("localhost:8080"), from("127.0.0.1:50000")}
	s := newSite(t, development)
	for name, test := range map[string]struct {
		with []with
		want int
	}{
		"this machine":          {nil, 200},
		"IPv6":                  {[]with{from("[::1]:50000")}, 200},
		"IPv4 in IPv6":          {[]with{from("[::ffff:127.0.0.1]:50000")}, 200},
		"another machine":       {[]with{from("192.0.2.1:50000")}, 404},
		"no peer":               {[]with{from("@")}, 404},
		"foreign host":          {[]with{host("evil.example")}, 421},
		"by address":            {[]with{host("127.0.0.1:8080")}, 421},
		"Forwarded":             {[]with{header("Forwarded", "for=127.0.0.1")}, 404},
		"X-Forwarded-For":       {[]with{header("X-Forwarded-For", "127.0.0.1")}, 404},
		"X-Forwarded-Proto":     {[]with{header("X-Forwarded-Proto", "http")}, 404},
		"X-Real-IP":             {[]with{header("X-Real-IP", "127.0.0.1")}, 404},
		"Via":                   {[]with{header("Via", "1.1 proxy")}, 404},
		"trusted proxy or not":  {[]with{from("192.0.2.1:50000"), header("X-Forwarded-For", "127.0.0.1")}, 404},
		"X-Forwarded-Something": {[]with{header("X-Forwarded-Something", "")}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/dev", "/dev/"} {
				s.get(path, append(here, test.with...)...).want(test.want)
			}
		})
	}
	production := newSite(t)
	for _, path := range []string{"/dev", "/dev/"} {
		production.get(path, from("127.0.0.1:50000")).wantCode(codeNotFound)
	}
}

func TestDevelopmentCookies(t *testing.T) {
	here := []with{host("localhost:8080"), origin("http://localhost:8080")}
	s := newSite(t, development)
	begun := s.post("/v1/sign-in/passkey/options", fields{"session_mode": "cookie"}, here...).want(http.StatusOK)
	if c := begun.set["keyturn-dev-ceremony"]; c == nil || c.Secure || !c.HttpOnly {
		t.Errorf("ceremony cookie %+v", c)
	}
	p := newSiteOn(t, s.World).someone()
	s.get("/v1/account", append(here, cookie("keyturn-dev", p.cookie))...).want(http.StatusOK)
	s.get("/v1/account", append(here, cookie("__Host-keyturn", p.cookie))...).wantCode(codeUnauthenticated)
	if got := begun.header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("Strict-Transport-Security %q on localhost", got)
	}
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, test := range map[string]struct {
		peer string
		sent []string
		want string
	}{
		"direct":                       {"192.0.2.9:1", nil, "192.0.2.9"},
		"untrusted peer is not heard":  {"192.0.2.9:1", []string{"203.0.113.5"}, "192.0.2.9"},
		"one hop":                      {"10.0.0.1:1", []string{"203.0.113.5"}, "203.0.113.5"},
		"what the client wrote":        {"10.0.0.1:1", []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5"},
		"two proxies":                  {"10.0.0.1:1", []string{"203.0.113.5, 10.0.0.2"}, "203.0.113.5"},
		"two headers":                  {"10.0.0.1:1", []string{"198.51.100.1", "203.0.113.5, 10.0.0.2"}, "203.0.113.5"},
		"with port":                    {"10.0.0.1:1", []string{"203.0.113.5:4711"}, "203.0.113.5"},
		"IPv6":                         {"[2001:db8::1]:1", []string{"2001:4860::7"}, "2001:4860::7"},
		"IPv6 with port":               {"[2001:db8::1]:1", []string{"[2001:4860::7]:9"}, "2001:4860::7"},
		"IPv4 in IPv6":                 {"[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		"nonsense stops":               {"10.0.0.1:1", []string{"203.0.113.5, unknown, 10.0.0.2"}, "10.0.0.2"},
		"empty":                        {"10.0.0.1:1", []string{""}, "10.0.0.1"},
		"all trusted":                  {"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"zone":                         {"[fe80::1%eth0]:1", nil, "fe80::1"},
		"no address":                   {"@", []string{"203.0.113.5"}, "invalid IP"},
		"the header is no instruction": {"10.0.0.1:1", nil, "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = test.peer
			for _, value := range test.sent {
				r.Header.Add("X-Forwarded-For", value)
			}
			if got := clientAddress(r, trusted); got.String() != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// One network's flood is told when to come back, and is nobody else's.
func TestFlood(t *testing.T) {
	s := newSite(t)
	s.cfg.Flood = limit.NewFlood(limit.FloodConfig{Rate: 0.1, Burst: 3, Now: s.Clock.Now})
	for range 3 {
		s.post("/v1/sign-in/passkey/options", fields{}).want(http.StatusOK)
	}
	refusal := s.post("/v1/sign-in/passkey/options", fields{}).wantCode(codeRateLimited)
	if got := refusal.header.Get("Retry-After"); got != "10" {
		t.Errorf("Retry-After %q", got)
	}
	s.get("/v1/account").wantCode(codeRateLimited)
	s.get("/sign-in").want(http.StatusOK)
	s.get("/account", cookie("__Host-keyturn", "x")).want(http.StatusOK)
	s.post("/v1/sign-in/passkey/options", fields{}, from("198.51.100.7:1")).want(http.StatusOK)
	s.Clock.Advance(10 * time.Second)
	s.post("/v1/sign-in/passkey/options", fields{}).want(http.StatusOK)
}
