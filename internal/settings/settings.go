// Package settings says what an operator can set, and refuses what cannot be run
// safely.
//
// It owns one table: every setting with its name, environment variable, flag,
// default, meaning and check. It reads the three sources, completes what was left
// out, and reports every fault at once, each in one sentence that says what to do.
// It hides how names are spelled in each source. It never opens a key, a store or a
// listener, and never guesses: a name it does not know is a fault.
package settings

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Closed values of settings, as they are written.
const (
	SignUpOpen   = "open"   // anybody may open an account
	SignUpEmail  = "email"  // whoever has proved an e-mail address first
	SignUpInvite = "invite" // whoever was invited
	SignUpClosed = "closed" // only an operator opens accounts

	LinksWithoutPasskey = "without_passkey" // a link signs in only while an account has no authenticator
	LinksAlways         = "always"
	LinksNever          = "never"

	MigrateAuto   = "auto"   // the schema is brought up to date at start
	MigrateManual = "manual" // by a command, and a start with an old one is refused

	MailPage = "page:" // mails are shown on a local page; development only

	UnknownHidden = "hidden" // an unknown name is answered like a known one
	UnknownTold   = "told"   // an unknown name is answered 404

	ProfileStandard = "standard"
	ProfileAAL2     = "aal2"
	ProfileAAL3     = "aal3"

	On  = "on"
	Off = "off"
)

// Settings is everything that can be set, typed. The zero value is production with
// nothing decided, and Complete refuses it; a zero field means the default, never
// "unlimited" or "anything".
type Settings struct {
	Listen    string   // address:port; empty when somebody else listens (an embedded handler)
	Hosts     []string // further Host values that are ours
	PublicURL string   // an origin: issuer and base of every link
	DataDir   string

	Store        string // sqlite:PATH, postgres://…, dynamodb://TABLE; sqlite: without a path is keyturn.db in DataDir
	StoreMigrate string // MigrateAuto, MigrateManual

	RPID             string
	RPName           string
	RPOrigins        []string
	RPRelatedOrigins []string
	RPApps           []App

	SignUp          string // SignUpOpen, SignUpEmail, SignUpInvite, SignUpClosed
	SignInAllowList string // On, Off
	SignInUnknown   string // UnknownHidden, UnknownTold
	Links           string // LinksWithoutPasskey, LinksAlways, LinksNever; without Mail and beside a strict SessionProfile it signs nobody in

	KeysServer string // file:PATH or env:NAME
	KeysKMS    string // file:PATH, or empty

	Mail          string // page:, smtp://…, smtps://…, ses://REGION; empty: no mail is sent. A secret
	MailFrom      string // an address, with or without a name
	MailTemplates string // folder of LANGUAGE/KIND.txt and .html, or empty

	RecoveryHold      string // a duration; see Hold
	NoticesNewBrowser string // On, Off

	SessionProfile string   // ProfileStandard, ProfileAAL2, ProfileAAL3
	SessionModes   []string // of "cookie", "token"
	Attestation    string   // "none"

	OperatorName            string
	OperatorSecurityContact string // mailto: or https:, or empty
	OperatorLogo            string // path of a picture, or empty
	OperatorAccent          string // #rrggbb, or empty
	OperatorTerms           string // https:, or empty
	OperatorPrivacy         string // https:, or empty
	OperatorSupport         string // mailto: or https:, or empty
	OperatorWording         string // folder of LANGUAGE.json, or empty

	TokenAudience  string
	TokenAlgorithm string // "ES256", "EdDSA"

	FailuresPerNetwork int     // a minute
	FailuresPerProcess int     // a minute
	FloodRate          float64 // requests a second, per network
	FloodBurst         int     // requests at once, per network
	PasskeysPerAccount int
	MailRate           float64 // mails a second, per process

	CORSOrigins    []string
	TrustedProxies []netip.Prefix

	// MetricsListen is where the operators' listener is: address:port of loopback, or
	// unix:PATH; empty: there is none.
	MetricsListen string

	LogLevel  string // "debug", "info", "warn", "error"
	LogFormat string // "text", "json"
}

// Development tells whether this is one person's machine. It is a fact, not a
// switch: the public URL is http://localhost, with or without a port, and the
// listener is bound to loopback. Only then do conveniences exist that would be holes
// elsewhere.
func (s Settings) Development() bool {
	u, err := url.Parse(s.PublicURL)
	return err == nil && u.Scheme == "http" && u.Hostname() == "localhost" && loopback(s.Listen)
}

// loopback tells whether a listener on this address can be reached from this machine
// alone. The empty address is no listener of ours, and so not known to be.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// URL is PublicURL, parsed; nil when it is not a URL.
func (s Settings) URL() *url.URL {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return nil
	}
	return u
}

// Origins is every origin that a ceremony may come from: those of the relying party,
// the related ones, and the Android apps.
func (s Settings) Origins() []string {
	all := make([]string, 0, len(s.RPOrigins)+len(s.RPRelatedOrigins)+len(s.RPApps))
	seen := make(map[string]bool)
	add := func(origin string) {
		if origin != "" && !seen[origin] {
			seen[origin] = true
			all = append(all, origin)
		}
	}
	for _, origin := range s.RPOrigins {
		add(origin)
	}
	for _, origin := range s.RPRelatedOrigins {
		add(origin)
	}
	for _, app := range s.RPApps {
		add(app.Origin())
	}
	return all
}

// Backend is the scheme of Store: "sqlite", "postgres" or "dynamodb".
func (s Settings) Backend() string {
	scheme, _, _ := strings.Cut(s.Store, ":")
	return scheme
}

// Hold is how long a passkey that a recovery made cannot sign in yet, where another
// way in could still object. What cannot be read is the longest.
func (s Settings) Hold() time.Duration {
	hold, err := time.ParseDuration(s.RecoveryHold)
	if err != nil {
		return maxHold
	}
	return hold
}

// SQLitePath is the database file that Store names.
func (s Settings) SQLitePath() string {
	if path := strings.TrimPrefix(s.Store, "sqlite:"); path != "" {
		return path
	}
	return filepath.Join(s.DataDir, "keyturn.db")
}

// Complete fills in what was left out and checks everything. The error is Faults,
// all of them. Completing what is complete changes nothing.
func (s Settings) Complete() (Settings, error) {
	rows := table()
	for _, row := range rows {
		if row.show(s) != "" {
			continue
		}
		text := row.Default
		if row.derive != nil {
			text = row.derive(s)
		}
		if text == "" {
			continue
		}
		if err := row.parse(&s, split(row, text)); err != nil {
			return s, Faults{{Setting: row.Name, Sentence: err.Error()}}
		}
	}
	var faults Faults
	for _, row := range rows {
		if row.show(s) == "" {
			continue
		}
		if err := row.check(s); err != nil {
			faults = append(faults, Fault{Setting: row.Name, Sentence: err.Error()})
		}
	}
	faults = append(faults, s.refusals(faults)...)
	return s, faults.err()
}
