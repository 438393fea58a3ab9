package keyturn

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/console"
	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/httpapi"
	"github.com/keyturn/keyturn/internal/limit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/seal"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/settings"
	"github.com/keyturn/keyturn/internal/ticket"
	"github.com/keyturn/keyturn/internal/token"
)

// door is the first door: the REST API.
const door = "rest"

// open opens the store and its keys, and checks that they belong together.
func (s *Server) open(ctx context.Context, cfg Config) (err error) {
	if err := s.firstKey(ctx); err != nil {
		return err
	}
	keys, err := s.keys()
	if err != nil {
		return err
	}
	fresh := cfg.Backend() == backendSQLite && absent(cfg.SQLitePath())
	backend, err := cfg.openStore(ctx)
	if err != nil {
		return fmt.Errorf("keyturn: open the store: %w", err)
	}
	s.store = s.counted(backend)
	if fresh {
		s.log.InfoContext(ctx, "made a new database", "path", cfg.SQLitePath())
	}
	if err := s.checkKeysKept(ctx); err != nil {
		return err
	}
	if err := s.unlock(ctx, keys); err != nil {
		return err
	}
	return s.keepRPID(ctx)
}

// outside are the keys that no store holds.
type outside struct {
	server seal.ServerKey
	kms    seal.KMS
}

// unlock opens the keys of the store, making them at the first start.
func (s *Server) unlock(ctx context.Context, keys outside) (err error) {
	s.vault, err = record.Open(ctx, record.Config{
		Store: s.store, Server: keys.server, KMS: keys.kms, Now: s.now, Rand: rand.Reader,
	})
	if err != nil {
		return fmt.Errorf("keyturn: open the keys: %w", err)
	}
	return s.checkRPID(ctx)
}

// checkKeysKept refuses a store that has accounts but neither keys nor markers: it
// would be founded anew, under keys that open none of them.
func (s *Server) checkKeysKept(ctx context.Context) error {
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("keyturn: read the keys: %w", err)
	}
	accounts, err := s.store.ListAccounts(ctx, nil, 1)
	if err != nil {
		return fmt.Errorf("keyturn: read the accounts: %w", err)
	}
	if len(keys) == 0 && len(accounts) > 0 {
		return errors.New("keyturn: the store has accounts but no keys; restore its keys from a backup")
	}
	return nil
}

// firstKey makes the file of the server key at the very first start with SQLite: when
// neither the file nor the database is there. A database without its key file is never
// given a new key, which could not open it.
func (s *Server) firstKey(ctx context.Context) error {
	path, ok := strings.CutPrefix(s.settings.KeysServer, "file:")
	if !ok || s.settings.Backend() != backendSQLite || !absent(path) || !absent(s.settings.SQLitePath()) {
		return nil
	}
	if err := seal.CreateServerKeyFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keyturn: make the server key: %w", err)
	}
	s.log.InfoContext(ctx, "made a server key: keep a copy of it away from the database", "path", path)
	return nil
}

// keys loads the server key and the KMS key.
func (s *Server) keys() (keys outside, err error) {
	if keys.server, err = seal.LoadServerKey(s.settings.KeysServer); err != nil {
		return keys, notLoaded("the server key", err)
	}
	if s.settings.KeysKMS == "" {
		keys.kms = seal.NoKMS(keys.server)
		return keys, nil
	}
	if keys.kms, err = seal.LoadKMS(s.settings.KeysKMS); err != nil {
		return keys, notLoaded("the KMS key", err)
	}
	return keys, nil
}

// notLoaded is why a key was not loaded. Who meets a store that several servers share for
// the first time is told what makes its keys, for no server does.
func notLoaded(key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keyturn: load %s: %w; bring it back from its copy, or make it before the first server starts: keyturn store create", key, err)
	}
	return fmt.Errorf("keyturn: load %s: %w", key, err)
}

func absent(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// build makes the heart and its door.
func (s *Server) build(ctx context.Context) error {
	set := s.settings
	tickets, err := ticket.New(ticket.Config{
		Keys: s.vault.TicketKeys(), Deployment: s.vault.Deployment(), Epoch: s.vault.Epoch(), Rand: rand.Reader,
	})
	if err != nil {
		return fmt.Errorf("keyturn: tickets: %w", err)
	}
	s.audit = audit.New(audit.Config{
		Vault: s.vault, Store: s.store, Log: s.log, Now: s.now, Failed: s.counts.Failed, Alarmed: s.counts.Alarmed,
	})
	office := mail.NewOffice(mail.OfficeConfig{Vault: s.vault, Now: s.now, Rand: rand.Reader})
	notices := office
	if !policy(set).Mail {
		notices = nil
	}
	sessions := session.New(session.Config{
		Store: s.store, Vault: s.vault, Audit: s.audit, Mail: notices,
		Profile: session.ProfileOf(set.SessionProfile), Now: s.now, Rand: rand.Reader,
	})
	s.accounts = account.New(account.Config{
		Store: s.store, Vault: s.vault, Tickets: tickets, Audit: s.audit, Mail: office, RPID: set.RPID,
		PublicURL: set.PublicURL, Policy: policy(set), Now: s.now, Rand: rand.Reader,
	})
	ceremonies, err := ceremony.New(ceremony.Config{
		RPID: set.RPID, RPName: set.RPName, Origins: set.Origins(),
		AllowList:          set.SignInAllowList == settings.On,
		TellUnknown:        set.SignInUnknown == settings.UnknownTold,
		PasskeysPerAccount: set.PasskeysPerAccount, Challenge: s.challenge,
		Store: s.store, Vault: s.vault, Tickets: tickets, Sessions: sessions, Accounts: s.accounts, Audit: s.audit,
		Mail: office,
		Failures: limit.NewFailures(limit.FailuresConfig{
			PerNetwork: set.FailuresPerNetwork, PerProcess: set.FailuresPerProcess, Now: s.now,
		}),
		Now: s.now, Rand: rand.Reader,
	})
	if err != nil {
		return fmt.Errorf("keyturn: ceremonies: %w", err)
	}
	s.tokens, err = token.New(ctx, token.Config{
		Door: door, Issuer: set.PublicURL, Audience: set.TokenAudience, Algorithm: set.TokenAlgorithm,
		Life:  tokenLife(set.SessionProfile),
		Store: s.store, Vault: s.vault, Sessions: sessions, Audit: s.audit, Now: s.now, Rand: rand.Reader,
	})
	if err != nil {
		return fmt.Errorf("keyturn: tokens: %w", err)
	}
	if err := s.mailing(ctx); err != nil {
		return err
	}
	s.Handler, err = s.rest(ceremonies, sessions)
	return err
}

// tokenLife is how long an access token lives under a session profile.
func tokenLife(profile string) time.Duration {
	if profile == settings.ProfileStandard {
		return 10 * time.Minute
	}
	return 5 * time.Minute
}

// rest makes the REST door.
func (s *Server) rest(ceremonies *ceremony.RelyingParty, sessions *session.Keeper) (*httpapi.API, error) {
	set := s.settings
	modes := make([]session.Mode, len(set.SessionModes))
	for i, mode := range set.SessionModes {
		modes[i] = session.Mode(mode)
	}
	pages, err := s.pages()
	if err != nil {
		return nil, err
	}
	cfg := httpapi.Config{
		PublicURL: set.URL(), Hosts: set.Hosts, Development: set.Development(), Modes: modes,
		CORSOrigins: set.CORSOrigins, TrustedProxies: set.TrustedProxies,
		RPID: set.RPID, RelatedOrigins: set.RPRelatedOrigins, SecurityContact: set.OperatorSecurityContact,
		Ceremonies: ceremonies, Accounts: s.accounts, Sessions: sessions, Tokens: s.tokens,
		Flood:   limit.NewFlood(limit.FloodConfig{Rate: set.FloodRate, Burst: set.FloodBurst, Now: s.now}),
		Mailbox: s.mailbox(), MailOwed: s.owed,
		Pages: pages, Ready: s.ready, Answered: s.answered, Log: s.log, Now: s.now, Rand: rand.Reader,
	}
	cfg.AppleApps, cfg.AndroidApps = associations(set.RPApps)
	api, err := httpapi.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("keyturn: REST: %w", err)
	}
	return api, nil
}

// associations are the native apps as the association files name them. The
// certificates of one Android app stand together.
func associations(apps []settings.App) (apple []string, android []httpapi.AndroidApp) {
	for _, app := range apps {
		if app.Platform == "apple" {
			apple = append(apple, app.ID)
			continue
		}
		i := slices.IndexFunc(android, func(a httpapi.AndroidApp) bool { return a.Package == app.ID })
		if i < 0 {
			i = len(android)
			android = append(android, httpapi.AndroidApp{Package: app.ID})
		}
		android[i].Digests = append(android[i].Digests, fingerprint(app.Certificate))
	}
	return apple, android
}

// fingerprint is a digest as assetlinks.json has it: hex in upper case, with colons.
func fingerprint(digest []byte) string {
	pairs := make([]string, len(digest))
	for i, b := range digest {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// pages makes the pages that people see, as the operator wants them.
func (s *Server) pages() (map[string][]byte, error) {
	set := s.settings
	operator := console.Operator{
		Name: s.operatorName(), SignUp: set.SignUp, EmailLinks: policy(set).AsksForLinks(), Mail: set.Mail != "", Accent: set.OperatorAccent,
		Links: console.Links{Terms: set.OperatorTerms, Privacy: set.OperatorPrivacy, Support: set.OperatorSupport},
	}
	if set.OperatorLogo != "" {
		logo, err := os.ReadFile(set.OperatorLogo)
		if err != nil {
			return nil, fmt.Errorf("keyturn: operator.logo: %w", err)
		}
		operator.Logo = logo
	}
	if set.OperatorWording != "" {
		operator.Wording = os.DirFS(set.OperatorWording)
	}
	pages, err := console.Pages(operator)
	if err != nil {
		return nil, fmt.Errorf("keyturn: operator: %w", err)
	}
	return pages, nil
}
