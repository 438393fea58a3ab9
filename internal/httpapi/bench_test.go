package httpapi

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/limit"
	"github.com/keyturn/keyturn/webauthn"
)

// BenchmarkDoor is what the door itself takes of a sign-in in cookie mode, both calls:
// the ceremonies are replaced by fixed answers. "handler" is the door alone, "served"
// has net/http around it and no network.
func BenchmarkDoor(b *testing.B) {
	s := newSite(b, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
		c.Now = time.Now
		c.Flood = limit.NewFlood(limit.FloodConfig{Rate: 1e9, Burst: 1e9})
		c.Answered = func(Answered) {}
	})
	s.stub(b)
	b.Run("handler", func(b *testing.B) {
		begin, finish := benchRequests(b)
		w := &sink{header: http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			s.ServeHTTP(w.fresh(), begin.again())
			s.ServeHTTP(w.fresh(), finish.again())
		}
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	})
	b.Run("served", func(b *testing.B) {
		begin, finish := benchRequests(b)
		pipe := &wire{left: 2 * b.N, requests: [2][]byte{begin.text(b), finish.text(b)}, done: make(chan struct{})}
		web := &http.Server{
			Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
			WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		}
		b.ReportAllocs()
		b.ResetTimer()
		_ = web.Serve(&one{conn: pipe, done: pipe.done}) // it ends when there is nothing left to accept
		<-pipe.done
		b.ReportMetric(float64(pipe.written)/float64(b.N), "sent-B/op")
	})
}

// stub puts fixed answers in the place of the two ceremonies of a sign-in.
func (s *site) stub(b *testing.B) {
	b.Helper()
	p := s.signedIn(b)
	current, err := s.cfg.Sessions.Check(b.Context(), p.cookie)
	if err != nil {
		b.Fatal(err)
	}
	known := s.cfg.Sessions.Recognize("", current.Account())
	challenge := make([]byte, 180)
	mounted := []route{
		{"POST", "/v1/stub/options", call(s.API, endpoint{optional: true}, func(x *exchange, r *http.Request, in signInOptions) (answer, error) {
			if _, err := s.API.begin(x, r, in.SessionMode); err != nil {
				return nil, err
			}
			return options{webauthn.RequestOptions{
				Challenge: challenge, Timeout: 300000, RPID: ceremonytest.RPID, UserVerification: webauthn.VerificationRequired,
			}}, nil
		})},
		{"POST", "/v1/stub", call(s.API, endpoint{}, func(x *exchange, r *http.Request, in finishing) (answer, error) {
			if _, err := s.API.finish(r, x, in.Credential); err != nil {
				return nil, err
			}
			view := current.View()
			s.cookies.set(x.Header(), s.cookies.session, p.cookie, view.ExpiresAt.Sub(s.cfg.Now()))
			s.cookies.set(x.Header(), s.cookies.known, known, knownLife)
			return tokenAnswer{Session: newSessionAnswer(view), Account: newAccountAnswer(current.Person())}, nil
		})},
	}
	for _, r := range mounted {
		s.exact[exactRoute{r.method, r.path}] = matched{r.method + " " + r.path, r.serve}
	}
}

// prepared is a request that can be served again and again.
type prepared struct {
	request *http.Request
	body    *bytes.Reader
	bytes   []byte
}

func (p *prepared) again() *http.Request {
	p.body.Reset(p.bytes)
	p.request.Body = io.NopCloser(p.body)
	p.request.Pattern = ""
	return p.request
}

func (p *prepared) text(b *testing.B) []byte {
	b.Helper()
	var out bytes.Buffer
	if err := p.again().Write(&out); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// benchRequests are the two requests of a browser that comes back.
func benchRequests(b *testing.B) (begin, finish *prepared) {
	b.Helper()
	made := func(path, body string) *prepared {
		to, err := url.Parse(ceremonytest.Origin + path)
		if err != nil {
			b.Fatal(err)
		}
		secret := "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		return &prepared{
			request: (&http.Request{
				Method: http.MethodPost, URL: to, Host: to.Host, RemoteAddr: "192.0.2.7:1234", ContentLength: int64(len(body)),
				Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{
					"Content-Type": {"application/json"}, "Origin": {ceremonytest.Origin}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip, br"},
					"Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"cors"},
					"User-Agent": {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15"},
					"Cookie":     {"__Host-keyturn-ceremony=" + secret + "; __Host-keyturn-known=" + secret},
				},
			}).WithContext(context.Background()),
			body: bytes.NewReader(nil), bytes: []byte(body),
		}
	}
	text := func(n int) string { return string(bytes.Repeat([]byte{'A'}, n)) }
	return made("/v1/stub/options", `{"session_mode":"cookie"}`),
		made("/v1/stub", `{"credential":{"id":"`+text(43)+`","rawId":"`+text(43)+`","type":"public-key","authenticatorAttachment":"platform",`+
			`"clientExtensionResults":{},"response":{"clientDataJSON":"`+text(440)+`","authenticatorData":"`+text(50)+`","signature":"`+text(96)+
			`","userHandle":"`+text(22)+`"}}}`)
}

// sink is a ResponseWriter that keeps nothing but the status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) fresh() *sink {
	s.header, s.status = make(http.Header), 0
	return s
}
func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// wire is a connection on which the same requests come, each once the one before was
// answered, and answers go nowhere.
type wire struct {
	requests [2][]byte
	left     int
	written  int
	done     chan struct{}
	waiting  []byte
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.waiting) == 0 {
		if w.left == 0 {
			return 0, io.EOF
		}
		w.waiting = w.requests[w.left%2]
		w.left--
	}
	n := copy(b, w.waiting)
	w.waiting = w.waiting[n:]
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) { w.written += len(b); return len(b), nil }
func (w *wire) Close() error                { close(w.done); return nil }
func (w *wire) LocalAddr() net.Addr         { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1234} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// one is a listener that accepts one connection.
type one struct {
	conn net.Conn
	done chan struct{}
}

func (o *one) Accept() (net.Conn, error) {
	if conn := o.conn; conn != nil {
		o.conn = nil
		return conn, nil
	}
	<-o.done
	return nil, net.ErrClosed
}
func (o *one) Close() error   { return nil }
func (o *one) Addr() net.Addr { return &net.TCPAddr{} }
