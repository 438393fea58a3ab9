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
	ceremony.KindUnavailable:    codeUnavailable,
}

// judge gives the problem that err is. What it does not know is internal, and its
// cause goes to the log alone.
func judge(err error) *problem {
	var p *problem
	var c *ceremony.Error
	var n *account.NameError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &c):
		return judgeCeremony(c)
	case errors.Is(err, session.ErrNone):
		return &problem{code: codeUnauthenticated, cause: err}
	case errors.As(err, &n):
		return &problem{code: codeInvalidField, fields: []fieldFault{fault(n.Field, n.Code)}, cause: err}
	default:
		return &problem{code: codeInternal, cause: err}
	}
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
