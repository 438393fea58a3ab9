package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/limit"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/token"
)

// door names this door in events, limits and tickets.
const door = "rest"

// Config is what the door needs. Fields without a remark are required.
type Config struct {
	PublicURL   *url.URL // scheme and host of the one address that people use
	Hosts       []string // further Host values; may be empty
	Development bool     // false: nothing that exists for development is mounted
	Modes       []session.Mode
	CORSOrigins []string // byte-exact; may be empty
	// TrustedProxies are the peers whose X-Forwarded-For is believed; may be empty.
	TrustedProxies []netip.Prefix

	RPID            string
	RelatedOrigins  []string     // /.well-known/webauthn; empty: 404
	AppleApps       []string     // TEAMID.bundle; empty: 404
	AndroidApps     []AndroidApp // empty: 404
	SecurityContact string       // a URI for security.txt (RFC 9116 §2.5.3); empty: 404

	Ceremonies *ceremony.RelyingParty
	Accounts   *account.Directory
	Sessions   *session.Keeper
	Tokens     *token.Issuer
	Flood      *limit.Flood
	Mailbox    Mailbox                     // nil: no mails are shown; development only
	MailOwed   func()                      // hears that a mail was asked for; nil: nobody does
	Pages      map[string][]byte           // pages/LANGUAGE/NAME.html and assets/NAME, as package console makes them
	Ready      func(context.Context) error // nil error: the server can do its work
	Answered   func(Answered)              // hears of every answer; nil: nobody does
	Log        *slog.Logger
	Now        func() time.Time
	Rand       io.Reader
}

// AndroidApp is an app that may use the passkeys of the RP ID.
type AndroidApp struct {
	Package string
	Digests []string // SHA-256 of the signing certificates, upper-case hex with colons
}

// API is the door. It is an http.Handler, safe for concurrent use.
type API struct {
	cfg     Config
	mux     *http.ServeMux
	exact   map[exactRoute]matched
	routes  []route
	hosts   hostSet
	origins origins
	cookies cookies
	pages   pages

	dataHeaders, pageHeaders headerSet

	readying readiness
	document func() ([]byte, error) // the OpenAPI document, translated once

	verifying sync.Mutex // held by the call that walks the chains
}

// New makes the door. It fails on a Config that misses something required and on
// pages that are not whole.
func New(cfg Config) (*API, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	pages, err := newPages(cfg.Pages)
	if err != nil {
		return nil, err
	}
	a := &API{
		cfg:     cfg,
		mux:     http.NewServeMux(),
		hosts:   newHostSet(cfg.PublicURL, cfg.Hosts),
		origins: newOrigins(cfg.PublicURL.Scheme+"://"+cfg.PublicURL.Host, cfg.CORSOrigins),
		cookies: newCookies(cfg.Development),
		pages:   pages,

		dataHeaders: dataHeaders(cfg.PublicURL.Scheme == "https"),
		pageHeaders: pageHeaders(cfg.PublicURL.Scheme == "https"),
		document:    sync.OnceValues(openapiJSON),
	}
	a.readying = readiness{ask: cfg.Ready, now: cfg.Now}
	a.mount()
	return a, nil
}

func (c Config) check() error {
	switch {
	case c.PublicURL == nil || c.PublicURL.Host == "" || c.RPID == "":
		return errors.New("httpapi: public URL and RP ID are required")
	case len(c.Modes) == 0:
		return errors.New("httpapi: at least one session mode is required")
	case c.Ceremonies == nil || c.Accounts == nil || c.Sessions == nil || c.Tokens == nil || c.Flood == nil:
		return errors.New("httpapi: ceremonies, accounts, sessions, tokens and the flood limit are required")
	case c.Pages == nil || c.Ready == nil || c.Log == nil || c.Now == nil || c.Rand == nil:
		return errors.New("httpapi: pages, readiness, log, clock and randomness are required")
	}
	return nil
}

// exactRoute is a route whose path has no wildcard, as a request asks for it.
type exactRoute struct{ method, path string }

// matched is what an exactRoute leads to.
type matched struct {
	pattern string
	serve   func(*exchange, *http.Request)
}

// mount puts every route into the mux: a path answers its methods, and 405 to the
// others; what has no path answers 404. Most requests name their route exactly, and one
// look-up finds it, where asking the mux what it has and letting it serve takes 2 µs.
func (a *API) mount() {
	a.routes = a.table()
	a.exact = make(map[exactRoute]matched, len(a.routes))
	for _, r := range a.routes {
		pattern := r.method + " " + r.path
		if !strings.Contains(r.path, "{") {
			a.exact[exactRoute{r.method, r.path}] = matched{pattern, r.serve}
		}
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, request *http.Request) {
			// The mux is private, and ServeHTTP gives it nothing else.
			x, ok := w.(*exchange)
			if !ok {
				panic(fmt.Sprintf("httpapi: %T is not an exchange", w))
			}
			r.serve(x, request)
		})
	}
}

// ServeHTTP answers one request: what is true of every answer first, then who may
// ask at all, then the route.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := a.open(w, r)
	defer a.close(x, r)
	if !a.hosts.has(r, a.cfg.PublicURL.Scheme) {
		a.fail(x, refused(codeMisdirected))
		return
	}
	if shared(r.URL.Path) {
		a.origins.share(x.Header(), r)
	}
	if exact, ok := a.exact[exactRoute{r.Method, r.URL.Path}]; ok && r.URL.RawPath == "" {
		r.Pattern = exact.pattern
		exact.serve(x, r)
		return
	}
	// The mux would answer an unclean path by a redirect of its own.
	if asked := r.URL.EscapedPath(); path.Clean(asked) != asked && path.Clean(asked)+"/" != asked {
		a.lost(x, r)
		return
	}
	_, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(x, r)
		return
	}
	a.unmatched(x, r)
}

// unmatched answers a request that no route takes: a preflight, a wrong method, or
// nothing there.
func (a *API) unmatched(x *exchange, r *http.Request) {
	methods := a.allowed(r)
	switch {
	case len(methods) == 0:
		a.lost(x, r)
	case isPreflight(r) && shared(r.URL.Path):
		a.preflight(x, r, methods)
	default:
		x.Header().Set("Allow", strings.Join(methods, ", "))
		a.fail(x, refused(codeMethodNotAllowed))
	}
}

// allowed are the methods that the path of a request has, by asking the mux what it
// would do with each.
func (a *API) allowed(r *http.Request) []string {
	var methods []string
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	} {
		other := *r
		other.Method = method
		if _, pattern := a.mux.Handler(&other); pattern != "" {
			methods = append(methods, method)
		}
	}
	return methods
}
