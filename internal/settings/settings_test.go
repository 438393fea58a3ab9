package settings

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// production is a complete set outside development.
func production() Settings {
	return Settings{Listen: ":8443", PublicURL: "https://id.example.com", SignUp: SignUpOpen}
}

// home is what serve has with no settings.
func home() Settings {
	return Settings{Listen: "127.0.0.1:8080", PublicURL: "http://localhost:8080"}
}

// sentences completes s and returns its faults as text.
func sentences(t *testing.T, s Settings) []string {
	t.Helper()
	_, err := s.Complete()
	return lines(t, err)
}

func lines(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error is %T, want Faults", err)
	}
	return strings.Split(faults.Error(), "\n")
}

// wantOne wants exactly one fault that holds every part.
func wantOne(t *testing.T, got []string, parts ...string) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("got %d faults, want 1 with %q:\n%s", len(got), parts, strings.Join(got, "\n"))
	}
	for _, part := range parts {
		if !strings.Contains(got[0], part) {
			t.Errorf("fault %q does not say %q", got[0], part)
		}
	}
}

func TestCompleteProduction(t *testing.T) {
	s, err := production().Complete()
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Listen: ":8443", PublicURL: "https://id.example.com", DataDir: "./keyturn-data",
		Store: "sqlite:", StoreMigrate: "auto", KeysServer: "file:./keyturn-keys/server.key",
		RPID: "id.example.com", RPName: "id.example.com", RPOrigins: []string{"https://id.example.com"},
		SignUp: SignUpOpen, SignInAllowList: On, SignInUnknown: UnknownHidden, Links: LinksWithoutPasskey,
		SessionProfile: ProfileStandard, SessionModes: []string{"cookie", "token"}, Attestation: "none",
		PasskeysPerAccount: 20, OperatorName: "id.example.com", MailRate: 10, RecoveryHold: "24h", NoticesNewBrowser: On,
		TokenAudience: "https://id.example.com", TokenAlgorithm: "ES256",
		FailuresPerNetwork: 30, FailuresPerProcess: 3000, FloodRate: 20, FloodBurst: 200,
		LogLevel: "info", LogFormat: "text",
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if s.Development() {
		t.Error("production is taken for development")
	}
	again, err := s.Complete()
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("completing twice: %+v, %v", again, err)
	}
	if got := s.SQLitePath(); got != "keyturn-data/keyturn.db" {
		t.Errorf("SQLitePath = %s", got)
	}
}

func TestCompleteDevelopment(t *testing.T) {
	s, err := home().Complete()
	if err != nil {
		t.Fatal(err)
	}
	if s.Mail != MailPage || s.MailFrom != "keyturn@localhost" {
		t.Errorf("mail by %q from %q", s.Mail, s.MailFrom)
	}
	if !s.Development() || s.RPID != "localhost" || s.SignUp != SignUpOpen || s.RPOrigins[0] != "http://localhost:8080" {
		t.Errorf("got %+v", s)
	}
}

// TestZeroIsProduction: nothing decided is refused, with the list.
func TestZeroIsProduction(t *testing.T) {
	if (Settings{}).Development() {
		t.Error("the zero Settings is development")
	}
	got := strings.Join(sentences(t, Settings{}), "\n")
	want := "public_url: must be set; write the https address that people use\n" +
		"sign_up: must be set outside development; choose open, email, invite or closed"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDevelopmentIsAFact(t *testing.T) {
	for _, c := range []struct {
		listen, url string
		want        bool
	}{
		{"127.0.0.1:8080", "http://localhost:8080", true},
		{"[::1]:8080", "http://localhost", true},
		{"localhost:8080", "http://localhost:8080", true},
		{"127.0.0.1:8080", "https://localhost:8080", false},
		{"127.0.0.1:8080", "http://127.0.0.1:8080", false},
		{"127.0.0.1:8080", "http://localhost.example.com", false},
		{"127.0.0.1:8080", "http://app.localhost:8080", false},
		{"0.0.0.0:8080", "http://localhost:8080", false},
		{"[::]:8080", "http://localhost:8080", false},
		{":8080", "http://localhost:8080", false},
		{"192.168.1.2:8080", "http://localhost:8080", false},
		{"", "http://localhost:8080", false},
	} {
		if got := (Settings{Listen: c.listen, PublicURL: c.url}).Development(); got != c.want {
			t.Errorf("listen %q, public_url %q: development %v, want %v", c.listen, c.url, got, c.want)
		}
	}
}

// TestNamesFollow: the operator's name and the relying party's stand in for each other.
func TestNamesFollow(t *testing.T) {
	s := production()
	s.OperatorName = "Example"
	if s, err := s.Complete(); err != nil || s.RPName != "Example" {
		t.Errorf("rp.name is %q, %v", s.RPName, err)
	}
	s = production()
	s.RPName = "Example"
	if s, err := s.Complete(); err != nil || s.OperatorName != "Example" {
		t.Errorf("operator.name is %q, %v", s.OperatorName, err)
	}
}

func TestPlaces(t *testing.T) {
	if got := (Settings{Store: "sqlite:/srv/k.db", DataDir: "d"}).SQLitePath(); got != "/srv/k.db" {
		t.Errorf("SQLitePath = %s", got)
	}
	if u := production().URL(); u == nil || u.Host != "id.example.com" {
		t.Errorf("URL = %v", u)
	}
	bad := Settings{Listen: "127.0.0.1:1", PublicURL: "http://localhost:%"}
	if bad.URL() != nil || bad.Development() {
		t.Error("what is no URL is taken for one")
	}
}

func TestOrigins(t *testing.T) {
	app, err := ParseApp("android:com.example.app/" + strings.Repeat("00", 32))
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{
		RPOrigins:        []string{"https://a.example.com", "https://b.example.net"},
		RPRelatedOrigins: []string{"https://b.example.net", "https://c.example.org"},
		RPApps:           []App{app, {Platform: "apple", ID: "ABCDE12345.com.example"}},
	}
	want := []string{
		"https://a.example.com", "https://b.example.net", "https://c.example.org",
		"android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	}
	if got := s.Origins(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHold(t *testing.T) {
	for text, want := range map[string]time.Duration{"24h": 24 * time.Hour, "0": 0, "90m": 90 * time.Minute, "": 72 * time.Hour, "soon": 72 * time.Hour} {
		if got := (Settings{RecoveryHold: text}).Hold(); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}
