package webauthn

import "crypto/sha256"

// assertionStep is a step of section 7.2 with its predicate, nil when it is done
// elsewhere.
type assertionStep struct {
	Step
	check func(*assertion) *Error
}

const inParseAssertion = "ParseAssertion does it before anything is known of the ceremony, whose challenge stands inside"

// assertionTable is section 7.2 of Web Authentication Level 3. It is never written.
var assertionTable = [...]assertionStep{
	{Step{
		"7.2/1", "make the request options",
		[]string{CodePolicyDenied},
		"the ceremony that begins makes them: they need a challenge and perhaps an account",
	}, nil},
	{Step{
		"7.2/2", "call get() in the browser",
		[]string{CodeCeremonyAbandoned},
		"the browser does it; a server sees at most that no answer comes",
	}, nil},
	{Step{
		"7.2/3", "the answer is an assertion response, and its IDs are one ID",
		[]string{CodeRequestMalformed, CodeResponseTypeInvalid, CodeCredentialIDMismatch},
		inParseAssertion,
	}, nil},
	{Step{"7.2/4", "read the client extension outputs", []string{CodeExtensionOutputMalformed}, inParseAssertion}, nil},
	{
		Step{"7.2/5", "the credential is one that this ceremony allows", []string{CodeCredentialNotAllowed}, ""},
		(*assertion).checkAllowed,
	},
	{Step{
		"7.2/6", "the credential belongs to the account that signs in",
		[]string{CodeCredentialUnknown, CodeUserHandleMissing, CodeUserHandleMismatch},
		"",
	}, (*assertion).checkOwner},
	{Step{"7.2/7", "take client data, authenticator data and signature", []string{CodeRequestMalformed}, inParseAssertion}, nil},
	{Step{"7.2/8", "decode the client data as UTF-8", []string{CodeClientDataMalformed}, inParseAssertion}, nil},
	{Step{"7.2/9", "parse the client data as JSON", []string{CodeClientDataMalformed}, inParseAssertion}, nil},
	{
		Step{"7.2/10", "the client data are of a request", []string{CodeClientDataTypeMismatch}, ""},
		func(a *assertion) *Error { return a.checkType(typeGet) },
	},
	{
		Step{
			"7.2/11", "the challenge is the one that was issued",
			[]string{CodeChallengeUnknown, CodeChallengeExpired, CodeChallengeConsumed, CodeChallengeMismatch},
			"",
		},
		func(a *assertion) *Error { return a.checkChallenge() },
	},
	{
		Step{"7.2/12", "the origin is an expected one", []string{CodeOriginNotAllowed}, ""},
		func(a *assertion) *Error { return a.checkOrigin() },
	},
	{
		Step{"7.2/13", "made in a cross-origin frame only if that is expected", []string{CodeCrossOriginNotAllowed}, ""},
		func(a *assertion) *Error { return a.checkCrossOrigin() },
	},
	{
		Step{
			"7.2/14", "the top origin, if there is one, is an expected one",
			[]string{CodeTopOriginNotAllowed, CodeTopOriginWithoutCrossOrigin},
			"",
		},
		func(a *assertion) *Error { return a.checkTopOrigin() },
	},
	{
		Step{"7.2/15", "made for our RP ID, which is the record's", []string{CodeRPIDMismatch}, ""},
		(*assertion).checkRecordRPID,
	},
	{
		Step{"7.2/16", "the user was present", []string{CodeUserPresenceMissing}, ""},
		func(a *assertion) *Error { return a.checkUserPresence() },
	},
	{
		Step{"7.2/17", "the user was verified, if that is required", []string{CodeUserVerificationMissing}, ""},
		func(a *assertion) *Error { return a.checkUserVerification() },
	},
	{
		Step{"7.2/18", "not backed up unless eligible for it", []string{CodeBackupFlagsInvalid}, ""},
		func(a *assertion) *Error { return a.checkBackupFlags() },
	},
	{Step{
		"7.2/19", "backup eligibility is what it was at registration",
		[]string{CodeBackupEligibilityChanged, CodeBackupStateNotAllowed},
		"",
	}, (*assertion).checkEligibilityKept},
	{
		Step{"7.2/20", "hash the client data as received", nil, ""},
		func(a *assertion) *Error { a.hash = sha256.Sum256(a.client.raw); return nil },
	},
	{
		Step{
			"7.2/21", "the signature verifies under the stored key",
			[]string{CodeCredentialRecordTampered, CodeSignatureInvalid, CodeAuthenticatorDataMalformed},
			"",
		},
		(*assertion).checkSignature,
	},
	{Step{"7.2/22", "the signature counter grew", []string{CodeSignCountRegressed}, ""}, (*assertion).checkSignCount},
	{Step{
		"7.2/23", "process the extension outputs", nil,
		"there is no output of an assertion that anything here acts on; step 4 refuses what is malformed",
	}, nil},
	{Step{
		"7.2/24", "update the credential record",
		[]string{CodeStorageUnavailable},
		"Assertion holds the new values; the caller stores them with the outcome, in one transaction",
	}, nil},
	{Step{"7.2/25", "go on, or fail", nil, "the caller does it"}, nil},
}
