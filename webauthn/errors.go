package webauthn

// The codes of an [Error]: why a response was refused. A code is forever; the
// step says where.
const (
	// CodeRequestMalformed: the posted JSON is not of the shape of
	// RegistrationResponseJSON or AuthenticationResponseJSON (Level 3 §5.1).
	CodeRequestMalformed = "request_malformed"
	// CodeResponseTypeInvalid: not a public-key credential, or an answer of the other ceremony.
	CodeResponseTypeInvalid = "response_type_invalid"
	// CodeCredentialIDMismatch: id, rawId and the ID in the authenticator data are not one value.
	CodeCredentialIDMismatch = "credential_id_mismatch"
	// CodeExtensionOutputMalformed: an extension output is of the wrong shape (§9, §10).
	CodeExtensionOutputMalformed = "extension_output_malformed"
	// CodeClientDataMalformed: clientDataJSON is not strict UTF-8 JSON of the known shape (§5.8.1).
	CodeClientDataMalformed = "client_data_malformed"
	// CodeClientDataTypeMismatch: the client data are of another ceremony.
	CodeClientDataTypeMismatch = "client_data_type_mismatch"

	// CodeChallengeUnknown: no challenge of ours. Returned by the caller of this package.
	CodeChallengeUnknown = "challenge_unknown"
	// CodeChallengeExpired: ours, too old. Returned by the caller of this package.
	CodeChallengeExpired = "challenge_expired"
	// CodeChallengeConsumed: ours, already presented. Returned by the caller of this package.
	CodeChallengeConsumed = "challenge_consumed"
	// CodeChallengeMismatch: not the challenge that the expectation names.
	CodeChallengeMismatch = "challenge_mismatch"

	// CodeOriginNotAllowed: the origin is, byte for byte, none of the expected.
	CodeOriginNotAllowed = "origin_not_allowed"
	// CodeCrossOriginNotAllowed: made in a cross-origin frame, which is not expected.
	CodeCrossOriginNotAllowed = "cross_origin_not_allowed"
	// CodeTopOriginNotAllowed: framed by an origin that is none of the expected.
	CodeTopOriginNotAllowed = "top_origin_not_allowed"
	// CodeTopOriginWithoutCrossOrigin: topOrigin beside a crossOrigin that is not true.
	CodeTopOriginWithoutCrossOrigin = "top_origin_without_cross_origin"

	// CodeAttestationObjectMalformed: not canonical CBOR of the three members (§6.5.4).
	CodeAttestationObjectMalformed = "attestation_object_malformed"
	// CodeAuthenticatorDataMalformed: not as §6.1 lays it out.
	CodeAuthenticatorDataMalformed = "authenticator_data_malformed"
	// CodeRPIDMismatch: made for another RP ID.
	CodeRPIDMismatch = "rp_id_mismatch"
	// CodeUserPresenceMissing: the UP flag is clear.
	CodeUserPresenceMissing = "user_presence_missing"
	// CodeUserVerificationMissing: the UV flag is clear although verification is required.
	CodeUserVerificationMissing = "user_verification_missing"
	// CodeBackupFlagsInvalid: backed up (BS) without being eligible for it (BE).
	CodeBackupFlagsInvalid = "backup_flags_invalid"
	// CodeBackupEligibleNotAllowed: the policy refuses backup-eligible credentials.
	CodeBackupEligibleNotAllowed = "backup_eligible_not_allowed"
	// CodeBackupEligibleRequired: the policy wants backup-eligible credentials.
	CodeBackupEligibleRequired = "backup_eligible_required"
	// CodeBackupStateNotAllowed: the policy refuses the backup state. Returned by the caller of this package.
	CodeBackupStateNotAllowed = "backup_state_not_allowed"
	// CodeBackupEligibilityChanged: BE is not what it was at registration.
	CodeBackupEligibilityChanged = "backup_eligibility_changed"

	// CodeAlgorithmNotAllowed: the key's algorithm was not offered.
	CodeAlgorithmNotAllowed = "algorithm_not_allowed"
	// CodePublicKeyInvalid: the COSE key is not a sound key of its algorithm (§5.8.5, §6.5.1.1).
	CodePublicKeyInvalid = "public_key_invalid"
	// CodeAttestationFormatUnsupported: the format is not among the enabled ones.
	CodeAttestationFormatUnsupported = "attestation_format_unsupported"
	// CodeAttestationInvalid: the statement fails the procedure of its format (§8).
	CodeAttestationInvalid = "attestation_invalid"
	// CodeAttestationMetadataUnavailable: no trust anchors could be had.
	CodeAttestationMetadataUnavailable = "attestation_metadata_unavailable"
	// CodeAttestationMetadataStale: the trust anchors are too old for the policy.
	CodeAttestationMetadataStale = "attestation_metadata_stale"
	// CodeAttestationNoneNotAllowed: no attestation, and the policy wants one.
	CodeAttestationNoneNotAllowed = "attestation_none_not_allowed"
	// CodeAttestationSelfNotAllowed: self attestation, and the policy wants more.
	CodeAttestationSelfNotAllowed = "attestation_self_not_allowed"
	// CodeAttestationUntrusted: the statement is right but ends at no anchor.
	CodeAttestationUntrusted = "attestation_untrusted"
	// CodeAuthenticatorStatusRejected: the model's metadata status is refused.
	CodeAuthenticatorStatusRejected = "authenticator_status_rejected"
	// CodeAuthenticatorModelNotAllowed: the model is not on the list, or is on the other.
	CodeAuthenticatorModelNotAllowed = "authenticator_model_not_allowed"

	// CodeCredentialIDTooLong: more than 1023 bytes.
	CodeCredentialIDTooLong = "credential_id_too_long"
	// CodeCredentialIDTooShort: fewer than 16 bytes.
	CodeCredentialIDTooShort = "credential_id_too_short"
	// CodeCredentialAlreadyRegistered: the ID is taken. Returned by the caller of this package.
	CodeCredentialAlreadyRegistered = "credential_already_registered"
	// CodeDiscoverableCredentialRequired: credProps.rk is false and the caller needs it true.
	CodeDiscoverableCredentialRequired = "discoverable_credential_required"

	// CodeCredentialNotAllowed: not among the credentials that this ceremony allows.
	CodeCredentialNotAllowed = "credential_not_allowed"
	// CodeCredentialUnknown: the stored record is not that of the credential that answered.
	CodeCredentialUnknown = "credential_unknown"
	// CodeUserHandleMissing: nobody was identified before, and no user handle came.
	CodeUserHandleMissing = "user_handle_missing"
	// CodeUserHandleMismatch: the credential is not the account's.
	CodeUserHandleMismatch = "user_handle_mismatch"
	// CodeCredentialRecordTampered: the stored key is none.
	CodeCredentialRecordTampered = "credential_record_tampered"
	// CodeSignatureInvalid: the signature does not verify under the stored key.
	CodeSignatureInvalid = "signature_invalid"
	// CodeSignCountRegressed: the signature counter of a single-device credential did not grow.
	CodeSignCountRegressed = "sign_count_regressed"

	// CodeReauthenticationRequired: the session is not fresh enough. Returned by the caller of this package.
	CodeReauthenticationRequired = "reauthentication_required"
	// CodePolicyDenied: the caller's policy. Returned by the caller of this package.
	CodePolicyDenied = "policy_denied"
	// CodeCeremonyAbandoned: a challenge that nobody answered; a metric, not an error.
	CodeCeremonyAbandoned = "ceremony_abandoned"
	// CodeStorageUnavailable: the outcome could not be stored. Returned by the caller of this package.
	CodeStorageUnavailable = "storage_unavailable"
)

// Error is a refusal: the step of the standard's procedure that refused, as
// "7.1/14" or "7.2/6", a stable code, and the cause for the log. No secret and no
// value that was received is in its text, but for names of members.
type Error struct {
	Step string
	Code string
	Err  error
}

// Error names the step, the code and the cause.
func (e *Error) Error() string {
	s := "webauthn: " + e.Step + ": " + e.Code
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause, which may be nil.
func (e *Error) Unwrap() error { return e.Err }

// Is matches another *Error on those of Step and Code that are not empty there.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok || t.Step == "" && t.Code == "" {
		return false
	}
	return (t.Step == "" || t.Step == e.Step) && (t.Code == "" || t.Code == e.Code)
}

// refuse makes an Error whose step the table fills in.
func refuse(code string, cause error) *Error { return &Error{Code: code, Err: cause} }

// at sets the step of a refusal that has none yet. It returns a plain error so
// that a nil refusal stays nil.
func at(step string, e *Error) error {
	if e == nil {
		return nil
	}
	if e.Step == "" {
		e.Step = step
	}
	return e
}
