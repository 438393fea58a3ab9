package e2e

import (
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// authenticator is a virtual authenticator of a browser.
type authenticator struct {
	b  *browser
	id webauthn.AuthenticatorID
}

// builtIn is a phone or laptop with a screen lock, whose passkeys are synced.
func builtIn() webauthn.VirtualAuthenticatorOptions {
	return webauthn.VirtualAuthenticatorOptions{
		Protocol:                    webauthn.AuthenticatorProtocolCtap2,
		Ctap2version:                webauthn.Ctap2versionCtap21,
		Transport:                   webauthn.AuthenticatorTransportInternal,
		HasResidentKey:              true,
		HasUserVerification:         true,
		IsUserVerified:              true,
		AutomaticPresenceSimulation: true,
		DefaultBackupEligibility:    true,
		DefaultBackupState:          true,
	}
}

// securityKey is a USB key with a PIN and a counter. It keeps nothing that could be
// discovered, so a person says first who they are.
func securityKey() webauthn.VirtualAuthenticatorOptions {
	return webauthn.VirtualAuthenticatorOptions{
		Protocol:                    webauthn.AuthenticatorProtocolCtap2,
		Ctap2version:                webauthn.Ctap2versionCtap21,
		Transport:                   webauthn.AuthenticatorTransportUsb,
		HasUserVerification:         true,
		IsUserVerified:              true,
		AutomaticPresenceSimulation: true,
	}
}

// plugIn gives the browser an authenticator.
func (b *browser) plugIn(model webauthn.VirtualAuthenticatorOptions) *authenticator {
	b.t.Helper()
	command(b, webauthn.Enable, webauthn.EnableParams{})
	added := command(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &model})
	return &authenticator{b: b, id: added.AuthenticatorID}
}

// unplug takes the authenticator away.
func (a *authenticator) unplug() {
	a.b.t.Helper()
	command(a.b, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id})
}

// touch says whether the person touches the authenticator when asked to.
func (a *authenticator) touch(on bool) {
	a.b.t.Helper()
	command(a.b, webauthn.SetAutomaticPresenceSimulation,
		webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: on})
}

// verifyUser says whether PIN, finger or face are recognised.
func (a *authenticator) verifyUser(on bool) {
	a.b.t.Helper()
	command(a.b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: on})
}

// override breaks the answers from here on.
func (a *authenticator) override(fault webauthn.SetResponseOverrideBitsParams) {
	a.b.t.Helper()
	fault.AuthenticatorID = a.id
	command(a.b, webauthn.SetResponseOverrideBits, fault)
}

// credential reads the only credential, private key included.
func (a *authenticator) credential() *webauthn.Credential {
	a.b.t.Helper()
	all := command(a.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
	if len(all) != 1 {
		a.b.t.Fatalf("%d credentials, want 1", len(all))
	}
	return all[0]
}

// insert puts a credential in, as someone who copied it would.
func (a *authenticator) insert(c *webauthn.Credential) {
	a.b.t.Helper()
	command(a.b, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: a.id})
	command(a.b, addCredential, addCredentialParams{AuthenticatorID: a.id, Credential: credential{
		CredentialID: c.CredentialID, IsResidentCredential: c.IsResidentCredential, RPID: c.RpID,
		PrivateKey: c.PrivateKey, UserHandle: c.UserHandle, SignCount: c.SignCount,
		BackupEligibility: c.BackupEligibility, BackupState: c.BackupState,
	}})
}

// addCredential is the protocol's command without the members that the generated
// one always sends and a browser refuses for a feature that the authenticator has
// not got, whatever their value.
var addCredential = cdp.Command[addCredentialParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

type addCredentialParams struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      credential               `json:"credential"`
}

type credential struct {
	CredentialID         []byte  `json:"credentialId"`
	IsResidentCredential bool    `json:"isResidentCredential"`
	RPID                 string  `json:"rpId"`
	PrivateKey           []byte  `json:"privateKey"`
	UserHandle           []byte  `json:"userHandle,omitempty"`
	SignCount            float64 `json:"signCount"`
	BackupEligibility    bool    `json:"backupEligibility"`
	BackupState          bool    `json:"backupState"`
}

// command sends a command of the DevTools protocol to the tab.
func command[P, R any](b *browser, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.t.Fatalf("%s: %v", c.Method, err)
	}
	return result
}
