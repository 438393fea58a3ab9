package webauthn

import "crypto/sha256"

// registrationStep is a step of section 7.1 with its predicate, nil when it is
// done elsewhere.
type registrationStep struct {
	Step
	check func(*registration) *Error
}

const inParse = "ParseRegistration does it before anything is known of the ceremony, whose challenge stands inside"

// registrationTable is section 7.1 of Web Authentication Level 3. It is never
// written.
var registrationTable = [...]registrationStep{
	{Step{
		"7.1/1", "make the creation options",
		[]string{CodeReauthenticationRequired, CodePolicyDenied},
		"the ceremony that begins makes them: they need an account and a challenge",
	}, nil},
	{Step{
		"7.1/2", "call create() in the browser",
		[]string{CodeCeremonyAbandoned},
		"the browser does it; a server sees at most that no answer comes",
	}, nil},
	{Step{
		"7.1/3", "the answer is an attestation response, and its IDs are one ID",
		[]string{CodeRequestMalformed, CodeResponseTypeInvalid, CodeCredentialIDMismatch},
		inParse + "; the ID in the authenticator data is compared when step 13 has decoded it",
	}, nil},
	{Step{"7.1/4", "read the client extension outputs", []string{CodeExtensionOutputMalformed}, inParse}, nil},
	{Step{"7.1/5", "decode the client data as UTF-8", []string{CodeClientDataMalformed}, inParse}, nil},
	{Step{"7.1/6", "parse the client data as JSON", []string{CodeClientDataMalformed}, inParse}, nil},
	{
		Step{"7.1/7", "the client data are of a creation", []string{CodeClientDataTypeMismatch}, ""},
		func(r *registration) *Error { return r.checkType(typeCreate) },
	},
	{
		Step{
			"7.1/8", "the challenge is the one that was issued",
			[]string{CodeChallengeUnknown, CodeChallengeExpired, CodeChallengeConsumed, CodeChallengeMismatch},
			"",
		},
		func(r *registration) *Error { return r.checkChallenge() },
	},
	{
		Step{"7.1/9", "the origin is an expected one", []string{CodeOriginNotAllowed}, ""},
		func(r *registration) *Error { return r.checkOrigin() },
	},
	{
		Step{"7.1/10", "made in a cross-origin frame only if that is expected", []string{CodeCrossOriginNotAllowed}, ""},
		func(r *registration) *Error { return r.checkCrossOrigin() },
	},
	{
		Step{
			"7.1/11", "the top origin, if there is one, is an expected one",
			[]string{CodeTopOriginNotAllowed, CodeTopOriginWithoutCrossOrigin},
			"",
		},
		func(r *registration) *Error { return r.checkTopOrigin() },
	},
	{
		Step{"7.1/12", "hash the client data as received", nil, ""},
		func(r *registration) *Error { r.hash = sha256.Sum256(r.client.raw); return nil },
	},
	{Step{
		"7.1/13", "decode the attestation object and its authenticator data",
		[]string{CodeAttestationObjectMalformed, CodeAuthenticatorDataMalformed},
		"",
	}, (*registration).checkObject},
	{
		Step{"7.1/14", "made for our RP ID", []string{CodeRPIDMismatch}, ""},
		func(r *registration) *Error { return r.checkRPID() },
	},
	{
		Step{"7.1/15", "the user was present, unless mediation was conditional", []string{CodeUserPresenceMissing}, ""},
		(*registration).checkPresence,
	},
	{
		Step{"7.1/16", "the user was verified, if that is required", []string{CodeUserVerificationMissing}, ""},
		func(r *registration) *Error { return r.checkUserVerification() },
	},
	{
		Step{"7.1/17", "not backed up unless eligible for it", []string{CodeBackupFlagsInvalid}, ""},
		func(r *registration) *Error { return r.checkBackupFlags() },
	},
	{Step{
		"7.1/18", "backup eligibility suits the policy",
		[]string{CodeBackupEligibleNotAllowed, CodeBackupEligibleRequired},
		"",
	}, (*registration).checkBackupEligible},
	{Step{
		"7.1/19", "the backup state suits the policy",
		[]string{CodeBackupStateNotAllowed},
		"it is reported in Registration and gates nobody here: it changes with use, so a caller that has a policy asks it at each sign-in",
	}, nil},
	{Step{
		"7.1/20", "the key is of an algorithm that was offered, and sound",
		[]string{CodeAlgorithmNotAllowed, CodePublicKeyInvalid},
		"",
	}, (*registration).checkKey},
	{
		Step{"7.1/21", "the attestation statement format is an enabled one", []string{CodeAttestationFormatUnsupported}, ""},
		(*registration).checkFormat,
	},
	{Step{"7.1/22", "the attestation statement verifies", []string{CodeAttestationInvalid}, ""}, (*registration).checkStatement},
	{Step{
		"7.1/23", "get trust anchors for the statement",
		[]string{CodeAttestationMetadataUnavailable, CodeAttestationMetadataStale},
		"the caller keeps them: this package does no I/O",
	}, nil},
	{Step{"7.1/24", "the attestation is trustworthy enough", []string{
		CodeAttestationNoneNotAllowed,
		CodeAttestationSelfNotAllowed, CodeAttestationUntrusted, CodeAuthenticatorStatusRejected,
		CodeAuthenticatorModelNotAllowed,
	}, ""}, (*registration).checkTrust},
	{Step{
		"7.1/25", "the credential ID has at most 1023 bytes, and at least 16",
		[]string{CodeCredentialIDTooLong, CodeCredentialIDTooShort},
		"",
	}, (*registration).checkIDLength},
	{Step{
		"7.1/26", "the credential ID is not registered to anyone",
		[]string{CodeCredentialAlreadyRegistered},
		"the store's unique key decides it when the credential is written: a look before would be a race",
	}, nil},
	{Step{"7.1/27", "make the credential record", nil, "Registration holds all that goes into it; the caller stores it"}, nil},
	{Step{
		"7.1/28", "process the extension outputs",
		[]string{CodeDiscoverableCredentialRequired},
		"",
	}, (*registration).checkOutputs},
	{Step{
		"7.1/29", "store the record and go on, or fail",
		[]string{CodeStorageUnavailable},
		"the caller does it, in one transaction",
	}, nil},
}
