package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/settings"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// web answers for all public addresses, from files by path.
type web map[string]string

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Date", noon.Format(http.TimeFormat))
	if text, found := w[r.URL.String()]; found {
		_, _ = io.WriteString(recorder, text)
	} else {
		recorder.WriteHeader(http.StatusNotFound)
	}
	return recorder.Result(), nil
}

const site = "https://login.example.com"

const (
	teamApp    = "ABCDE12345.com.example.app"
	androidApp = "com.example.app"
)

// well is a web where all is as it should be.
func well() web {
	return web{
		site + "/healthz":                                            `{"status":"ok"}`,
		"https://example.com/.well-known/webauthn":                   `{"origins":["https://example.net"]}`,
		"https://example.com/.well-known/apple-app-site-association": `{"webcredentials":{"apps":["` + teamApp + `"]}}`,
		"https://example.com/.well-known/assetlinks.json": `[{"target":{"package_name":"` + androidApp +
			`","sha256_cert_fingerprints":["` + strings.TrimSuffix(strings.Repeat("AB:", 32), ":") + `"]}}]`,
	}
}

// healthy is a patient with whom nothing is wrong, in a folder of its own.
func healthy(t *testing.T) *Patient {
	t.Helper()
	dir := t.TempDir()
	key, kek := filepath.Join(dir, "keys", "server.key"), filepath.Join(dir, "kms", "kms.key")
	if err := errors.Join(seal.CreateServerKeyFile(key), seal.CreateKEKFile(kek)); err != nil {
		t.Fatal(err)
	}
	set, err := settings.Settings{
		PublicURL: site, SignUp: "closed", DataDir: filepath.Join(dir, "data"),
		RPID: "example.com", RPRelatedOrigins: []string{"https://example.net"},
		RPApps:     []settings.App{{Platform: "apple", ID: teamApp}, {Platform: "android", ID: androidApp, Certificate: repeat(0xab)}},
		KeysServer: "file:" + key, KeysKMS: "file:" + kek,
		Mail: "smtp://" + greeter(t, "220 mail.example.com ESMTP"), MailFrom: "login@example.com",
	}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(set.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(set.SQLitePath(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return &Patient{
		Settings: set, Given: map[string]bool{"rp.id": true, "mail.from": true},
		Store:     func(context.Context) (StoreState, error) { return StoreState{Founded: true}, nil },
		Integrity: func(context.Context) error { return nil },
		Free:      func(string) (uint64, error) { return 10 << 30, nil },
		Now:       func() time.Time { return noon }, Transport: well(),
	}
}

func repeat(b byte) []byte { return []byte(strings.Repeat(string([]byte{b}), 32)) }

// greeter is as much of an SMTP server as is greeted and said goodbye to.
func greeter(t *testing.T, greeting string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = fmt.Fprintf(conn, "%s\r\n", greeting)
				buffer := make([]byte, 512)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					_, _ = io.WriteString(conn, "250 fine\r\n")
					if strings.HasPrefix(string(buffer[:n]), "QUIT") {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestHealthy(t *testing.T) {
	findings := Examine(t.Context(), *healthy(t))
	for _, f := range findings {
		if f.Level != OK {
			t.Errorf("%s: %s: %s", f.Name, f.Level, f.Sentence)
		}
	}
	if len(findings) != len(table()) || Failed(findings) != 0 {
		t.Errorf("%d findings", len(findings))
	}
}

type illness struct {
	check string
	name  string
	spoil func(*testing.T, *Patient)
	want  Level
	says  string
}

// without is a web that lacks an address.
func without(address string) func(*testing.T, *Patient) {
	return func(_ *testing.T, p *Patient) {
		w := well()
		delete(w, address)
		p.Transport = w
	}
}

// instead is a web that answers something else there.
func instead(address, text string) func(*testing.T, *Patient) {
	return func(_ *testing.T, p *Patient) {
		w := well()
		w[address] = text
		p.Transport = w
	}
}

// down answers nothing.
type down struct{ err error }

func (d down) RoundTrip(*http.Request) (*http.Response, error) { return nil, d.err }

func offLine(_ *testing.T, p *Patient) {
	p.Transport = down{&net.OpError{Op: "dial", Err: errors.New("network is unreachable")}}
}

func keyFile(p *Patient) string { return strings.TrimPrefix(p.Settings.KeysServer, "file:") }

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// illnesses are at least one for each check that can fail or warn.
func illnesses() []illness {
	return append(append(namesIll(), publicIll()...), placeIll()...)
}

func namesIll() []illness {
	return []illness{
		{"rp_id", "elsewhere", func(_ *testing.T, p *Patient) { p.Settings.RPID = "example.org" }, Fail, "set rp.id to login.example.com"},
		{"rp_id", "not written down", func(_ *testing.T, p *Patient) {
			p.Settings.RPID, p.Given = "login.example.com", nil
		}, Warn, "it can never change"},
		{"origins", "without ours", func(_ *testing.T, p *Patient) {
			p.Settings.RPOrigins = []string{"https://app.example.com"}
		}, Fail, "rp.origins lacks https://login.example.com"},
		{"origins", "a foreign page", func(_ *testing.T, p *Patient) {
			p.Settings.CORSOrigins = []string{"https://shop.example.com"}
		}, Warn, "https://shop.example.com is in cors.origins"},
		{"mail", "none", func(_ *testing.T, p *Patient) { p.Settings.Mail = "" }, Warn, "mail is not set"},
		{"mail_server", "does not want us", func(t *testing.T, p *Patient) {
			p.Settings.Mail = "smtp://" + greeter(t, "554 no")
		}, Fail, "does not take our mails"},
		{"mail_server", "refuses the connection", func(_ *testing.T, p *Patient) { p.Settings.Mail = "smtp://127.0.0.1:1" }, Fail, "does not take our mails"},
		{"mail_server", "unknown", func(_ *testing.T, p *Patient) { p.Settings.Mail = "smtp://mail.invalid" }, Skipped, "not checked"},
		{"mail_server", "malformed", func(_ *testing.T, p *Patient) { p.Settings.Mail = "smtp://u@mail.example.com" }, Fail, "give both or neither"},
		{"mail_server", "none", func(_ *testing.T, p *Patient) { p.Settings.Mail = "ses://eu-central-1" }, Skipped, "no SMTP server"},
		{"no_effect", "mail.from", func(_ *testing.T, p *Patient) { p.Settings.Mail = "" }, Warn, "mail.from (mail is not set)"},
		{"no_effect", "cors.origins", func(_ *testing.T, p *Patient) {
			p.Given["cors.origins"], p.Settings.SessionModes = true, []string{"cookie"}
		}, Warn, "cors.origins"},
		{"no_effect", "token.audience", func(_ *testing.T, p *Patient) {
			p.Given["token.audience"], p.Settings.SessionModes = true, []string{"cookie"}
		}, Warn, "token.audience"},
		{"no_effect", "links", func(_ *testing.T, p *Patient) { p.Given["links"], p.Settings.SessionProfile = true, "aal2" }, Warn, "links"},
		{"no_effect", "data_dir", func(_ *testing.T, p *Patient) {
			p.Given["data_dir"], p.Settings.Store = true, "sqlite:/elsewhere.db"
		}, Warn, "data_dir"},
		{"no_effect", "operator.name", func(_ *testing.T, p *Patient) {
			p.Given["operator.name"], p.Settings.OperatorName = true, "example.com"
		}, Warn, "operator.name"},
	}
}

func publicIll() []illness {
	const known = "https://example.com/.well-known/"
	return []illness{
		{"public_url", "leads elsewhere", without(site + "/healthz"), Fail, "answers 404 and is not this server"},
		{"public_url", "another page", instead(site+"/healthz", "<html>"), Fail, "is not this server"},
		{"public_url", "out of reach", offLine, Skipped, "not checked"},
		{"public_url", "broken", func(_ *testing.T, p *Patient) { p.Transport = down{errors.New("malformed response")} }, Fail, "check the proxy"},
		{"related_origins", "not served", without(known + "webauthn"), Fail, "answers 404"},
		{"related_origins", "no JSON", instead(known+"webauthn", "<html>"), Fail, "not the JSON"},
		{"related_origins", "one missing", instead(known+"webauthn", `{"origins":[]}`), Fail, "does not name https://example.net"},
		{"related_origins", "out of reach", offLine, Skipped, "not checked"},
		{"related_origins", "broken", func(_ *testing.T, p *Patient) { p.Transport = down{errors.New("malformed")} }, Fail, "cannot be read"},
		{"associations", "apple's not served", without(known + "apple-app-site-association"), Fail, "answers 404"},
		{"associations", "apple's lacks one", instead(known+"apple-app-site-association", `{}`), Fail, teamApp},
		{"associations", "android's not served", without(known + "assetlinks.json"), Fail, "answers 404"},
		{"associations", "android's lacks one", instead(known+"assetlinks.json", `[]`), Fail, androidApp},
		{"associations", "android's has another certificate", func(_ *testing.T, p *Patient) {
			p.Settings.RPApps[1].Certificate = repeat(0xcd)
		}, Fail, "with its certificate"},
		{"associations", "android's has another app", func(_ *testing.T, p *Patient) { p.Settings.RPApps[1].ID = "com.example.other" }, Fail, "com.example.other"},
		{"associations", "out of reach", offLine, Skipped, "not checked"},
		{"clock", "wrong", func(_ *testing.T, p *Patient) { p.Now = func() time.Time { return noon.Add(-2 * time.Minute) } }, Fail, "is -2m0s from"},
		{"clock", "slightly wrong", func(_ *testing.T, p *Patient) { p.Now = func() time.Time { return noon.Add(10 * time.Second) } }, Warn, "is 10s from"},
		{"clock", "nobody to ask", offLine, Skipped, "not checked"},
	}
}

func placeIll() []illness {
	return []illness{
		{"keys_server", "gone", func(t *testing.T, p *Patient) {
			if err := os.Remove(keyFile(p)); err != nil {
				t.Fatal(err)
			}
		}, Fail, "bring it back from its copy"},
		{"keys_server", "others read it", func(t *testing.T, p *Patient) { chmod(t, keyFile(p), 0o644) }, Fail, "others may read it"},
		{"keys_server", "others exchange it", func(t *testing.T, p *Patient) { chmod(t, filepath.Dir(keyFile(p)), 0o777) }, Warn, "chmod go-w"},
		{"keys_server", "not in the environment", func(_ *testing.T, p *Patient) { p.Settings.KeysServer = "env:KEYTURN_TEST_NO_SUCH_KEY" }, Fail, "not set"},
		{"keys_kms", "gone", func(_ *testing.T, p *Patient) { p.Settings.KeysKMS = "file:/nowhere/kms.key" }, Fail, "cannot be opened"},
		{"keys_kms", "none", func(_ *testing.T, p *Patient) { p.Settings.KeysKMS = "" }, Skipped, "there is none"},
		{"store", "does not open", func(_ *testing.T, p *Patient) {
			p.Store = func(context.Context) (StoreState, error) { return StoreState{}, errors.New("keyturn: down") }
		}, Fail, "down"},
		{"store", "another clock", func(_ *testing.T, p *Patient) {
			p.Store = func(context.Context) (StoreState, error) { return StoreState{Skew: -20 * time.Second}, nil }
		}, Warn, "its clock is 20s from ours"},
		{"integrity", "damaged", func(_ *testing.T, p *Patient) {
			p.Integrity = func(context.Context) error { return errors.New("damaged") }
		}, Fail, "damaged"},
		{"integrity", "too large", func(_ *testing.T, p *Patient) {
			p.Integrity = func(context.Context) error { return fmt.Errorf("check: %w", context.DeadlineExceeded) }
		}, Skipped, "too large"},
		{"integrity", "elsewhere", func(_ *testing.T, p *Patient) { p.Integrity = nil }, Skipped, "own tools"},
		{"data_dir", "others write there", func(t *testing.T, p *Patient) { chmod(t, p.Settings.DataDir, 0o777) }, Fail, "others may write"},
		{"data_dir", "others write the file", func(t *testing.T, p *Patient) { chmod(t, p.Settings.SQLitePath(), 0o660) }, Fail, "others may write"},
		{"data_dir", "others read the file", func(t *testing.T, p *Patient) { chmod(t, p.Settings.SQLitePath(), 0o640) }, Warn, "others may read"},
		{"disk", "full", func(_ *testing.T, p *Patient) { p.Free = func(string) (uint64, error) { return 5 << 20, nil } }, Fail, "only 5 MiB"},
		{"disk", "nearly full", func(_ *testing.T, p *Patient) { p.Free = func(string) (uint64, error) { return 500 << 20, nil } }, Warn, "make room soon"},
		{"disk", "not known", func(_ *testing.T, p *Patient) {
			p.Free = func(string) (uint64, error) { return 0, errors.New("no") }
		}, Skipped, "not checked"},
	}
}

// TestIllnesses: each is found by its check, and said with what to do.
func TestIllnesses(t *testing.T) {
	ill := make(map[string]bool)
	for _, c := range illnesses() {
		t.Run(c.check+" "+c.name, func(t *testing.T) {
			p := healthy(t)
			c.spoil(t, p)
			for _, row := range table() {
				if row.name != c.check {
					continue
				}
				level, sentence := row.look(t.Context(), p)
				if level != c.want || !strings.Contains(sentence, c.says) {
					t.Errorf("%s: %s, want %s with %q", level, sentence, c.want, c.says)
				}
			}
		})
		ill[c.check] = ill[c.check] || c.want == Fail || c.want == Warn
	}
	for _, row := range table() {
		if !ill[row.name] {
			t.Errorf("%s is never found wanting", row.name)
		}
	}
}

// TestCertificates: one that is not trusted fails, one that ends soon is worth a word.
func TestCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	}))
	defer server.Close()
	p := healthy(t)
	p.Transport, p.Settings.PublicURL = nil, server.URL
	if level, sentence := publicURL(t.Context(), p); level != Fail || !strings.Contains(sentence, "not trusted") {
		t.Errorf("an unknown authority: %s: %s", level, sentence)
	}
	p.Transport = server.Client().Transport
	if level, sentence := publicURL(t.Context(), p); level != OK {
		t.Errorf("a known one: %s: %s", level, sentence)
	}
	p.Now = func() time.Time { return server.Certificate().NotAfter.Add(-time.Hour) }
	if level, sentence := publicURL(t.Context(), p); level != Warn || !strings.Contains(sentence, "renew it") {
		t.Errorf("one that ends soon: %s: %s", level, sentence)
	}
	for status, want := range map[int]string{421: "pass Host on unchanged", 502: "is the server running", 301: "not this server"} {
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if level, sentence := publicURL(t.Context(), p); level != Fail || !strings.Contains(sentence, want) {
			t.Errorf("%d: %s: %s", status, level, sentence)
		}
	}
}

// TestFresh: before the first start nothing is missing.
func TestFresh(t *testing.T) {
	p := healthy(t)
	if err := errors.Join(os.RemoveAll(p.Settings.DataDir), os.Remove(keyFile(p))); err != nil {
		t.Fatal(err)
	}
	for _, f := range Examine(t.Context(), *p) {
		if f.Level != OK && f.Name != "integrity" {
			t.Errorf("%s: %s: %s", f.Name, f.Level, f.Sentence)
		}
	}
}

// TestNoSecrets: what is found can be shown to anybody.
func TestNoSecrets(t *testing.T) {
	p := healthy(t)
	p.Settings.Mail = "smtp://someone:secret-q@127.0.0.1:1"
	raw, err := os.ReadFile(keyFile(p))
	if err != nil {
		t.Fatal(err)
	}
	said, err := json.Marshal(Examine(t.Context(), *p))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"secret-q", strings.TrimSpace(string(raw[len(raw)-20:]))} {
		if strings.Contains(string(said), secret) {
			t.Errorf("it shows %s", secret)
		}
	}
}

// TestRefused: faults of the settings are told, each, and fail.
func TestRefused(t *testing.T) {
	_, err := settings.Settings{PublicURL: "http://login.example.com"}.Complete()
	faults, isFaults := errors.AsType[settings.Faults](err)
	if !isFaults || len(faults) < 2 {
		t.Fatalf("%v", err)
	}
	if got := Refused(faults); len(got) != len(faults) || Failed(got) != len(faults) || !strings.Contains(got[0].Sentence, "public_url") {
		t.Errorf("%+v", got)
	}
}
