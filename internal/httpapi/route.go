package httpapi

import "net/http"

// route is one call: a method, a path as net/http.ServeMux patterns have it, and what
// serves it.
type route struct {
	method string
	path   string
	serve  func(*exchange, *http.Request)
}

// table lists every route there is.
func (a *API) table() []route {
	routes := []route{
		{"POST", "/v1/sign-up/passkey/options", call(a, endpoint{optional: true}, a.beginSignUp)},
		{"POST", "/v1/sign-up/passkey", call(a, endpoint{limit: registrationLimit, status: http.StatusCreated}, a.finishSignUp)},
		{"POST", "/v1/sign-in/passkey/options", call(a, endpoint{optional: true}, a.beginSignIn)},
		{"POST", "/v1/sign-in/passkey", call(a, endpoint{}, a.finishSignIn)},
		{"POST", "/v1/enrolment/passkey/options", call(a, endpoint{}, a.beginEnrolment)},
		{"POST", "/v1/enrolment/passkey", call(a, endpoint{limit: registrationLimit, status: http.StatusCreated}, a.finishEnrolment)},
		{"POST", "/v1/sign-in/email", call(a, endpoint{status: http.StatusAccepted}, a.beginEmail)},
		{"POST", "/v1/sign-in/email/look", call(a, endpoint{}, a.seeEmail)},
		{"POST", "/v1/sign-in/email/finish", call(a, endpoint{}, a.finishEmail)},
		{"POST", "/v1/sign-in/email/code", call(a, endpoint{}, a.makeEmailCode)},
		{"POST", "/v1/sign-in/email/deny", call(a, endpoint{}, a.denyEmail)},
		{"POST", "/v1/recovery", call(a, endpoint{}, a.useRecoveryCode)},
		{"POST", "/v1/recovery/passkey/options", call(a, endpoint{}, a.beginRecovery)},
		{"POST", "/v1/recovery/passkey", call(a, endpoint{limit: registrationLimit, status: http.StatusCreated}, a.finishRecovery)},
		{"POST", "/v1/notices/look", call(a, endpoint{}, a.seeNotice)},
		{"POST", "/v1/notices/undo", call(a, endpoint{}, a.undoNotice)},
		{"POST", "/v1/step-up/passkey/options", call(a, endpoint{optional: true}, a.beginStepUp)},
		{"POST", "/v1/step-up/passkey", call(a, endpoint{}, a.finishStepUp)},
		{"POST", "/v1/sign-out", call(a, endpoint{optional: true}, a.endSession)},
		{"GET", "/v1/passkeys", get(a, a.listPasskeys)},
		{"POST", "/v1/passkeys/options", call(a, endpoint{optional: true}, a.beginBinding)},
		{"POST", "/v1/passkeys", call(a, endpoint{limit: registrationLimit, status: http.StatusCreated}, a.finishBinding)},
		{"GET", "/v1/passkeys/signal", get(a, a.signalPasskeys)},
		{"PATCH", "/v1/passkeys/{id}", call(a, endpoint{}, a.editPasskey)},
		{"DELETE", "/v1/passkeys/{id}", get(a, a.removePasskey)},
		{"GET", "/v1/account", get(a, a.getAccount)},
		{"PATCH", "/v1/account", call(a, endpoint{}, a.editAccount)},
		{"DELETE", "/v1/account", get(a, a.deleteAccount)},
		{"DELETE", "/v1/account/emails/{email}", get(a, a.removeEmail)},
		{"POST", "/v1/account/email/proof", call(a, endpoint{}, a.proveEmail)},
		{"GET", "/v1/account/recovery-codes", get(a, a.getRecoveryCodes)},
		{"POST", "/v1/account/recovery-codes", call(a, endpoint{optional: true, status: http.StatusCreated}, a.makeRecoveryCodes)},
		{"POST", "/v1/account/recovery-codes/confirm", call(a, endpoint{}, a.confirmRecoveryCode)},
		{"GET", "/v1/account/activity", get(a, a.listActivity)},
		{"GET", "/v1/account/sessions", get(a, a.listSessions)},
		{"DELETE", "/v1/account/sessions", get(a, a.endOthers)},
		{"DELETE", "/v1/account/sessions/{id}", get(a, a.endOther)},
		{"POST", "/v1/token", a.granting(a.renew)},
		{"POST", "/v1/token/revoke", a.granting(a.revoke)},

		{"GET", "/.well-known/jwks.json", a.keySet},
		{"GET", "/.well-known/openid-configuration", a.discovery},
		{"GET", "/.well-known/webauthn", a.wellKnown(a.relatedOrigins())},
		{"GET", "/.well-known/passkey-endpoints", a.wellKnown(a.passkeyEndpoints())},
		{"GET", "/.well-known/apple-app-site-association", a.wellKnown(a.appleApps())},
		{"GET", "/.well-known/assetlinks.json", a.wellKnown(a.androidApps())},
		{"GET", "/.well-known/security.txt", a.securityContact},
		{"GET", "/openapi.json", a.openapi},
		{"GET", "/healthz", a.healthz},
		{"GET", "/readyz", a.readyz},

		{"GET", "/{$}", a.home},
		{"GET", "/sign-in", a.servePage("sign-in")},
		{"GET", "/sign-up", a.servePage("sign-up")},
		{"GET", "/enrol", a.servePage("enrol")},
		{"GET", "/account", a.accountPage},
		{"GET", "/admin", a.adminPage},
		{"GET", "/link", a.servePage("link")},
		{"GET", "/confirm-email", a.servePage("confirm-email")},
		{"GET", "/undo", a.servePage("undo")},
		{"GET", "/recover", a.servePage("recover")},
		{"GET", "/assets/{name}", a.asset},
	}
	routes = append(routes, a.adminRoutes()...)
	if a.cfg.Development {
		routes = append(routes, a.devRoutes()...)
	}
	return routes
}
