package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefusals: each unsafe combination alone, its sentence and its remedy.
func TestRefusals(t *testing.T) {
	related := func(hosts ...string) func(*Settings) {
		return func(s *Settings) {
			for _, host := range hosts {
				s.RPRelatedOrigins = append(s.RPRelatedOrigins, "https://"+host)
			}
		}
	}
	for _, c := range []struct {
		name   string
		from   func() Settings
		change func(*Settings)
		want   []string // parts of the only sentence
	}{
		{
			"localhost with an open listener", home, func(s *Settings) { s.Listen = ":8080" },
			[]string{"public_url: http://localhost:8080 is for development", "set listen to 127.0.0.1:PORT"},
		},
		{
			"https localhost with an open listener", production, func(s *Settings) { s.PublicURL = "https://localhost" },
			[]string{"public_url: https://localhost is for development"},
		},
		{
			"http", production, func(s *Settings) { s.PublicURL = "http://id.example.com" },
			[]string{"public_url: http://id.example.com is not https"},
		},
		{
			"http on loopback by address", home, func(s *Settings) {
				s.PublicURL = "http://127.0.0.1:8080"
				s.RPID = "example.com"
				s.RPOrigins = []string{"https://example.com"}
				s.SignUp = SignUpOpen
			},
			[]string{"public_url: http://127.0.0.1:8080 is not https", "http://localhost:PORT"},
		},
		{"no public_url", production, func(s *Settings) { s.PublicURL = "" }, []string{"public_url: must be set"}},
		{"no sign_up", production, func(s *Settings) { s.SignUp = "" }, []string{"sign_up: must be set outside development; choose open, email, invite or closed"}},

		{"path", production, func(s *Settings) { s.PublicURL = "https://id.example.com/auth" }, []string{"public_url", "write https://id.example.com"}},
		{"slash", production, func(s *Settings) { s.PublicURL = "https://id.example.com/" }, []string{"public_url", "write https://id.example.com"}},
		{"query", production, func(s *Settings) { s.PublicURL = "https://id.example.com?a=b" }, []string{"public_url", "write https://id.example.com"}},
		{"fragment", production, func(s *Settings) { s.PublicURL = "https://id.example.com#a" }, []string{"public_url", "write https://id.example.com"}},
		{"user", production, func(s *Settings) { s.PublicURL = "https://me@id.example.com" }, []string{"public_url", "write https://id.example.com"}},
		{"upper case", production, func(s *Settings) { s.PublicURL = "https://ID.example.com" }, []string{"public_url", "write https://id.example.com"}},
		{"upper case scheme", production, func(s *Settings) { s.PublicURL = "HTTPS://id.example.com" }, []string{"public_url", "write https://id.example.com"}},
		{"default port", production, func(s *Settings) { s.PublicURL = "https://id.example.com:443" }, []string{"public_url", "write https://id.example.com"}},
		{"port without number", production, func(s *Settings) { s.PublicURL = "https://id.example.com:" }, []string{"public_url", "not canonical"}},
		{"port out of range", production, func(s *Settings) { s.PublicURL = "https://id.example.com:70000" }, []string{"public_url", "write a number from 1 to 65535"}},
		{"other scheme", production, func(s *Settings) { s.PublicURL = "ftp://id.example.com" }, []string{"public_url", "write https://host"}},
		{"no scheme", production, func(s *Settings) { s.PublicURL = "id.example.com" }, []string{"public_url", "write https://host"}},
		{"trailing dot", production, func(s *Settings) { s.PublicURL = "https://id.example.com." }, []string{"public_url", "no domain name"}},
		{"not ASCII", production, func(s *Settings) { s.PublicURL = "https://bücher.example" }, []string{"public_url", "write https://xn--bcher-kva.example"}},

		{"rp.id localhost", production, func(s *Settings) { s.RPID = "localhost"; s.RPOrigins = []string{"https://localhost"} }, []string{"rp.id: localhost is everybody's own machine"}},
		{"rp.id below localhost", production, func(s *Settings) { s.RPID = "app.localhost"; s.RPOrigins = []string{"https://app.localhost"} }, []string{"rp.id: app.localhost"}},
		{"public_url an address", production, func(s *Settings) { s.PublicURL = "https://192.0.2.1" }, []string{"rp.id: 192.0.2.1 is an IP address"}},
		{"rp.id an IPv6 address", production, func(s *Settings) { s.RPID = "2001:db8::1"; s.RPOrigins = []string{"https://[2001:db8::1]"} }, []string{"rp.id: 2001:db8::1 is an IP address"}},
		{"rp.id a public suffix", production, func(s *Settings) { s.RPID = "com" }, []string{"rp.id: com is a public suffix"}},
		{"rp.id a private public suffix", production, func(s *Settings) { s.PublicURL = "https://me.github.io"; s.RPID = "github.io" }, []string{"rp.id: github.io is a public suffix"}},
		{"rp.id with a scheme", production, func(s *Settings) { s.RPID = "https://example.com" }, []string{"rp.id", "without scheme or port"}},
		{"rp.id in upper case", production, func(s *Settings) { s.RPID = "Example.com"; s.RPOrigins = nil }, []string{"rp.id", "write example.com"}},

		{
			"origin outside rp.id", production, func(s *Settings) { s.RPOrigins = []string{"https://id.example.com", "https://example.net"} },
			[]string{"rp.origins: https://example.net is outside rp.id id.example.com", "rp.related_origins"},
		},
		{"origin of the parent", production, func(s *Settings) { s.RPOrigins = []string{"https://example.com"} }, []string{"rp.origins: https://example.com is outside"}},
		{"origin that ends alike", production, func(s *Settings) { s.RPID = "example.com"; s.RPOrigins = []string{"https://badexample.com"} }, []string{"rp.origins: https://badexample.com is outside"}},
		{"http origin", production, func(s *Settings) { s.RPOrigins = []string{"http://id.example.com"} }, []string{"rp.origins: http://id.example.com is not https; write https://id.example.com"}},
		{"http origin elsewhere in development", home, func(s *Settings) {
			s.RPOrigins = []string{"http://localhost:8080", "https://localhost"}
			s.CORSOrigins = []string{"http://app.example"}
		}, []string{"cors.origins: http://app.example is not https"}},
		{"null origin", production, func(s *Settings) { s.RPOrigins = []string{"null"} }, []string{"rp.origins: null is the origin"}},
		{"any origin", production, func(s *Settings) { s.RPOrigins = []string{"*"} }, []string{"rp.origins: * would let every site in"}},
		{"origin not canonical", production, func(s *Settings) { s.RPOrigins = []string{"https://id.example.com/"} }, []string{"rp.origins", "write https://id.example.com"}},
		{"http related origin", production, func(s *Settings) { s.RPRelatedOrigins = []string{"http://example.net"} }, []string{"rp.related_origins: http://example.net is not https"}},
		{"any CORS origin", production, func(s *Settings) { s.CORSOrigins = []string{"*"} }, []string{"cors.origins: * would let every site in"}},
		{"null CORS origin", production, func(s *Settings) { s.CORSOrigins = []string{"null"} }, []string{"cors.origins: null"}},
		{"http CORS origin", production, func(s *Settings) { s.CORSOrigins = []string{"http://app.example"} }, []string{"cors.origins: http://app.example is not https"}},
		{"CORS origin not canonical", production, func(s *Settings) { s.CORSOrigins = []string{"https://App.example"} }, []string{"cors.origins", "write https://app.example"}},
		{"six related labels", production, related("a1.com", "a2.com", "a3.com", "a4.com", "a5.com", "a6.com"), []string{"rp.related_origins: browsers honour at most 5 different names, and these are 6"}},
		{"related origin without a domain", production, related("co.uk"), []string{"rp.related_origins: https://co.uk has no registrable domain"}},

		{"https on this machine", production, func(s *Settings) { s.PublicURL = "https://localhost:8443"; s.Listen = "127.0.0.1:8443" }, []string{"rp.id: localhost is everybody's own machine"}},
		{"related origin not canonical", production, related("Example.net"), []string{"rp.related_origins", "write https://example.net"}},
		{"key in the data", production, func(s *Settings) { s.KeysServer = "file:./keyturn-data/keys/server.key" }, []string{"keys.server: the key stands inside data_dir"}},
		{"KMS key in the data", production, func(s *Settings) { s.KeysKMS = "file:keyturn-data/kms.key" }, []string{"keys.kms: the key stands inside data_dir"}},
		{"mails on a page", production, func(s *Settings) { s.Mail, s.MailFrom = MailPage, "a@example.com" }, []string{"mail: page: shows everybody's mail", "smtp://"}},
		{"mail from nobody", production, func(s *Settings) { s.Mail = "ses://eu-central-1" }, []string{"mail.from: must be set where mail is"}},
		{"address first without mail", production, func(s *Settings) { s.SignUp = SignUpEmail }, []string{"sign_up: email needs mail", "set mail"}},
		{"links always without mail", production, func(s *Settings) { s.Links = LinksAlways }, []string{"links: always needs mail"}},
		{"links always beside AAL2", production, func(s *Settings) {
			mailed(s)
			s.Links, s.SessionProfile = LinksAlways, ProfileAAL2
		}, []string{"links: always lets people in", "choose never"}},

		{"PostgreSQL over a wire", other("postgres://me@db.example/keyturn"), nothing, []string{"store: db.example is another machine", "sslmode=verify-full"}},
		{"PostgreSQL over a wire, encrypted to anybody", other("postgres://me@db.example/keyturn?sslmode=require"), nothing, []string{"store: db.example is another machine"}},
		{"PostgreSQL over a wire, by parameter", other("postgres://me@localhost/keyturn?host=192.0.2.1"), nothing, []string{"store: 192.0.2.1 is another machine"}},
		{"PostgreSQL, one of two over a wire", other("postgres:///keyturn?host=/run,db.example"), nothing, []string{"store: db.example is another machine"}},
		{"DynamoDB over http", other("dynamodb://keyturn?region=eu-central-1&endpoint=http://db.example:8000"), nothing, []string{"store: the endpoint http://db.example:8000 is not https; write https://db.example:8000"}},
		{"PostgreSQL without a server key", other("postgres:///keyturn?host=/run"), func(s *Settings) { s.KeysServer = "" }, []string{"keys.server: must be set with this store"}},
		{"DynamoDB without a KMS key", other("dynamodb://keyturn?region=eu-central-1"), func(s *Settings) { s.KeysKMS = "" }, []string{"keys.kms: must be set with this store"}},

		{"both keys in one folder", production, func(s *Settings) { s.KeysKMS = "file:keyturn-keys/kms.key" }, []string{"keys.kms: stands in one folder with keys.server"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.from()
			c.change(&s)
			wantOne(t, sentences(t, s), c.want...)
		})
	}
}

// nothing is changed.
func nothing(*Settings) {}

// mailed sends mail.
func mailed(s *Settings) { s.Mail, s.MailFrom = "smtp://mail.example.com", "id@example.com" }

// other is production on another store.
func other(store string) func() Settings {
	return func() Settings {
		s := production()
		s.Store, s.KeysServer, s.KeysKMS = store, "env:SERVER_KEY", "file:/run/b/kms.key"
		return s
	}
}

// TestAccepted: what stands beside each refusal and is fine.
func TestAccepted(t *testing.T) {
	for _, c := range []struct {
		name   string
		from   func() Settings
		change func(*Settings)
	}{
		{"a port", production, func(s *Settings) { s.PublicURL = "https://id.example.com:8443" }},
		{"rp.id above", production, func(s *Settings) { s.RPID = "example.com" }},
		{"domain below a public suffix", production, func(s *Settings) { s.PublicURL = "https://me.github.io" }},
		{"punycode", production, func(s *Settings) { s.PublicURL = "https://xn--bcher-kva.example" }},
		{"origins below", production, func(s *Settings) {
			s.RPID = "example.com"
			s.RPOrigins = []string{"https://example.com", "https://a.b.example.com:8443"}
		}},
		{"origin that is a related one", production, func(s *Settings) {
			s.RPOrigins = []string{"https://id.example.com", "https://example.net"}
			s.RPRelatedOrigins = []string{"https://example.net"}
		}},
		{"seven related origins of five labels", production, func(s *Settings) {
			s.RPRelatedOrigins = []string{
				"https://a1.com", "https://a1.co.uk", "https://shop.a1.de", "https://a2.com",
				"https://a3.com", "https://a4.com", "https://a5.com",
			}
		}},
		{"http localhost origins in development", home, func(s *Settings) {
			s.RPOrigins = []string{"http://localhost:8080", "http://localhost:5173"}
			s.CORSOrigins = []string{"http://localhost:5173"}
		}},
		{"keys apart", production, func(s *Settings) {
			s.KeysServer, s.KeysKMS = "file:/run/a/server.key", "file:/run/b/kms.key"
		}},
		{"key in the environment", production, func(s *Settings) { s.KeysServer = "env:SERVER_KEY" }},
		{"key in the environment, all of this folder data", production, func(s *Settings) { s.KeysServer, s.DataDir = "env:SERVER_KEY", "." }},
		{"further hosts", production, func(s *Settings) { s.Hosts = []string{"gateway.example", "10.0.0.1:8443", "[::1]:8443"} }},
		{"contact by mail", production, func(s *Settings) { s.OperatorSecurityContact = "mailto:security@example.com" }},
		{"contact by web", production, func(s *Settings) { s.OperatorSecurityContact = "https://example.com/security" }},
		{"apps", production, func(s *Settings) {
			s.RPApps = []App{{Platform: "apple", ID: "ABCDE12345.com.example"}, {Platform: "android", ID: "com.example", Certificate: make([]byte, 32)}}
		}},
		{"no listener of ours", production, func(s *Settings) { s.Listen = "" }},
		{"address first", production, func(s *Settings) { mailed(s); s.SignUp = SignUpEmail }},
		{"address first in development", home, func(s *Settings) { s.SignUp = SignUpEmail }},
		{"invitations without mail", production, func(s *Settings) { s.SignUp = SignUpInvite }},
		{"links without a word about mail", production, func(s *Settings) { s.Links = LinksWithoutPasskey }},
		{"links always", production, func(s *Settings) { mailed(s); s.Links = LinksAlways }},
		{"mail by SES", production, func(s *Settings) { s.Mail, s.MailFrom = "ses://eu-central-1", "Example <id@example.com>" }},
		{"mail by SMTPS", production, func(s *Settings) { s.Mail, s.MailFrom = "smtps://me:p%40ss@mail.example.com:4465", "id@example.com" }},
		{"real mail in development", home, mailed},
		{"no hold", production, func(s *Settings) { s.RecoveryHold = "0" }},
		{"PostgreSQL", other("postgres://me:secret@db.example:5433/keyturn?sslmode=verify-full"), nothing},
		{"PostgreSQL, migrated by hand", other("postgres://me@127.0.0.1/keyturn"), func(s *Settings) { s.StoreMigrate = MigrateManual }},
		{"DynamoDB where the environment says", other("dynamodb://keyturn"), nothing},
		{"PostgreSQL by socket", other("postgres://me@/keyturn?host=/var/run/postgresql"), nothing},
		{"PostgreSQL here", other("postgres://me@127.0.0.1/keyturn"), nothing},
		{"DynamoDB", other("dynamodb://my_table.1?region=us-gov-west-1"), nothing},
		{"DynamoDB's like, here", other("dynamodb://keyturn?region=eu-central-1&endpoint=http://127.0.0.1:8000"), nothing},
		{"folder whose name begins alike", production, func(s *Settings) { s.KeysServer = "file:./keyturn-data-keys/server.key" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.from()
			c.change(&s)
			if got := sentences(t, s); got != nil {
				t.Errorf("refused: %s", strings.Join(got, "\n"))
			}
		})
	}
}

// TestKeyBehindALink: a link out of the data folder's path, or into it, changes
// nothing about where the key is.
func TestKeyBehindALink(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "data", "hidden"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(folder, "data", "hidden"), filepath.Join(folder, "keys")); err != nil {
		t.Fatal(err)
	}
	s := production()
	s.DataDir = filepath.Join(folder, "data")
	s.KeysServer = "file:" + filepath.Join(folder, "keys", "server.key")
	wantOne(t, sentences(t, s), "keys.server: the key stands inside data_dir")
}

// TestFaultsTogether: one start tells everything.
func TestFaultsTogether(t *testing.T) {
	s := production()
	s.SignUp, s.LogLevel, s.RPID, s.FloodBurst = "", "loud", "com", -1
	got := strings.Join(sentences(t, s), "\n")
	for _, want := range []string{"log.level: ", "limits.flood.burst: ", "sign_up: ", "rp.id: "} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing is said about %q in\n%s", want, got)
		}
	}
}
