package httpapi

import (
	"errors"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/session"
)

// kinds is the one table from what the heart says to what clients are told.
var kinds = map[ceremony.Kind]code{
	ceremony.KindMalformed:      codeMalformed,
	ceremony.KindField:          codeInvalidField,
	ceremony.KindAuthentication: codeAuthenticationFailed,
	ceremony.KindRegistration:   codeRegistrationRefused,
	ceremony.KindUsername:       codeUsernameNotAllowed,
	ceremony.KindExpired:        codeExpired,
	ceremony.KindNameTaken:      codeNameTaken,
	ceremony.KindRegistered:     codeAlreadyRegistered,
	ceremony.KindClosed:         codeSignUpClosed,
	ceremony.KindPolicy:         codePolicyRefused,
	ceremony.KindConflict:       codeConflict,
	ceremony.KindLimited:        codeRateLimited,
	ceremony.KindStepUp:         codeStepUpRequired,
	ceremony.KindUnknown:        codeAccountUnknown,
	ceremony.KindOtherBrowser:   codeOtherBrowser,
	ceremony.KindUnavailable:    codeUnavailable,
}

// sentinels is the rest of that table: what sessions and accounts say by a bare
// error. What only an operator on the machine can meet is not in it.
var sentinels = []struct {
	err  error
	code code
}{
	{session.ErrNone, codeUnauthenticated},
	{account.ErrStepUp, codeStepUpRequired},
	{account.ErrLastPasskey, codeLastPasskey},
	{account.ErrPasskey, codeNotFound},
	{account.ErrConflict, codeConflict},
	{account.ErrTaken, codeNameTaken},
	{account.ErrEmailTaken, codeNameTaken},
	{account.ErrOtherPerson, codeForbidden}, // before ErrLink, which it is too
	{account.ErrLink, codeExpired},
	{account.ErrForbidden, codeForbidden},
	{account.ErrUnknown, codeNotFound},
	{account.ErrUnreachable, codePolicyRefused},
	{account.ErrUninvitable, codePolicyRefused},
}

// judge gives the problem that err is. What it does not know is internal, and its
// cause goes to the log alone.
func judge(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var c *ceremony.Error
	if errors.As(err, &c) {
		return judgeCeremony(c)
	}
	var n *account.NameError
	if errors.As(err, &n) {
		return &problem{code: codeOfName(n), fields: []fieldFault{fault(n.Field, n.Code)}, cause: err}
	}
	var l *account.LimitError
	if errors.As(err, &l) {
		return &problem{code: codeRateLimited, retry: l.RetryAfter, reason: "mails_asked", cause: err}
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return &problem{code: s.code, cause: err}
		}
	}
	return &problem{code: codeInternal, cause: err}
}

// codeOfName tells a username that cannot be used from other fields.
func codeOfName(n *account.NameError) code {
	if n.Field == "username" {
		return codeUsernameNotAllowed
	}
	return codeInvalidField
}

func judgeCeremony(c *ceremony.Error) *problem {
	told, ok := kinds[c.Kind]
	if !ok {
		return &problem{code: codeInternal, reason: c.Code, cause: c}
	}
	p := &problem{code: told, retry: c.RetryAfter, reason: c.Code, cause: c}
	switch c.Kind {
	case ceremony.KindField, ceremony.KindUsername:
		p.fields = []fieldFault{fault(c.Field, c.Code)}
	case ceremony.KindRegistration:
		p.step = c.Step
	}
	return p
}

// unavailable is the failure of something that could not be asked.
func unavailable(cause error) *problem { return &problem{code: codeUnavailable, cause: cause} }
