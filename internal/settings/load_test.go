package settings

import (
	"reflect"
	"strings"
	"testing"
)

func value(t *testing.T, values []Value, name string) Value {
	t.Helper()
	for _, v := range values {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no value %s", name)
	return Value{}
}

func TestLoadNothing(t *testing.T) {
	s, values, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Development() || s.Listen != "127.0.0.1:8080" || s.PublicURL != "http://localhost:8080" {
		t.Errorf("got %+v", s)
	}
	if v := value(t, values, "rp.id"); v.Text != "localhost" || v.Source != SourceDefault {
		t.Errorf("rp.id = %q from %s", v.Text, v.Source)
	}
}

func TestLoadListenNamesThePort(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9090": "http://localhost:9090",
		"127.0.0.1:80":   "http://localhost",
	} {
		s, _, err := Load(Sources{Flags: map[string]string{"listen": listen}})
		if err != nil || s.PublicURL != want {
			t.Errorf("listen %s: public_url %s, %v; want %s", listen, s.PublicURL, err, want)
		}
	}
	_, _, err := Load(Sources{Flags: map[string]string{"listen": ":9090"}})
	wantOne(t, lines(t, err), "public_url: http://localhost:9090 is for development")
	_, _, err = Load(Sources{Flags: map[string]string{"listen": "9090"}})
	wantOne(t, lines(t, err), "listen (--listen): ")
	_, _, err = Load(Sources{Flags: map[string]string{"listen": "127.0.0.1:0"}})
	wantOne(t, lines(t, err), "listen (--listen): ")
}

// TestLoadOrder: file < environment < flags.
func TestLoadOrder(t *testing.T) {
	from := Sources{
		FileName: "keyturn.yaml",
		File: []byte(`
public_url: https://id.example.com
listen: ":8443"
sign_up: closed
rp:
  name: from the file
  related_origins: [https://example.net, https://example.org]
rp.id: example.com
limits: {flood: {rate: 2.5, burst: 7}}
operator: {name: "Commas, Inc"}
log:
  level: debug
`),
		Environment: []string{
			"PATH=/bin", "KEYTURN_RP_NAME=from the environment", "KEYTURN_LOG_LEVEL=warn",
			"KEYTURN_SESSION_MODES=token , cookie", "KEYTURN_TEST_REQUIRE=browser", "KEYTURN_TRUSTED_PROXIES=10.0.0.0/8,192.0.2.1",
			"KEYTURN_RP_APPS=apple:ABCDE12345.com.example,apple:ABCDE12345.com.example.two",
		},
		Flags: map[string]string{"log-level": "error"},
	}
	s, values, err := Load(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, source string }{
		{"sign_up", "closed", "keyturn.yaml"},
		{"rp.id", "example.com", "keyturn.yaml"},
		{"rp.name", "from the environment", "KEYTURN_RP_NAME"},
		{"rp.related_origins", "https://example.net,https://example.org", "keyturn.yaml"},
		{"operator.name", "Commas, Inc", "keyturn.yaml"},
		{"session.modes", "token,cookie", "KEYTURN_SESSION_MODES"},
		{"trusted_proxies", "10.0.0.0/8,192.0.2.1/32", "KEYTURN_TRUSTED_PROXIES"},
		{"rp.apps", "apple:ABCDE12345.com.example,apple:ABCDE12345.com.example.two", "KEYTURN_RP_APPS"},
		{"limits.flood.rate", "2.5", "keyturn.yaml"},
		{"limits.flood.burst", "7", "keyturn.yaml"},
		{"log.level", "error", "--log-level"},
		{"data_dir", "./keyturn-data", SourceDefault},
	} {
		if v := value(t, values, c.name); v.Text != c.text || v.Source != c.source {
			t.Errorf("%s = %q from %s, want %q from %s", c.name, v.Text, v.Source, c.text, c.source)
		}
	}
	if want := []string{"https://example.net", "https://example.org"}; !reflect.DeepEqual(s.RPRelatedOrigins, want) {
		t.Errorf("rp.related_origins = %q", s.RPRelatedOrigins)
	}
}

// TestLoadFaults: each fault of the sources alone.
func TestLoadFaults(t *testing.T) {
	file := func(text string) Sources { return Sources{FileName: "keyturn.yaml", File: []byte(text)} }
	env := func(pairs ...string) Sources { return Sources{Environment: pairs} }
	for _, c := range []struct {
		name string
		from Sources
		want []string
	}{
		{"unknown in the file", file("rp: {ids: example.com}"), []string{"keyturn.yaml: rp.ids is no setting; did you mean rp.id?"}},
		{"unknown section", file("post: {from: a@b.example}"), []string{"keyturn.yaml: post.from is no setting"}},
		{"unknown in the environment", env("KEYTURN_RPID=example.com"), []string{"KEYTURN_RPID is no setting; did you mean KEYTURN_RP_ID?"}},
		{"nothing like it", env("KEYTURN_ZZZZZZZZZZZZZZZZ=1"), []string{"is no setting; remove it"}},
		{"not YAML", file("rp: ["), []string{"keyturn.yaml is not readable as YAML"}},
		{"not a map", file("- a"), []string{"keyturn.yaml is not readable as YAML"}},
		{"twice, nested and written out", file("rp: {name: a}\nrp.name: b"), []string{"rp.name (keyturn.yaml): stands there twice"}},
		{"twice", file("data_dir: a\ndata_dir: b"), []string{"keyturn.yaml is not readable as YAML"}},
		{"empty in the file", file("rp:\n  name:\n"), []string{"rp.name (keyturn.yaml): is empty"}},
		{"empty text in the file", file(`rp.name: ""`), []string{"rp.name (keyturn.yaml): is empty"}},
		{"empty list in the file", file("hosts: []"), []string{"hosts (keyturn.yaml): is a list; write one value, or leave it out"}},
		{"list for one value", file("rp.name: [a, b]"), []string{"rp.name (keyturn.yaml): is a list"}},
		{"list of lists", file("hosts: [[a]]"), []string{"hosts (keyturn.yaml): is not a plain value"}},
		{"null in a list", file("hosts: [null]"), []string{"hosts (keyturn.yaml): is empty"}},
		{"empty in the environment", env("KEYTURN_RP_NAME="), []string{"rp.name (KEYTURN_RP_NAME): is empty"}},
		{"empty flag", Sources{Flags: map[string]string{"rp-name": ""}}, []string{"rp.name (--rp-name): is empty"}},
		{"no number", env("KEYTURN_LIMITS_FLOOD_BURST=many"), []string{`limits.flood.burst (KEYTURN_LIMITS_FLOOD_BURST): "many" is not a whole number`}},
		{"zero is not unlimited", env("KEYTURN_LIMITS_FLOOD_RATE=0"), []string{"limits.flood.rate (KEYTURN_LIMITS_FLOOD_RATE): "}},
		{"not a number at all", env("KEYTURN_LIMITS_FLOOD_RATE=NaN"), []string{"limits.flood.rate (KEYTURN_LIMITS_FLOOD_RATE): "}},
		{"zero failures", env("KEYTURN_LIMITS_FAILURES_NETWORK=0"), []string{"limits.failures.network (KEYTURN_LIMITS_FAILURES_NETWORK): "}},
		{"no network", env("KEYTURN_TRUSTED_PROXIES=proxy"), []string{`trusted_proxies (KEYTURN_TRUSTED_PROXIES): "proxy" is no network`}},
		{"no app", env("KEYTURN_RP_APPS=com.example"), []string{`rp.apps (KEYTURN_RP_APPS): "com.example" is no app`}},
		{"empty and missed", env("KEYTURN_PUBLIC_URL=https://id.example.com", "KEYTURN_SIGN_UP="), []string{"sign_up (KEYTURN_SIGN_UP): is empty"}},
		{"gap in a list", env("KEYTURN_SESSION_MODES=cookie,,token"), []string{`session.modes (KEYTURN_SESSION_MODES): "" is not a choice`}},
		{"check names the source", env("KEYTURN_LOG_LEVEL=loud"), []string{`log.level (KEYTURN_LOG_LEVEL): "loud" is not a choice`}},
		{"refusal names the source", env("KEYTURN_LISTEN=:80"), []string{"public_url: http://localhost is for development"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Load(c.from)
			wantOne(t, lines(t, err), c.want...)
		})
	}
}

// TestLoadReportsAll: faults of every source and kind at once, with every value.
func TestLoadReportsAll(t *testing.T) {
	_, values, err := Load(Sources{
		FileName:    "keyturn.yaml",
		File:        []byte("colour: blue\nlog.format: xml"),
		Environment: []string{"KEYTURN_LIMITS_FLOOD_BURST=many", "KEYTURN_COLOUR=blue"},
		Flags:       map[string]string{"listen": ":8080"},
	})
	got := strings.Join(lines(t, err), "\n")
	for _, want := range []string{"colour is no setting", "KEYTURN_COLOUR is no setting", "log.format (keyturn.yaml)", "limits.flood.burst", "public_url"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing is said about %q in\n%s", want, got)
		}
	}
	if len(values) != len(table()) {
		t.Errorf("%d values", len(values))
	}
}

// TestLoadKeyVariable: the variable that keys.server names is no misspelled setting.
func TestLoadKeyVariable(t *testing.T) {
	_, _, err := Load(Sources{Environment: []string{"KEYTURN_SERVER_KEY=x", "KEYTURN_KEYS_SERVER=env:KEYTURN_SERVER_KEY"}})
	if err != nil {
		t.Error(err)
	}
}

func TestValuesMaskSecrets(t *testing.T) {
	row := Setting{Name: "a.secret", Secret: true, field: text(func(s *Settings) *string { return &s.OperatorName }, checkText)}
	values := valuesOf([]Setting{row}, Settings{OperatorName: "hunter2"}, nil)
	if values[0].Text != "********" {
		t.Errorf("a secret is shown: %q", values[0].Text)
	}
	known, _ := collect([]Setting{row}, Sources{Flags: map[string]string{"": "x", "a-secret": "hunter2"}})
	if len(known) != 0 {
		t.Error("a secret was taken from a flag")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("rp: {id: example.com}\n", "https://id.example.com", "https://a.example,https://b.example")
	f.Add("hosts: [a, b]", "http://localhost:8080", "null")
	f.Add("- a", "https://[::1]:8443", "*")
	f.Fuzz(func(t *testing.T, file, url, origins string) {
		if url == "" || origins == "" {
			return
		}
		s, _, err := Load(Sources{FileName: "f", File: []byte(file), Flags: map[string]string{"public-url": url, "rp-origins": origins}})
		if err != nil {
			return
		}
		again, err := s.Complete()
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("accepted settings are not complete: %v", err)
		}
		for _, origin := range s.Origins() {
			if u, err := parseOrigin(origin); err == nil && canonicalOrigin(u) != origin {
				t.Errorf("accepted origin %q is not canonical", origin)
			}
		}
	})
}

// TestLoadPasswords: a password is shown nowhere, and taken from where others on the
// machine cannot see it.
func TestLoadPasswords(t *testing.T) {
	const store = "postgres://me:hunter2@localhost/keyturn"
	rest := []string{
		"KEYTURN_PUBLIC_URL=https://id.example.com", "KEYTURN_SIGN_UP=closed", "KEYTURN_MAIL_FROM=id@example.com",
		"KEYTURN_KEYS_SERVER=env:SERVER_KEY", "KEYTURN_KEYS_KMS=file:/run/b/kms.key",
	}
	s, values, err := Load(Sources{Environment: append(rest, "KEYTURN_STORE="+store, "KEYTURN_MAIL=smtp://me:hunter2@mail.example.com")})
	if err != nil || s.Store != store || s.Backend() != "postgres" {
		t.Errorf("%q, %v", s.Store, err)
	}
	if v := value(t, values, "store"); v.Text != "postgres://me:********@localhost/keyturn" {
		t.Errorf("store is shown as %s", v.Text)
	}
	if v := value(t, values, "mail"); v.Text != "smtp://********@mail.example.com" || v.Flag() != "" {
		t.Errorf("mail is shown as %s, by flag %s", v.Text, v.Flag())
	}
	_, _, err = Load(Sources{Environment: rest, Flags: map[string]string{"store": store}})
	wantOne(t, lines(t, err), "store (--store): holds a password", "KEYTURN_STORE")
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the sentence repeats it")
	}
}
