package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func TestConfigBounds(t *testing.T) {
	sound := Config{Server: []string{"keyturn", "serve"}, Accounts: []int{2}, Workers: 2, Duration: time.Second, Mode: ModeToken}
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"no server", func(c *Config) { c.Server = nil }},
		{"no workers", func(c *Config) { c.Workers = 0 }},
		{"too many workers", func(c *Config) { c.Workers, c.Accounts = MaxWorkers+1, []int{MaxAccounts} }},
		{"a worker without an account", func(c *Config) { c.Accounts = []int{1} }},
		{"too many accounts", func(c *Config) { c.Accounts = []int{2, MaxAccounts + 1} }},
		{"no number of accounts", func(c *Config) { c.Accounts = nil }},
		{"a store that shrinks", func(c *Config) { c.Accounts = []int{3, 2} }},
		{"a store that stays", func(c *Config) { c.Accounts = []int{3, 3} }},
		{"nobody signs up", func(c *Config) { c.Fill = []string{"keyturn", "bench-fill"} }},
		{"sign-ins below none", func(c *Config) { c.SignIns = -1 }},
		{"too many sign-ins", func(c *Config) { c.SignIns = MaxSignIns + 1 }},
		{"no time", func(c *Config) { c.Duration = 0 }},
		{"too long", func(c *Config) { c.Duration = MaxDuration + 1 }},
		{"unknown mode", func(c *Config) { c.Mode = "paper" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := sound
			c.change(&cfg)
			if _, err := Run(t.Context(), cfg); !errors.Is(err, ErrConfig) {
				t.Errorf("Run: %v, want ErrConfig", err)
			}
		})
	}
	if err := sound.check(); err != nil {
		t.Errorf("a sound Config: %v", err)
	}
	sound.SignIns, sound.Duration = 1, 0
	if err := sound.check(); err != nil {
		t.Errorf("a Config with a number of sign-ins: %v", err)
	}
}

// TestServerThatEnds: a command that is no server is told by what it said, and leaves
// nothing behind.
func TestServerThatEnds(t *testing.T) {
	_, err := Run(t.Context(), Config{
		Server: []string{"sh", "-c", "echo no such thing; exit 3"}, Accounts: []int{1}, Workers: 1, Duration: time.Second, Mode: ModeToken,
	})
	if err == nil || !strings.Contains(err.Error(), "no such thing") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Run: %v", err)
	}
}

// TestEndsWithItsContext: a load that is called off is no report.
func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := newLoad(Config{Workers: 2, Duration: time.Minute, Mode: ModeToken}, &server{url: "http://127.0.0.1:1", cmd: ourselves(t)})
	l.arrive(4)
	if _, err := l.signIn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("signIn: %v, want the context's error", err)
	}
}

// TestShares: the workers' shares are all the people, each once.
func TestShares(t *testing.T) {
	l := newLoad(Config{Workers: 3, Mode: ModeToken}, &server{cmd: ourselves(t)})
	shares := make(chan share, 3)
	_, err := l.phase(t.Context(), 10, func(_ context.Context, tally *tally, mine share) {
		tally.count(time.Millisecond, nil)
		shares <- mine
	})
	if err != nil {
		t.Fatal(err)
	}
	close(shares)
	seen := make(map[int]bool)
	for share := range shares {
		for p := share.from; p < share.to; p++ {
			if seen[p] {
				t.Error("a person in two shares")
			}
			seen[p] = true
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d people in the shares, want 10", len(seen))
	}
}

func TestFigures(t *testing.T) {
	var one, other tally
	for i := range 99 {
		one.count(time.Duration(i+1)*time.Millisecond, nil)
	}
	other.count(100*time.Millisecond, nil)
	other.count(0, errors.New("first"))
	other.count(0, errors.New("second"))
	f, err := figures([]tally{one, other}, 4*time.Second, spending{50 * time.Millisecond, 20 * time.Millisecond, 800, 250})
	if err != nil {
		t.Fatal(err)
	}
	want := Figures{Count: 100, PerSecond: 25, P50: 50, P95: 95, P99: 99, CPU: 500, EngineCPU: 200, ReadUnits: 8, WriteUnits: 2.5, Errors: 2, FirstError: "first"}
	if f != want {
		t.Errorf("got %+v, want %+v", f, want)
	}
	if _, err := figures([]tally{{failed: 1, first: errors.New("nobody home")}}, time.Second, spending{}); err == nil || !strings.Contains(err.Error(), "nobody home") {
		t.Errorf("figures of nothing: %v", err)
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		sorted  []time.Duration
		percent int
		want    time.Duration
	}{
		{[]time.Duration{7}, 99, 7},
		{[]time.Duration{1, 2}, 50, 1},
		{[]time.Duration{1, 2, 3}, 50, 2},
		{[]time.Duration{1, 2, 3}, 95, 3},
	} {
		if got := quantile(c.sorted, c.percent); got != c.want {
			t.Errorf("quantile(%v, %d) = %d, want %d", c.sorted, c.percent, got, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	r := Report{
		Mode: ModeCookie, Workers: 2, Seconds: 1, PeakMemory: 30 << 20,
		Stages: []Stage{{
			Accounts:     3,
			SignIn:       Figures{Count: 10, PerSecond: 5, P50: 1.5, CPU: 300, EngineCPU: 123},
			Registration: Figures{Count: 3, CPU: 200, Errors: 1, FirstError: "refused"},
		}},
	}
	r.unit(90*time.Microsecond, 110*time.Microsecond)
	if s := r.Stages[0]; s.SignIn.CPUInV != 3 || s.Registration.CPUInV != 2 {
		t.Errorf("in V: %v and %v, want 3 and 2", s.SignIn.CPUInV, s.Registration.CPUInV)
	}
	if !r.Failed() || (Report{}).Failed() {
		t.Error("Failed is wrong")
	}
	r.Stages = append(r.Stages, Stage{
		Accounts: 40, SignIn: Figures{Count: 1, P50: 3, ReadUnits: 4, WriteUnits: 9.5}, Memory: 20 << 20,
		Filling: Filling{Count: 35, PerSecond: 7000},
	})
	r.grown()
	var text strings.Builder
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3 accounts", "40 accounts", "300  3.00", "200  2.00", " 123 ", "2.00 times as long as with 3 accounts",
		"cookie mode, 2 workers, 1 s of", "server memory: 20.0 MiB", "35 accounts, 7000 per second", "4.0 read units, 9.5 write units",
		"90.0 µs before, 110.0 µs after", "30.0 MiB", "the first error: refused",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	if strings.Count(text.String(), "times as long") != 1 {
		t.Error("the first stage is compared with itself")
	}
	if strings.Contains(text.String(), "tells no CPU time") {
		t.Error("the text says that there is no CPU time")
	}
}

// TestSignIns: no more and no fewer than asked for, whoever comes.
func TestSignIns(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/options") {
			_, _ = w.Write([]byte(options))
			return
		}
		_, _ = w.Write([]byte(`{"access_token":"t"}`))
	}))
	defer web.Close()
	l := newLoad(Config{Workers: 3, SignIns: 50, Mode: ModeToken}, &server{url: web.URL, cmd: ourselves(t)})
	l.filled = 7 // nobody of them is remembered
	f, err := l.signIn(t.Context())
	if err != nil || f.Count != 50 || f.Errors != 0 {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestNewcomers: each is always the same, and none is another.
func TestNewcomers(t *testing.T) {
	seed, err := ParseSeed(Seed{1}.String())
	if err != nil || seed != (Seed{1}) {
		t.Fatal(seed, err)
	}
	for _, text := range []string{"", "00", strings.Repeat("x", 64)} {
		if _, err := ParseSeed(text); !errors.Is(err, ErrConfig) {
			t.Errorf("the seed %q: %v", text, err)
		}
	}
	var seen []Newcomer
	for _, n := range []struct {
		seed   Seed
		number int
	}{{seed, 0}, {seed, 0}, {seed, 1}, {Seed{2}, 0}} {
		who, err := n.seed.Newcomer(n.number)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, who)
	}
	same := func(a, b Newcomer) bool {
		return bytes.Equal(a.PublicKey, b.PublicKey) || bytes.Equal(a.CredentialID, b.CredentialID) || bytes.Equal(a.UserHandle, b.UserHandle)
	}
	seen[0].device, seen[1].device = nil, nil
	if !reflect.DeepEqual(seen[0], seen[1]) {
		t.Errorf("one newcomer is two: %+v, %+v", seen[0], seen[1])
	}
	if same(seen[0], seen[2]) || same(seen[0], seen[3]) {
		t.Error("two newcomers have something in common")
	}
}

// TestStoreThatCannotBeMade is told by what the command said.
func TestStoreThatCannotBeMade(t *testing.T) {
	_, err := Run(t.Context(), Config{
		Server: []string{"sh", "-c", "exit 0"}, Accounts: []int{1}, Workers: 1, Duration: time.Second, Mode: ModeToken,
		Store: Store{Address: "postgres://nowhere", Create: []string{"sh", "-c", "echo no $KEYTURN_STORE; exit 4"}},
	})
	if err == nil || !strings.Contains(err.Error(), "no postgres://nowhere") || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("Run: %v", err)
	}
}

// TestVerification: V is some microseconds, and no measurement is free.
func TestVerification(t *testing.T) {
	v, err := verification()
	if err != nil || v < time.Microsecond || v > 10*time.Millisecond {
		t.Errorf("V = %s, %v", v, err)
	}
}

const options = `{"publicKey":{"challenge":"AAAA","rpId":"keyturn.example","allowCredentials":[],"userVerification":"required"}}`

// TestAnswers: only an answer that gives the session asked for is a success.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   Mode
		status int
		body   string
		cookie bool
		good   bool
	}{
		{"token", ModeToken, 200, `{"access_token":"t"}`, false, true},
		{"cookie", ModeCookie, 200, `{}`, true, true},
		{"token mode without a token", ModeToken, 200, `{}`, false, false},
		{"token mode with a cookie", ModeToken, 200, `{}`, true, false},
		{"cookie mode with a token", ModeCookie, 200, `{"access_token":"t"}`, false, false},
		{"refused", ModeToken, 401, `{"access_token":"t"}`, false, false},
		{"no JSON", ModeToken, 200, `hello`, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/options") {
					_, _ = w.Write([]byte(options))
					return
				}
				if r.Host != host || r.Header.Get("Origin") != publicURL {
					t.Errorf("host %q, origin %q", r.Host, r.Header.Get("Origin"))
				}
				if c.cookie {
					http.SetCookie(w, &http.Cookie{Name: "session", Value: "s"})
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer web.Close()
			p := &person{mode: c.mode, url: web.URL, client: web.Client(), device: device(t)}
			took, err := p.signIn(t.Context())
			if c.good && (err != nil || took <= 0) {
				t.Errorf("signIn: %s, %v", took, err)
			}
			if !c.good && !errors.Is(err, errAnswer) {
				t.Errorf("signIn: %v, want errAnswer", err)
			}
		})
	}
}

// device is an authenticator with one passkey.
func device(t *testing.T) *webauthntest.Authenticator {
	t.Helper()
	options, err := json.Marshal(map[string]any{
		"rp": map[string]string{"id": "keyturn.example", "name": "k"}, "challenge": "AAAA",
		"user":             map[string]string{"id": "AAAA", "name": "n", "displayName": "n"},
		"pubKeyCredParams": []any{map[string]any{"type": "public-key", "alg": webauthntest.ES256}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := webauthntest.New(webauthntest.Phone())
	if _, err := d.Create(options, webauthntest.Client{Origin: publicURL}); err != nil {
		t.Fatal(err)
	}
	return d
}
