package settings

import (
	"net/netip"
	"strings"
)

// Setting is one row of the table.
type Setting struct {
	Name    string // as in the file: "rp.related_origins"
	Default string // what holds when nothing is set; a description where it depends on others
	Meaning string
	Secret  bool // never a flag, never shown

	field
	masked func(string) string   // what is shown of a value that may hold a password; nil: all
	derive func(Settings) string // the default, where it depends on others; "" for none
}

// Environment is the variable's name: KEYTURN_RP_RELATED_ORIGINS.
func (s Setting) Environment() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.Name, ".", "_"))
}

// Flag is the flag's name without dashes: rp-related-origins; "" for a secret.
func (s Setting) Flag() string {
	if s.Secret {
		return ""
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.Name)
}

// Table is every setting, in the order of documentation.
func Table() []Setting { return table() }

// table is the table. What it defaults stands in the order in which defaults build
// on one another.
func table() []Setting {
	var rows []Setting
	rows = append(rows, serverRows()...)
	rows = append(rows, relyingPartyRows()...)
	rows = append(rows, policyRows()...)
	rows = append(rows, mailRows()...)
	rows = append(rows, operatorRows()...)
	return append(rows, operationRows()...)
}

func none(Settings) string { return "" }

func serverRows() []Setting {
	return []Setting{
		{
			Name: "listen", Default: "127.0.0.1:8080", derive: none,
			Meaning: "address and port to listen on",
			field:   text(func(s *Settings) *string { return &s.Listen }, checkListen),
		},
		{
			Name: "hosts", Meaning: "further Host values to answer to, such as a gateway's",
			field: texts(func(s *Settings) *[]string { return &s.Hosts }, checkHost),
		},
		{
			Name: "public_url", Default: "http://localhost:8080", derive: none,
			Meaning: "the address people use: issuer of tokens and base of every link",
			field:   text(func(s *Settings) *string { return &s.PublicURL }, checkPublicURL),
		},
		{
			Name: "data_dir", Default: "./keyturn-data",
			Meaning: "folder for the database",
			field:   text(func(s *Settings) *string { return &s.DataDir }, checkText),
		},
		{
			Name: "store", Default: "sqlite:",
			Meaning: "where data is kept: sqlite:PATH, by default keyturn.db in data_dir; postgres://…; dynamodb://TABLE?region=…",
			masked:  maskURL,
			field:   text(func(s *Settings) *string { return &s.Store }, checkStore),
		},
		{
			Name: "store.migrate", Default: MigrateAuto,
			Meaning: "when the schema is brought up to date: auto, at start; manual, by keyturn store migrate",
			field:   choice(func(s *Settings) *string { return &s.StoreMigrate }, MigrateAuto, MigrateManual),
		},
		{
			Name: "keys.server", Default: "file:./keyturn-keys/server.key with SQLite, else it must be set",
			Meaning: "the server key: file:PATH or env:NAME",
			derive: func(s Settings) string {
				if s.Backend() == "sqlite" {
					return "file:./keyturn-keys/server.key"
				}
				return ""
			},
			field: text(func(s *Settings) *string { return &s.KeysServer }, checkServerKey),
		},
		{
			Name: "keys.kms", Meaning: "the key that wraps the data root: file:PATH; it must be set but with SQLite",
			field: text(func(s *Settings) *string { return &s.KeysKMS }, checkKMS),
		},
	}
}

func relyingPartyRows() []Setting {
	return []Setting{
		{
			Name: "rp.id", Default: "host of public_url",
			Meaning: "the domain that passkeys are made for; it can never change",
			derive:  Settings.hostname,
			field:   text(func(s *Settings) *string { return &s.RPID }, checkRPID),
		},
		{
			Name: "rp.name", Default: "operator.name, or rp.id",
			Meaning: "the name that authenticators show",
			derive: func(s Settings) string {
				if s.OperatorName != "" && checkName(s.OperatorName) == nil {
					return s.OperatorName
				}
				return s.RPID
			},
			field: text(func(s *Settings) *string { return &s.RPName }, checkName),
		},
		{
			Name: "rp.origins", Default: "public_url",
			Meaning: "origins that may run ceremonies, byte for byte as browsers send them",
			derive:  Settings.origin,
			field:   texts(func(s *Settings) *[]string { return &s.RPOrigins }, checkOrigin),
		},
		{
			Name: "rp.related_origins", Meaning: "origins on other domains that share the passkeys; at most five names",
			field: texts(func(s *Settings) *[]string { return &s.RPRelatedOrigins }, checkOrigin),
		},
		{
			Name: "rp.apps", Meaning: "native apps: apple:TEAMID.bundle, android:package/SHA-256 of the certificate",
			field: apps(func(s *Settings) *[]App { return &s.RPApps }),
		},
	}
}

func policyRows() []Setting {
	return []Setting{
		{
			Name: "sign_up", Default: "open in development, else it must be set",
			Meaning: "who may open an account: open, email (address first), invite or closed",
			derive: func(s Settings) string {
				if s.Development() {
					return SignUpOpen
				}
				return ""
			},
			field: choice(func(s *Settings) *string { return &s.SignUp }, SignUpOpen, SignUpEmail, SignUpInvite, SignUpClosed),
		},
		{
			Name: "sign_in.allow_list", Default: On,
			Meaning: "on: sign-in by username lists passkeys, with decoys; off: discoverable passkeys only",
			field:   choice(func(s *Settings) *string { return &s.SignInAllowList }, On, Off),
		},
		{
			Name: "sign_in.unknown", Default: UnknownHidden,
			Meaning: "hidden: an unknown name is answered like a known one; told: 404",
			field:   choice(func(s *Settings) *string { return &s.SignInUnknown }, UnknownHidden, UnknownTold),
		},
		{
			Name: "links", Default: LinksWithoutPasskey,
			Meaning: "when a mailed link signs in: without_passkey, always or never",
			field:   choice(func(s *Settings) *string { return &s.Links }, LinksWithoutPasskey, LinksAlways, LinksNever),
		},
		{
			Name: "session.profile", Default: ProfileStandard,
			Meaning: "how strict sessions are: standard, aal2 or aal3",
			field:   choice(func(s *Settings) *string { return &s.SessionProfile }, ProfileStandard, ProfileAAL2, ProfileAAL3),
		},
		{
			Name: "session.modes", Default: "cookie,token",
			Meaning: "how a session may be carried: cookie, token",
			field:   texts(func(s *Settings) *[]string { return &s.SessionModes }, checkMode),
		},
		{
			Name: "attestation", Default: "none",
			Meaning: "what is asked of an authenticator's origin: none",
			field: chosen(func(s *Settings) *string { return &s.Attestation }, map[string]string{
				"prefer":  "it judges no attestation; choose none",
				"require": "it judges no attestation; choose none",
			}, "none"),
		},
		{
			Name: "limits.passkeys_per_account", Default: "20",
			Meaning: "how many passkeys one account may hold",
			field:   number(func(s *Settings) *int { return &s.PasskeysPerAccount }, 1, 200),
		},
	}
}

func operatorRows() []Setting {
	return []Setting{
		{
			Name: "operator.name", Default: "rp.name",
			Meaning: "who runs this, as the pages say it",
			derive: func(s Settings) string {
				if checkName(s.RPName) != nil {
					return ""
				}
				return s.RPName
			},
			field: text(func(s *Settings) *string { return &s.OperatorName }, checkName),
		},
		{
			Name: "operator.security_contact", Meaning: "whom to tell about a weakness (security.txt): mailto: or https:",
			field: text(func(s *Settings) *string { return &s.OperatorSecurityContact }, checkContact),
		},
		{
			Name: "operator.logo", Meaning: "picture shown on the pages: path of an SVG, PNG, JPEG or WebP file",
			field: text(func(s *Settings) *string { return &s.OperatorLogo }, checkText),
		},
		{
			Name: "operator.accent", Meaning: "colour of buttons and links on the pages: #rrggbb; any stays readable",
			field: text(func(s *Settings) *string { return &s.OperatorAccent }, checkAccent),
		},
		{
			Name: "operator.links.terms", Meaning: "the terms that the pages link to: an https address",
			field: text(func(s *Settings) *string { return &s.OperatorTerms }, checkLink),
		},
		{
			Name: "operator.links.privacy", Meaning: "the privacy notice that the pages link to: an https address",
			field: text(func(s *Settings) *string { return &s.OperatorPrivacy }, checkLink),
		},
		{
			Name: "operator.links.support", Meaning: "where the pages send people for help: mailto: or https:",
			field: text(func(s *Settings) *string { return &s.OperatorSupport }, checkContact),
		},
		{
			Name: "operator.wording", Meaning: "folder of files such as en.json with other sentences for the pages",
			field: text(func(s *Settings) *string { return &s.OperatorWording }, checkText),
		},
	}
}

func operationRows() []Setting {
	return []Setting{
		{
			Name: "token.audience", Default: "public_url",
			Meaning: "aud of access tokens",
			derive:  Settings.origin,
			field:   text(func(s *Settings) *string { return &s.TokenAudience }, checkAudience),
		},
		{
			Name: "token.algorithm", Default: "ES256",
			Meaning: "how tokens are signed: ES256, EdDSA",
			field: chosen(func(s *Settings) *string { return &s.TokenAlgorithm }, map[string]string{
				"RS256": "choose ES256 or EdDSA",
			}, "ES256", "EdDSA"),
		},
		{
			Name: "limits.failures.network", Default: "30",
			Meaning: "failed ceremonies a minute that one network may cause",
			field:   number(func(s *Settings) *int { return &s.FailuresPerNetwork }, 1, 1_000_000),
		},
		{
			Name: "limits.failures.process", Default: "3000",
			Meaning: "failed ceremonies a minute that all networks together may cause",
			field:   number(func(s *Settings) *int { return &s.FailuresPerProcess }, 1, 10_000_000),
		},
		{
			Name: "limits.flood.rate", Default: "20",
			Meaning: "requests a second that one network may go on making",
			field:   decimal(func(s *Settings) *float64 { return &s.FloodRate }, 0.01, 1_000_000),
		},
		{
			Name: "limits.flood.burst", Default: "200",
			Meaning: "requests that one network may make at once",
			field:   number(func(s *Settings) *int { return &s.FloodBurst }, 1, 1_000_000),
		},
		{
			Name: "cors.origins", Meaning: "foreign origins whose pages may call the API with tokens",
			field: texts(func(s *Settings) *[]string { return &s.CORSOrigins }, checkOrigin),
		},
		{
			Name: "trusted_proxies", Meaning: "networks whose X-Forwarded-For is believed",
			field: prefixes(func(s *Settings) *[]netip.Prefix { return &s.TrustedProxies }, checkProxy),
		},
		{
			Name: "metrics.listen", Meaning: "where /metrics and /status are, for operators: address:port of loopback, or unix:PATH",
			field: text(func(s *Settings) *string { return &s.MetricsListen }, checkMetricsListen),
		},
		{
			Name: "log.level", Default: "info",
			Meaning: "least serious entry that is logged: debug, info, warn or error",
			field:   choice(func(s *Settings) *string { return &s.LogLevel }, "debug", "info", "warn", "error"),
		},
		{
			Name: "log.format", Default: "text",
			Meaning: "text or json",
			field:   choice(func(s *Settings) *string { return &s.LogFormat }, "text", "json"),
		},
	}
}
