package httpapi

import (
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/session"
	"github.com/keyturn/keyturn/internal/token"
)

// tokenAnswer is RFC 6749 §5.1 with what it is about. Cookie mode leaves out the
// first six.
type tokenAnswer struct {
	AccessToken  string         `json:"access_token,omitempty"`
	TokenType    string         `json:"token_type,omitempty"`
	ExpiresIn    int            `json:"expires_in,omitempty"` // seconds
	RefreshToken string         `json:"refresh_token,omitempty"`
	Scope        string         `json:"scope,omitempty"`
	IDToken      string         `json:"id_token,omitempty"`
	Session      sessionAnswer  `json:"session"`
	Account      accountAnswer  `json:"account"`
	Passkey      *passkeyAnswer `json:"passkey,omitempty"`
}

// carry puts in what the client carries in token mode.
func (t *tokenAnswer) carry(issued token.Answer) {
	t.AccessToken, t.TokenType = issued.AccessToken, issued.TokenType
	t.ExpiresIn, t.Scope = issued.ExpiresIn, issued.Scope
	t.RefreshToken, t.IDToken = issued.RefreshToken, issued.IDToken
}

type sessionAnswer struct {
	ID        string   `json:"id"`
	AAL       int      `json:"aal"`
	ACR       string   `json:"acr"`
	AMR       []string `json:"amr"`
	AuthTime  string   `json:"auth_time"`
	ExpiresAt string   `json:"expires_at"`
	Binding   string   `json:"binding,omitempty"`   // what the person approved, base64url
	Challenge string   `json:"challenge,omitempty"` // the team's own bytes under the signature, base64url
}

func newSessionAnswer(v session.View) sessionAnswer {
	return sessionAnswer{
		ID: v.ID.String(), AAL: v.AAL, ACR: v.ACR, AMR: list(v.AMR),
		AuthTime: moment(v.AuthTime), ExpiresAt: moment(v.ExpiresAt),
	}
}

type sessionsAnswer struct {
	Sessions   []listedSession `json:"sessions"`
	NextCursor string          `json:"next_cursor,omitempty"`
}

// listedSession is a session in its person's list.
type listedSession struct {
	sessionAnswer
	Mode        string `json:"mode"`
	CreatedAt   string `json:"created_at"`
	LastSeenAt  string `json:"last_seen_at"`
	UserAgent   string `json:"user_agent,omitempty"`
	ThisSession bool   `json:"this_session"`
}

func newListedSession(l session.Listed) listedSession {
	return listedSession{
		sessionAnswer: newSessionAnswer(l.View), Mode: string(l.Mode),
		CreatedAt: moment(l.Created), LastSeenAt: moment(l.LastSeen), UserAgent: l.UserAgent, ThisSession: l.Current,
	}
}

type accountAnswer struct {
	ID           string `json:"id"`
	Username     string `json:"username,omitempty"`
	Email        string `json:"email,omitempty"`
	PendingEmail string `json:"pending_email,omitempty"`
	DisplayName  string `json:"display_name,omitempty"`
}

func newAccountAnswer(p session.Person) accountAnswer {
	return accountAnswer{
		ID: p.ID.String(), Username: p.Username, Email: p.Email, PendingEmail: p.PendingEmail, DisplayName: p.DisplayName,
	}
}

// profileAnswer is the account as calls about the account tell of it.
type profileAnswer struct {
	accountAnswer
	Emails []string `json:"emails,omitempty"` // proved, the newest first
	Role   string   `json:"role,omitempty"`   // absent: a member
}

func newProfileAnswer(p session.Person) profileAnswer {
	out := profileAnswer{accountAnswer: newAccountAnswer(p), Emails: p.Emails}
	if p.Role != "member" {
		out.Role = p.Role
	}
	return out
}

type passkeysAnswer struct {
	Passkeys []passkeyAnswer `json:"passkeys"`
}

type passkeyAnswer struct {
	ID             string      `json:"id"`
	CredentialID   string      `json:"credential_id"`
	Name           string      `json:"name"`
	CreatedAt      string      `json:"created_at"`
	LastUsedAt     string      `json:"last_used_at,omitempty"`
	TimesUsed      uint64      `json:"times_used"`
	Transports     []string    `json:"transports"`
	AAGUID         string      `json:"aaguid"`
	BackupEligible bool        `json:"backup_eligible"`
	BackedUp       bool        `json:"backed_up"`
	UserVerified   bool        `json:"user_verified"`
	Suspended      bool        `json:"suspended"`
	HeldUntil      string      `json:"held_until,omitempty"`
	RPID           string      `json:"rp_id"`
	Attestation    attestation `json:"attestation"`
	ThisSession    bool        `json:"this_session"`
}

// signalAnswer is what a page passes to the Signal API (WebAuthn §5.1.10).
type signalAnswer struct {
	RPID        string   `json:"rp_id"`
	UserHandle  string   `json:"user_handle"`
	Accepted    []string `json:"accepted_credential_ids"`
	Name        string   `json:"name"`
	DisplayName string   `json:"display_name"`
}

func newSignalAnswer(s account.Signal) signalAnswer {
	out := signalAnswer{
		RPID: s.RPID, UserHandle: base64.RawURLEncoding.EncodeToString(s.UserHandle), Accepted: []string{},
		Name: s.Name, DisplayName: s.DisplayName,
	}
	for _, id := range s.Accepted {
		out.Accepted = append(out.Accepted, base64.RawURLEncoding.EncodeToString(id))
	}
	return out
}

type attestation struct {
	Format string `json:"format"`
	Trust  string `json:"trust"`
}

func newPasskeyAnswer(p account.Passkey) passkeyAnswer {
	return passkeyAnswer{
		ID: p.ID.String(), CredentialID: base64.RawURLEncoding.EncodeToString(p.CredentialID), Name: p.Name,
		CreatedAt: moment(p.Created), LastUsedAt: moment(p.LastUsed), TimesUsed: p.TimesUsed,
		Transports: list(p.Transports), AAGUID: uuid.UUID(p.AAGUID).String(),
		BackupEligible: p.BackupEligible, BackedUp: p.BackedUp, UserVerified: p.UserVerified, Suspended: p.Suspended,
		HeldUntil: moment(p.HeldUntil),
		RPID:      p.RPID, Attestation: attestation{Format: p.Format, Trust: p.Trust}, ThisSession: p.ThisSession,
	}
}

// moment is RFC 3339 in UTC, to the second; never is empty, and then left out.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// list is an array on the wire even when there is nothing in it.
func list(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}
