package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/session"
)

const (
	// documentCache is how long a well-known document may be kept.
	documentCache = "public, max-age=3600"
	// keysCache is shorter: a signing key is shown ten minutes before it is used.
	keysCache = "public, max-age=300"
	// contactLife is how long security.txt says it holds; it is made anew at each
	// request (RFC 9116 §2.5.5 recommends less than a year).
	contactLife = 180 * 24 * time.Hour
)

// wellKnown serves a document that is the same for everybody. nil is one that is not
// configured, and so not there.
func (a *API) wellKnown(document any) func(*exchange, *http.Request) {
	if document == nil {
		return func(x *exchange, _ *http.Request) { a.fail(x, refused(codeNotFound)) }
	}
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // lists and strings always marshal
	}
	body = append(body, '\n')
	return func(x *exchange, _ *http.Request) {
		x.Header().Set("Cache-Control", documentCache)
		write(x, http.StatusOK, "application/json", body)
	}
}

func (a *API) keySet(x *exchange, r *http.Request) {
	body, err := a.cfg.Tokens.JWKS(r.Context())
	if err != nil {
		a.fail(x, unavailable(err))
		return
	}
	x.Header().Set("Cache-Control", keysCache)
	write(x, http.StatusOK, "application/json", body)
}

// discovery tells what there is (OpenID Connect Discovery 1.0 §3, RFC 8414 §2), and
// nothing that is not there yet. The algorithms are those of the keys that are shown.
func (a *API) discovery(x *exchange, r *http.Request) {
	var set struct {
		Keys []struct {
			Algorithm string `json:"alg"`
		} `json:"keys"`
	}
	body, err := a.cfg.Tokens.JWKS(r.Context())
	if err == nil {
		err = json.Unmarshal(body, &set)
	}
	if err != nil {
		a.fail(x, unavailable(err))
		return
	}
	algorithms := []string{}
	for _, key := range set.Keys {
		algorithms = append(algorithms, key.Algorithm)
	}
	slices.Sort(algorithms)
	x.Header().Set("Cache-Control", keysCache)
	reply(x, http.StatusOK, a.metadata(slices.Compact(algorithms)))
}

// metadata is the document of discovery. What has no elements is left out (RFC 8414
// §3.2); there is no authorization endpoint, so no response type either.
type metadata struct {
	Issuer            string   `json:"issuer"`
	Keys              string   `json:"jwks_uri"`
	Token             string   `json:"token_endpoint,omitempty"`
	Revocation        string   `json:"revocation_endpoint,omitempty"`
	Grants            []string `json:"grant_types_supported,omitempty"`
	ClientAuth        []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	RevocationAuth    []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	Scopes            []string `json:"scopes_supported,omitempty"`
	Subjects          []string `json:"subject_types_supported"`
	ContextClasses    []string `json:"acr_values_supported"`
	IDTokenAlgorithms []string `json:"id_token_signing_alg_values_supported,omitempty"`
}

func (a *API) metadata(algorithms []string) metadata {
	m := metadata{
		Issuer: a.origins.own, Keys: a.origins.own + "/.well-known/jwks.json",
		Subjects: []string{"public"}, ContextClasses: []string{"phr", "0"}, IDTokenAlgorithms: algorithms,
	}
	if slices.Contains(a.cfg.Modes, session.ModeToken) {
		m.Token, m.Revocation = a.origins.own+"/v1/token", a.origins.own+"/v1/token/revoke"
		m.Grants, m.Scopes = []string{refreshGrant}, []string{"openid"}
		m.ClientAuth, m.RevocationAuth = []string{"none"}, []string{"none"}
	}
	return m
}

// relatedOrigins are the other origins that may use passkeys of our RP ID
// (WebAuthn §5.11).
func (a *API) relatedOrigins() any {
	if len(a.cfg.RelatedOrigins) == 0 {
		return nil
	}
	return struct {
		Origins []string `json:"origins"`
	}{a.cfg.RelatedOrigins}
}

// passkeyEndpoints tells password managers where passkeys are looked after.
func (a *API) passkeyEndpoints() any {
	return struct {
		Manage string `json:"manage"`
	}{a.origins.own + "/account"}
}

func (a *API) appleApps() any {
	if len(a.cfg.AppleApps) == 0 {
		return nil
	}
	type credentials struct {
		Apps []string `json:"apps"`
	}
	return struct {
		Credentials credentials `json:"webcredentials"`
	}{credentials{a.cfg.AppleApps}}
}

func (a *API) androidApps() any {
	type target struct {
		Namespace string   `json:"namespace"`
		Package   string   `json:"package_name"`
		Digests   []string `json:"sha256_cert_fingerprints"`
	}
	type statement struct {
		Relation []string `json:"relation"`
		Target   target   `json:"target"`
	}
	var statements []statement
	for _, app := range a.cfg.AndroidApps {
		statements = append(statements, statement{
			Relation: []string{"delegate_permission/common.handle_all_urls", "delegate_permission/common.get_login_creds"},
			Target:   target{"android_app", app.Package, app.Digests},
		})
	}
	if statements == nil {
		return nil
	}
	return statements
}

// securityContact is security.txt (RFC 9116).
func (a *API) securityContact(x *exchange, _ *http.Request) {
	if a.cfg.SecurityContact == "" {
		a.fail(x, refused(codeNotFound))
		return
	}
	lines := []string{
		"Contact: " + a.cfg.SecurityContact,
		"Expires: " + moment(a.cfg.Now().Add(contactLife)),
		"Canonical: " + a.origins.own + "/.well-known/security.txt",
		"",
	}
	x.Header().Set("Cache-Control", documentCache)
	write(x, http.StatusOK, "text/plain; charset=utf-8", []byte(strings.Join(lines, "\n")))
}
