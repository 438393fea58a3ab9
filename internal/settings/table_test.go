package settings

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// TestTable: every field of Settings has a row, every row its own names, and every
// default passes its own check.
func TestTable(t *testing.T) {
	rows := table()
	if got, want := len(rows), reflect.TypeFor[Settings]().NumField(); got != want {
		t.Errorf("the table has %d rows for %d fields", got, want)
	}
	seen := make(map[string]string)
	for _, row := range rows {
		if row.Meaning == "" {
			t.Errorf("%s has no meaning", row.Name)
		}
		for _, name := range []string{row.Name, row.Environment(), "--" + row.Flag()} {
			if other := seen[name]; other != "" {
				t.Errorf("%s and %s share the name %s", row.Name, other, name)
			}
			seen[name] = row.Name
		}
		if row.derive != nil || row.Default == "" {
			continue
		}
		var s Settings
		if err := row.parse(&s, split(row, row.Default)); err != nil {
			t.Errorf("%s: default: %v", row.Name, err)
		} else if err := row.check(s); err != nil {
			t.Errorf("%s: default: %v", row.Name, err)
		} else if got := row.show(s); got != row.Default {
			t.Errorf("%s: the default %q is shown as %q", row.Name, row.Default, got)
		}
	}
}

// TestMasked: a password is not shown, and what is shown is otherwise as it was given.
func TestMasked(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://me:secret@db:5432/keyturn?sslmode=verify-full": "postgres://me:********@db:5432/keyturn?sslmode=verify-full",
		"postgres://m%65:s%65cret@db/keyturn":                      "postgres://m%65:********@db/keyturn",
		"postgres://me@db/keyturn?options=a@b:c":                   "postgres://me@db/keyturn?options=a@b:c",
		"postgres://me:sec%ret@db/keyturn":                         "postgres:…",
		"sqlite:":                                                  "sqlite:",
	} {
		if got := maskURL(in); got != want {
			t.Errorf("%s is shown as %s", in, got)
		}
	}
}

// TestMailMasked: how and where mail is sent is shown, as whom is not; and nothing of
// what cannot be read.
func TestMailMasked(t *testing.T) {
	for in, want := range map[string]string{
		"smtp://me:secret@mail.example.com:587":  "smtp://********@mail.example.com:587",
		"smtps://me:s%40cret@mail.example.com":   "smtps://********@mail.example.com",
		"smtp://localhost:25":                    "smtp://localhost:25",
		"ses://eu-central-1":                     "ses://eu-central-1",
		"page:":                                  "page:",
		"smtp://me:sec/ret@mail.example.com":     "********",
		"smtp://me:12/ret@mail.example.com":      "********",
		"smtp://me:sec%ret@mail.example.com":     "********",
		"me:secret@mail.example.com":             "********",
		"smtp://secret@mail.example.com":         "********",
		"ses://me:secret@eu-central-1":           "********",
		"smtp://mail.example.com/?secret=secret": "********",
	} {
		if got := maskMail(in); got != want {
			t.Errorf("%s is shown as %s", in, got)
		}
	}
}

func TestNames(t *testing.T) {
	row := Setting{Name: "rp.related_origins"}
	if row.Environment() != "KEYTURN_RP_RELATED_ORIGINS" || row.Flag() != "rp-related-origins" {
		t.Errorf("got %s and %s", row.Environment(), row.Flag())
	}
	row.Secret = true
	if row.Flag() != "" {
		t.Error("a secret has a flag")
	}
}

// TestChecks: the check of each setting, by what it refuses alone.
func TestChecks(t *testing.T) {
	for _, c := range []struct {
		setting string
		change  func(*Settings)
		want    string
	}{
		{"listen", func(s *Settings) { s.Listen = "8080" }, "write address:port"},
		{"metrics.listen", func(s *Settings) { s.MetricsListen = ":9464" }, "write 127.0.0.1:PORT or unix:PATH"},
		{"metrics.listen", func(s *Settings) { s.MetricsListen = "192.0.2.1:9464" }, "write 127.0.0.1:PORT or unix:PATH"},
		{"metrics.listen", func(s *Settings) { s.MetricsListen = "9464" }, "write address:port"},
		{"metrics.listen", func(s *Settings) { s.MetricsListen = "unix:" }, "write unix:PATH"},
		{"metrics.listen", func(s *Settings) { s.MetricsListen = "unix:a\nb" }, "leave them out"},
		{"listen", func(s *Settings) { s.Listen = "127.0.0.1:0" }, "write a number from 1 to 65535"},
		{"listen", func(s *Settings) { s.Listen = "example.com:80" }, "write the IP address"},
		{"hosts", func(s *Settings) { s.Hosts = []string{"https://gateway.example"} }, "write host or host:port"},
		{"hosts", func(s *Settings) { s.Hosts = []string{"Gateway.example"} }, "write gateway.example"},
		{"hosts", func(s *Settings) { s.Hosts = []string{"a b"} }, "no domain name"},
		{"hosts", func(s *Settings) { s.Hosts = []string{"a.example", "a.example"} }, "twice"},
		{"data_dir", func(s *Settings) { s.DataDir = "data\n" }, "control characters"},
		{"store", func(s *Settings) { s.Store = "postgres://me:secret@/keyturn" }, "names no host"},
		{"store", func(s *Settings) { s.Store = "postgres://me:secret@db?sslmode=verify-full" }, "names no database"},
		{"store", func(s *Settings) { s.Store = "postgres:keyturn" }, "is no address of a PostgreSQL database"},
		{"store", func(s *Settings) { s.Store = "postgres://me:sec%ret@db/keyturn" }, "is no address of a PostgreSQL database"},
		{"store", func(s *Settings) { s.Store = "postgres://db/keyturn?password=secret" }, "write USER:PASSWORD@HOST"},
		{"store", func(s *Settings) { s.Store = "postgres://db/keyturn?service=x" }, "which hides who signs in where"},
		{"store", func(s *Settings) { s.Store = "postgres://db/keyturn?sslmode=verify-full&sslmode=disable" }, "sslmode twice"},
		{"store", func(s *Settings) { s.Store = "postgres://db/keyturn?a=%" }, "parameters that cannot be read"},
		{"store", func(s *Settings) { s.Store = "dynamodb://table?region=europe" }, "which is no region"},
		{"store.migrate", func(s *Settings) { s.StoreMigrate = MigrateManual }, "manual is for PostgreSQL; choose auto"},
		{"store", func(s *Settings) { s.Store = "dynamodb://t?region=eu-central-1" }, "names no table"},
		{"store", func(s *Settings) { s.Store = "dynamodb://me:secret@table?region=eu-central-1" }, "names no table"},
		{"store", func(s *Settings) { s.Store = "dynamodb://table?region=eu-central-1&profile=x" }, "parameter profile too many"},
		{"store", func(s *Settings) { s.Store = "dynamodb://table?region=eu-central-1&a=%" }, "parameters that cannot be read"},
		{"store", func(s *Settings) { s.Store = "dynamodb://table?region=eu-central-1&endpoint=db" }, "an endpoint that is none"},
		{"store", func(s *Settings) { s.Store = "mysql://me:secret@db" }, `"mysql:…" is no store`},
		{"store.migrate", func(s *Settings) { s.StoreMigrate = "never" }, "choose auto or manual"},
		{"keys.server", func(s *Settings) { s.KeysServer = "c2VjcmV0" }, "write file:PATH or env:NAME, never the key itself"},
		{"keys.server", func(s *Settings) { s.KeysServer = "env:A=B" }, "write file:PATH or env:NAME"},
		{"keys.kms", func(s *Settings) { s.KeysKMS = "aws-kms://arn" }, "aws-kms is not in this version"},
		{"keys.kms", func(s *Settings) { s.KeysKMS = "c2VjcmV0" }, "write file:PATH"},
		{"rp.name", func(s *Settings) { s.RPName = strings.Repeat("é", 33) }, "64 bytes"},
		{"operator.name", func(s *Settings) { s.OperatorName = "A\x07" }, "control characters"},
		{"rp.apps", func(s *Settings) { s.RPApps = []App{{Platform: "apple", ID: "x"}} }, "no App ID"},
		{"rp.apps", func(s *Settings) { s.RPApps = []App{{Platform: "android", ID: "com.example"}} }, "a SHA-256 has 32"},
		{"rp.apps", func(s *Settings) { s.RPApps = []App{{Platform: "android", ID: "x", Certificate: make([]byte, 32)}} }, "no Android package"},
		{"rp.apps", func(s *Settings) { s.RPApps = []App{{Platform: "symbian"}} }, appForm},
		{"sign_up", func(s *Settings) { s.SignUp = "yes" }, `"yes" is not a choice; choose open, email, invite or closed`},
		{"mail", func(s *Settings) { s.Mail, s.MailFrom = "mailto:secret@example.com", "a@example.com" }, "is no way to send mail"},
		{"mail", func(s *Settings) { s.Mail, s.MailFrom = "smtp://me:secret@mail.example.com/x", "a@example.com" }, "is no way to send mail"},
		{"mail", func(s *Settings) { s.Mail, s.MailFrom = "smtp://me:sec%ret@mail.example.com", "a@example.com" }, "is no way to send mail"},
		{"mail", func(s *Settings) { s.Mail, s.MailFrom = "smtp://", "a@example.com" }, "names no mail server"},
		{"mail", func(s *Settings) { s.Mail, s.MailFrom = "smtp://mail.example.com:0", "a@example.com" }, "names no mail server"},
		{"mail", func(s *Settings) { s.Mail, s.MailFrom = "smtps://me@mail.example.com", "a@example.com" }, "a user without a password"},
		{"mail", func(s *Settings) { s.Mail, s.MailFrom = "ses://here", "a@example.com" }, "names no region"},
		{"mail.from", func(s *Settings) { s.MailFrom = "nobody" }, "is no address"},
		{"mail.from", func(s *Settings) { s.MailFrom = "a@b..c" }, "is no address"},
		{"mail.from", func(s *Settings) { s.MailFrom = "Ana\r\nBcc: x@y.example <a@example.com>" }, "is no address"},
		{"mail.templates", func(s *Settings) { s.MailTemplates = "mails\n" }, "leave them out"},
		{"limits.mail.rate", func(s *Settings) { s.MailRate = -1 }, "number from 0.01"},
		{"recovery.hold", func(s *Settings) { s.RecoveryHold = "a day" }, "no duration from 0 to 72h"},
		{"recovery.hold", func(s *Settings) { s.RecoveryHold = "73h" }, "no duration from 0 to 72h"},
		{"recovery.hold", func(s *Settings) { s.RecoveryHold = "-1h" }, "no duration from 0 to 72h"},
		{"notices.new_browser", func(s *Settings) { s.NoticesNewBrowser = "yes" }, "choose on or off"},
		{"sign_in.allow_list", func(s *Settings) { s.SignInAllowList = "true" }, "choose on or off"},
		{"sign_in.unknown", func(s *Settings) { s.SignInUnknown = "shown" }, "choose hidden or told"},
		{"links", func(s *Settings) { s.Links = "sometimes" }, "choose without_passkey, always or never"},
		{"session.profile", func(s *Settings) { s.SessionProfile = "aal4" }, "choose standard, aal2 or aal3"},
		{"session.modes", func(s *Settings) { s.SessionModes = []string{"jwt"} }, "choose cookie or token"},
		{"attestation", func(s *Settings) { s.Attestation = "require" }, `"require" is not in this version; it judges no attestation; choose none`},
		{"attestation", func(s *Settings) { s.Attestation = "prefer" }, `"prefer" is not in this version`},
		{"attestation", func(s *Settings) { s.Attestation = "direct" }, "choose none"},
		{"limits.passkeys_per_account", func(s *Settings) { s.PasskeysPerAccount = 201 }, "from 1 to 200"},
		{"limits.failures.network", func(s *Settings) { s.FailuresPerNetwork = -1 }, "whole number from 1"},
		{"limits.failures.process", func(s *Settings) { s.FailuresPerProcess = -1 }, "whole number from 1"},
		{"limits.flood.rate", func(s *Settings) { s.FloodRate = -1 }, "number from 0.01"},
		{"limits.flood.burst", func(s *Settings) { s.FloodBurst = 2_000_000 }, "whole number from 1"},
		{"operator.security_contact", func(s *Settings) { s.OperatorSecurityContact = "security@example.com" }, "write mailto:ADDRESS"},
		{"operator.security_contact", func(s *Settings) { s.OperatorSecurityContact = "http://example.com" }, "write mailto:ADDRESS"},
		{"operator.links.support", func(s *Settings) { s.OperatorSupport = "help@example.com" }, "write mailto:ADDRESS"},
		{"operator.links.terms", func(s *Settings) { s.OperatorTerms = "http://example.com/terms" }, "write an https address"},
		{"operator.links.privacy", func(s *Settings) { s.OperatorPrivacy = "javascript:alert(1)" }, "write an https address"},
		{"operator.accent", func(s *Settings) { s.OperatorAccent = "red" }, "write it as #2456c7"},
		{"operator.accent", func(s *Settings) { s.OperatorAccent = "#2456c7;}" }, "write it as #2456c7"},
		{"operator.logo", func(s *Settings) { s.OperatorLogo = " logo.svg" }, "leave them out"},
		{"operator.wording", func(s *Settings) { s.OperatorWording = "wording\n" }, "leave them out"},
		{"token.audience", func(s *Settings) { s.TokenAudience = "a b" }, "write one audience"},
		{"token.algorithm", func(s *Settings) { s.TokenAlgorithm = "RS256" }, "choose ES256 or EdDSA"},
		{"token.algorithm", func(s *Settings) { s.TokenAlgorithm = "none" }, "choose ES256"},
		{"trusted_proxies", func(s *Settings) { s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, "is everybody"},
		{"trusted_proxies", func(s *Settings) { s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")} }, "write 10.0.0.0/8"},
		{"log.level", func(s *Settings) { s.LogLevel = "trace" }, "choose debug, info, warn or error"},
		{"log.format", func(s *Settings) { s.LogFormat = "xml" }, "choose text or json"},
	} {
		t.Run(c.setting+" "+c.want, func(t *testing.T) {
			s := production()
			c.change(&s)
			got := sentences(t, s)
			wantOne(t, got, c.setting+": ", c.want)
			if strings.Contains(strings.Join(got, ""), "secret") {
				t.Errorf("the sentence repeats a secret: %s", got)
			}
		})
	}
}

func TestParseApp(t *testing.T) {
	digest := strings.Repeat("AB:", 31) + "AB"
	for _, c := range []struct{ in, want string }{
		{"apple:ABCDE12345.com.example.app", "apple:ABCDE12345.com.example.app"},
		{"android:com.example.app/" + digest, "android:com.example.app/" + strings.Repeat("ab", 32)},
		{"android:com.example.app", ""},
		{"android:com.example.app/xyz", ""},
		{"android:com.example.app/" + strings.Repeat("ab", 32) + "zz", ""},
		{"apple:com.example", ""},
		{"com.example", ""},
	} {
		app, err := ParseApp(c.in)
		if c.want == "" {
			if err == nil {
				t.Errorf("%q is accepted as %s", c.in, app)
			}
			continue
		}
		if err != nil || app.String() != c.want {
			t.Errorf("%q: %s, %v; want %s", c.in, app, err, c.want)
		}
	}
}
