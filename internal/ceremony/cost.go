package ceremony

import (
	"context"
	"errors"

	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/webauthn"
)

// An answer whose ticket opened costs the same whatever refuses it: one credential that
// is found and one that is not, the openings of the one found, and one signature.
// Otherwise the time of a refusal would tell real credential IDs from decoys, and
// suspended ones from others. What the client itself can get wrong (steps 10 to 18 of
// §7.2) is refused before the signature for real ones and decoys alike.

// costUnknown makes the refusal of a credential that is not known cost what a known
// one's costs, on a stand-in. Whatever comes of the stand-in, it gives the refusal, or
// that the store could not be asked.
func (rp *RelyingParty) costUnknown(ctx context.Context, t asserted, response *webauthn.AssertionResponse, refused error) error {
	var failure *Error
	if errors.As(refused, &failure) && failure.Kind == KindUnavailable {
		return refused
	}
	a, c, ok, err := rp.cfg.Accounts.StandIn(ctx, response.CredentialID())
	if err != nil {
		return unavailable(err)
	}
	if ok {
		checkAnyway(response, rp.expectation(t, response, a, c, c.Facts()))
	}
	return refused
}

// costKnown makes the refusal of a known credential cost the miss of an unknown one,
// and the signature if it was refused before that.
func (rp *RelyingParty) costKnown(
	ctx context.Context, c record.Credential, response *webauthn.AssertionResponse,
	expected webauthn.AssertionExpectation, refused *Error,
) error {
	if err := rp.cfg.Accounts.Miss(ctx, c); err != nil {
		return unavailable(err)
	}
	switch refused.Code {
	case webauthn.CodeCredentialNotAllowed, webauthn.CodeUserHandleMissing,
		webauthn.CodeUserHandleMismatch, webauthn.CodeBackupEligibilityChanged:
		checkAnyway(response, expected)
	}
	return refused
}

// checkAnyway verifies an answer as if its credential were the expected one, for the
// cost alone: there is no result. Of backup eligibility, which only the answer knows,
// it tries first what most passkeys have.
func checkAnyway(response *webauthn.AssertionResponse, e webauthn.AssertionExpectation) {
	e.Allowed, e.AccountKnown, e.Credential.ID = true, true, response.CredentialID()
	if handle := response.UserHandle(); handle != nil {
		e.UserHandle = handle
	}
	e.Credential.UserHandle = e.UserHandle
	for _, eligible := range []bool{true, false} {
		e.Credential.BackupEligible = eligible
		_, err := response.Verify(e)
		if !errors.Is(err, &webauthn.Error{Code: webauthn.CodeBackupEligibilityChanged}) {
			return
		}
	}
}
