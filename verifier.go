package keyturn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keyturn/keyturn/internal/token"
)

// VerifierConfig is what a Verifier needs.
type VerifierConfig struct {
	Issuer   string           // the server's public URL, byte for byte
	Audience string           // of its access tokens; empty: the issuer
	Client   *http.Client     // nil: one that waits 5 s and follows no redirect
	Now      func() time.Time // nil: time.Now
}

// Verifier checks access tokens in another Go program, by the keys that the server
// publishes. It keeps them and reads them again when they are old or a token names
// one it does not know. It cannot see that a session has ended: what it accepts is at
// most as old as a token lives. It is safe for concurrent use.
type Verifier struct {
	cfg  VerifierConfig
	keys keyCache
}

// NewVerifier makes a Verifier. It reads no key yet.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	if cfg.Issuer == "" || strings.HasSuffix(cfg.Issuer, "/") {
		return nil, errors.New("keyturn: a verifier needs the issuer, as the server's public_url says it")
	}
	if cfg.Audience == "" {
		cfg.Audience = cfg.Issuer
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{
			Timeout:       5 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Verifier{cfg: cfg, keys: keyCache{url: cfg.Issuer + "/.well-known/jwks.json", client: cfg.Client}}, nil
}

// Claims is what a good access token says.
type Claims struct {
	Subject  string // the account's identifier
	Session  string // the session's identifier
	AuthTime time.Time
	ACR      string
	AMR      []string
	Scope    []string
	Expires  time.Time
	// Binding is what the person approved by the step-up that the token came from,
	// base64url as it was asked for; empty for any other token.
	Binding string
}

var (
	// ErrToken says that a token is not good. Why is in the text, for a log.
	ErrToken = errors.New("keyturn: the access token is not good")
	// ErrKeys says that the server's keys could not be read.
	ErrKeys = errors.New("keyturn: the server's keys cannot be read")
)

// Verify checks an access token. Errors match ErrToken or ErrKeys.
func (v *Verifier) Verify(bearer string) (Claims, error) {
	var unread error
	c, err := token.Check(bearer, token.Expectation{
		Issuer: v.cfg.Issuer, Audience: v.cfg.Audience, Now: v.cfg.Now(),
		Key: func(kid string) (key jose.JSONWebKey, ok bool) {
			key, ok, unread = v.keys.find(kid, v.cfg.Now())
			return key, ok
		},
	})
	if unread != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrKeys, unread)
	}
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return Claims{
		Subject: c.Subject, Session: c.Session, AuthTime: time.Unix(c.AuthTime, 0), ACR: c.ACR, AMR: c.AMR,
		Scope: strings.Fields(c.Scope), Expires: time.Unix(c.Expires, 0), Binding: c.Binding,
	}, nil
}

// Need is what a handler demands beyond a good token. The zero Need demands nothing.
type Need struct {
	// Scope is one that the token must have; empty: any token. A client names its own
	// scopes when it asks for a token, so a scope narrows what one token is good for: it
	// never says what its person may do.
	Scope  string
	MaxAge time.Duration // since the person proved themselves; 0: any
	ACR    string        // for example "phr"; empty: any
}

// Protect lets through requests that carry a good access token which meets the need,
// and answers the others as RFC 6750 §3.1 and RFC 9470 §3 say: a client that is told
// insufficient_user_authentication steps up and comes again.
func (v *Verifier) Protect(need Need, next func(http.ResponseWriter, *http.Request, Claims)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, bearer, found := strings.Cut(r.Header.Get("Authorization"), " ")
		if !found || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
			challenge(w, http.StatusUnauthorized, "")
			return
		}
		claims, err := v.Verify(bearer)
		switch {
		case errors.Is(err, ErrKeys):
			w.Header().Set("Retry-After", "5")
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		case err != nil:
			challenge(w, http.StatusUnauthorized, `error="invalid_token"`)
		case need.Scope != "" && !slices.Contains(claims.Scope, need.Scope):
			challenge(w, http.StatusForbidden, `error="insufficient_scope", scope="`+need.Scope+`"`)
		case need.MaxAge > 0 && v.cfg.Now().Sub(claims.AuthTime) > need.MaxAge, need.ACR != "" && claims.ACR != need.ACR:
			challenge(w, http.StatusUnauthorized, need.stepUp())
		default:
			next(w, r, claims)
		}
	})
}

// stepUp names what is missing (RFC 9470 §3).
func (n Need) stepUp() string {
	text := `error="insufficient_user_authentication"`
	if n.ACR != "" {
		text += `, acr_values="` + n.ACR + `"`
	}
	if n.MaxAge > 0 {
		text += fmt.Sprintf(`, max_age=%d`, int(n.MaxAge/time.Second))
	}
	return text
}

func challenge(w http.ResponseWriter, status int, parameters string) {
	w.Header().Set("WWW-Authenticate", strings.TrimSpace("Bearer "+parameters))
	http.Error(w, http.StatusText(status), status)
}

const (
	keysFresh   = 10 * time.Minute // how long keys are used without asking again
	keysPause   = 30 * time.Second // between two readings that an unknown key causes
	keysTimeout = 10 * time.Second // for one reading, whatever the client's own
	maxKeysDoc  = 64 << 10         // bytes
)

// keyCache keeps the server's public keys.
type keyCache struct {
	url    string
	client *http.Client

	mu      sync.Mutex
	keys    map[string]jose.JSONWebKey // nil: never read
	tried   time.Time                  // when the last reading began
	reading chan struct{}              // closed when the reading under way ends; nil: none is
	failure error                      // of the last reading
}

// find gives a key. Keys that are old are read again, beside those who wait for nothing:
// a key that is known is given at once. One that is not known waits for a reading, of
// which there is one at a time and, failed or not, one in keysPause: neither a crowd nor
// a stranger's made-up identifiers make the server be asked more.
func (c *keyCache) find(kid string, now time.Time) (key jose.JSONWebKey, ok bool, err error) {
	c.mu.Lock()
	key, ok = c.keys[kid]
	since := now.Sub(c.tried).Abs()
	due := c.tried.IsZero() || since >= keysFresh || (!ok && since >= keysPause)
	if due && c.reading == nil {
		c.tried, c.reading = now, make(chan struct{})
		go c.read(c.reading)
	}
	reading := c.reading
	c.mu.Unlock()
	if ok || reading == nil {
		return key, ok, c.unread(ok)
	}
	<-reading // it ends: the client has a timeout
	c.mu.Lock()
	key, ok = c.keys[kid]
	c.mu.Unlock()
	return key, ok, c.unread(ok)
}

// unread is why no key at all is known.
func (c *keyCache) unread(ok bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok || c.keys != nil {
		return nil
	}
	return c.failure
}

// read replaces the keys. When the server cannot be asked, those that were read before
// go on being used.
func (c *keyCache) read(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), keysTimeout)
	defer cancel()
	keys, err := c.fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.keys = keys
	}
	c.failure, c.reading = err, nil
	close(done)
}

func (c *keyCache) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch: status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeysDoc+1))
	if err != nil || len(body) > maxKeysDoc {
		return nil, fmt.Errorf("fetch: %d bytes: %w", len(body), err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	keys := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, key := range set.Keys {
		if key.IsPublic() && key.Valid() && key.KeyID != "" {
			keys[key.KeyID] = key
		}
	}
	return keys, nil
}
