package ceremony

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/webauthn"
)

// Kind is what a door may tell of a failure. The set is closed.
type Kind string

// The kinds. Only KindRegistration carries its step to the client; everything that
// can go wrong with a sign-in, once its request parses, is KindAuthentication.
const (
	KindMalformed      Kind = "malformed"          // the request is not of its shape
	KindField          Kind = "invalid_field"      // Field says which, Code why
	KindAuthentication Kind = "authentication"     // whatever was wrong with a sign-in
	KindRegistration   Kind = "registration"       // refused at Step
	KindUsername       Kind = "username"           // the username cannot be used
	KindExpired        Kind = "expired"            // ticket or link too old, used or withdrawn
	KindNameTaken      Kind = "name_taken"         // the username belongs to somebody
	KindRegistered     Kind = "already_registered" // the credential is registered
	KindClosed         Kind = "sign_up_closed"     // nobody may open an account without a ticket
	KindPolicy         Kind = "policy"             // for example too many passkeys
	KindConflict       Kind = "conflict"           // what it depends on kept moving
	KindLimited        Kind = "limited"            // RetryAfter says for how long
	KindStepUp         Kind = "step_up"            // it takes a fresh proof
	KindUnknown        Kind = "account_unknown"    // only where unknown names are told
	KindOtherBrowser   Kind = "other_browser"      // a link shown by another client than the one that asked for it
	KindUnavailable    Kind = "unavailable"        // the store could not be asked
)

// Kinds lists every Kind.
func Kinds() []Kind {
	return []Kind{
		KindMalformed, KindField, KindAuthentication, KindRegistration, KindUsername, KindExpired,
		KindNameTaken, KindRegistered, KindClosed, KindPolicy, KindConflict, KindLimited,
		KindStepUp, KindUnknown, KindOtherBrowser, KindUnavailable,
	}
}

// Error is how a ceremony fails. Kind is for the client; Step and Code (the internal
// codes of package webauthn and ticket) and Cause are for the log.
type Error struct {
	Kind       Kind
	Step       string
	Code       string
	Field      string
	RetryAfter time.Duration
	Cause      error
}

func (e *Error) Error() string {
	text := "ceremony: " + string(e.Kind)
	for _, part := range []string{e.Step, e.Field, e.Code} {
		if part != "" {
			text += " " + part
		}
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

func field(name, code string) *Error { return &Error{Kind: KindField, Field: name, Code: code} }

func unavailable(cause error) *Error {
	return &Error{Kind: KindUnavailable, Code: webauthn.CodeStorageUnavailable, RetryAfter: time.Second, Cause: cause}
}

// nameError translates what package account says of a name.
func nameError(err error) error {
	var n *account.NameError
	if !errors.As(err, &n) {
		return unavailable(err)
	}
	if n.Field == "username" {
		return &Error{Kind: KindUsername, Field: n.Field, Code: n.Code}
	}
	return field(n.Field, n.Code)
}

// refusal is the *Error of kind for an error of package webauthn. A request that is
// not even of its shape is KindMalformed in every ceremony.
func refusal(kind Kind, err error) *Error {
	var w *webauthn.Error
	if !errors.As(err, &w) {
		return unavailable(err)
	}
	if w.Code == webauthn.CodeRequestMalformed {
		kind = KindMalformed
	}
	return &Error{Kind: kind, Step: w.Step, Code: w.Code, Cause: err}
}

// pastCredentialStep tells whether a registration failed at or after step 9 of §7.1,
// from where on a failure burns the ticket.
func pastCredentialStep(err error) bool {
	var w *webauthn.Error
	if !errors.As(err, &w) {
		return false
	}
	number, err := strconv.Atoi(strings.TrimPrefix(w.Step, "7.1/"))
	return err == nil && number >= 9
}

func refuse(kind Kind, step, code string) *Error {
	return &Error{Kind: kind, Step: step, Code: code, Cause: fmt.Errorf("%s", code)}
}
