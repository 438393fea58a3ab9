package metrics

// verb is a verb of the store, as a label says it.
type verb int

// The verbs, in the order of package store.
const (
	verbRecordSignUp verb = iota
	verbRecordSignIn
	verbRecordRegression
	verbRecordBinding
	verbRecordLink
	verbSpend
	verbCredentialAndAccount
	verbSessionAndAccount
	verbAccount
	verbIdentifier
	verbCredentials
	verbRecordStanding
	verbRecordUnbinding
	verbRenameCredential
	verbDeleteAccount
	verbReplaceAccount
	verbListAccounts
	verbTouchSession
	verbReplaceSession
	verbSessionsOf
	verbPutTicket
	verbTicket
	verbListTickets
	verbRevokeTicket
	verbHit
	verbTakeMails
	verbSettleMail
	verbPostponeMail
	verbPutKeys
	verbReplaceKey
	verbReplaceMarker
	verbKeys
	verbMarkers
	verbAppend
	verbChain
	verbEventsOf
	verbExpire
	verbClock
	verbPing
	verbCount // how many there are
)

// verbNames are what the label verb may be.
func verbNames() [verbCount]string {
	return [verbCount]string{
		verbRecordSignUp:         "record_sign_up",
		verbRecordSignIn:         "record_sign_in",
		verbRecordRegression:     "record_regression",
		verbRecordBinding:        "record_binding",
		verbRecordLink:           "record_link",
		verbSpend:                "spend",
		verbCredentialAndAccount: "credential_and_account",
		verbSessionAndAccount:    "session_and_account",
		verbAccount:              "account",
		verbIdentifier:           "identifier",
		verbCredentials:          "credentials",
		verbRecordStanding:       "record_standing",
		verbRecordUnbinding:      "record_unbinding",
		verbRenameCredential:     "rename_credential",
		verbDeleteAccount:        "delete_account",
		verbReplaceAccount:       "replace_account",
		verbListAccounts:         "list_accounts",
		verbTouchSession:         "touch_session",
		verbReplaceSession:       "replace_session",
		verbSessionsOf:           "sessions_of",
		verbPutTicket:            "put_ticket",
		verbTicket:               "ticket",
		verbListTickets:          "list_tickets",
		verbRevokeTicket:         "revoke_ticket",
		verbHit:                  "hit",
		verbTakeMails:            "take_mails",
		verbSettleMail:           "settle_mail",
		verbPostponeMail:         "postpone_mail",
		verbPutKeys:              "put_keys",
		verbReplaceKey:           "replace_key",
		verbReplaceMarker:        "replace_marker",
		verbKeys:                 "keys",
		verbMarkers:              "markers",
		verbAppend:               "append",
		verbChain:                "chain",
		verbEventsOf:             "events_of",
		verbExpire:               "expire",
		verbClock:                "clock",
		verbPing:                 "ping",
	}
}
