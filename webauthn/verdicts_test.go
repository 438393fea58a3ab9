package webauthn_test

// Why a vector's verdict here is not its source's. The texts stand in
// docs/divergences.md.
const (
	whyAlgorithm    = "RSA with SHA-1, Ed448 and ML-DSA are not verified: the first is broken, the others are not in the standard library"
	whyRSA          = "RSA keys need a modulus of 2048 to 4096 bits and an odd exponent of at least 65537"
	whyCanonical    = "CBOR must be in the CTAP2 canonical form, which this is not"
	whyAttested     = "an assertion must not carry attested credential data (§6.1)"
	whyU2F          = "a U2F authenticator has no AAGUID, so fido-u2f demands a zero one, as the FIDO conformance tool does"
	whyAppID        = "the appid extension is not supported: there are no U2F credentials to migrate"
	whyClock        = "the library judges TPM certificates by the machine's clock, and these have expired"
	whySafetyNet    = "SafetyNet is shut down; the library judges its certificates by the machine's clock, and these have expired"
	whyRoots        = "the library accepts only chains to the vendor's published roots, and this one was made for a test"
	whyVendor       = "the library accepts only registered TPM vendors, and this one was made for a test"
	whyBinding      = "tokenBinding must have the shape that browsers gave it while it was in the standard, as the FIDO conformance tool demands"
	whyCompoundNone = "a statement without attestation within a compound one says nothing, and is refused"
	whyPubArea      = "a TPM coordinate that is longer than the field is refused"
	whyLenientX509  = "the certificate is not strict DER in a place that the standard library forgives"
)

// verdict is how a vector is refused here; a zero step says that it is accepted.
type verdict struct {
	name string
	step string
	code string
	why  string
}

// agreed are the vectors that must be refused and are, each for its source's reason.
func agreed() []verdict {
	return []verdict{
		{"fido2-lib/fido2-helpers/challengeResponseJustExtensionsMsgB64Url/registration", "7.1/13", "attestation_object_malformed", ""},
		{"fxamacker/attestation_test/response/registration", "7.1/21", "attestation_format_unsupported", ""},
		{"go-webauthn/attestation_safetynet_test/safetyNetTestResponse/registration", "7.1/22", "attestation_invalid", ""},
		{"go-webauthn/compound/attStmt-is-map/registration", "7.1/13", "attestation_object_malformed", ""},
		{"go-webauthn/compound/members-not-maps/registration", "7.1/22", "attestation_invalid", ""},
		{"go-webauthn/compound/one-bad-signature/registration", "7.1/22", "attestation_invalid", ""},
		{"go-webauthn/compound/single-sub-statement/registration", "7.1/22", "attestation_invalid", ""},
		{"go-webauthn/compound/unknown-sub-format/registration", "7.1/22", "attestation_invalid", ""},
		{"simplewebauthn/verifyAttestationPacked.test/should fail if id-fido-gen-ce-aaguid extension is present and does not match AAGUID in auth data/registration", "7.1/22", "attestation_invalid", ""},
		{"simplewebauthn/verifyAttestationTPM.test/should fail if id-fido-gen-ce-aaguid extension is present and does not match AAGUID in auth data/registration", "7.1/22", "attestation_invalid", ""},
		{"simplewebauthn/verifyRegistrationResponse.test/should enforce CTS check by default/registration", "7.1/22", "attestation_invalid", ""},
		{"webauthn-framework/AttestationTest/certificateExpired/registration", "7.1/22", "attestation_invalid", ""},
		{"webauthn-framework/PublicKeyCreationCeremonyTest/getPublicKeyCredentialCreationOptions/registration~2", "7.1/13", "authenticator_data_malformed", ""},
		{"yubico-java/RegistrationTestData/FalseCtsProfileMatch/registration", "7.1/22", "attestation_invalid", ""},
	}
}

// diverging are the vectors that must be accepted and are not.
func diverging() []verdict {
	return []verdict{
		{"fido2-lib/fido2-helpers/challengeResponseNoneAttestationDataExtensionsMsgB64Url/registration", "7.1/13", "authenticator_data_malformed", whyCanonical},
		{"fido2-net-lib/attestationTPMSHA1Response/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"fido2-net-lib/attestationTPMSHA256Response/registration", "7.1/22", "attestation_invalid", whyClock},
		{"fxamacker/android_safetynet_attestation_test/response/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"go-webauthn/assertion_test/TestParseCredentialRequestResponse/authentication", "7.2/21", "authenticator_data_malformed", whyAttested},
		{"madwizard/statements/registration~2", "7.1/22", "attestation_invalid", whyRoots},
		{"py_webauthn/test_verify_authentication_response/test_verify_ml_dsa_65_response/authentication", "7.2/7", "request_malformed", whyAlgorithm},
		{"py_webauthn/test_verify_authentication_response/test_verify_ml_dsa_87_response/authentication", "7.2/7", "request_malformed", whyAlgorithm},
		{"py_webauthn/test_verify_registration_response/test_verify_pqc_ml_dsa_44_packed_response/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"py_webauthn/test_verify_registration_response/test_verify_pqc_ml_dsa_65_packed_response/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"py_webauthn/test_verify_registration_response/test_verify_pqc_ml_dsa_87_packed_response/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"py_webauthn/test_verify_registration_response_android_safetynet/test_verify_attestation_android_safetynet/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"py_webauthn/test_verify_registration_response_tpm/test_verify_attestation_dell_xps_13/registration", "7.1/22", "attestation_invalid", whyClock},
		{"py_webauthn/test_verify_registration_response_tpm/test_verify_attestation_lenovo_carbon_x1/registration", "7.1/22", "attestation_invalid", whyClock},
		{"py_webauthn/test_verify_registration_response_tpm/test_verify_attestation_surface_pro_4/registration", "7.1/22", "attestation_invalid", whyClock},
		{"simplewebauthn/verifyAttestationAndroidKey.test/should verify Android Keystore response from FIDO Conformance in 2020/registration", "7.1/22", "attestation_invalid", whyRoots},
		{"simplewebauthn/verifyAttestationAndroidSafetyNet.test/attestationAndroidSafetyNet/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"simplewebauthn/verifyAttestationAndroidSafetyNet.test/safetyNetUsingGSR1RootCert/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"simplewebauthn/verifyAttestationTPM.test/should verify TPM response with spec-compliant tcgAtTpm SAN structure/registration", "7.1/22", "attestation_invalid", whyClock},
		{"simplewebauthn/verifyAttestationTPM.test/should verify TPM response/registration", "7.1/22", "attestation_invalid", whyClock},
		{"simplewebauthn/verifyRegistrationResponse.test/should validate TPM RSA response (SHA1)/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"w3c-l3/apple.ES256/registration", "7.1/22", "attestation_invalid", whyRoots},
		{"w3c-l3/fido-u2f.ES256/registration", "7.1/22", "attestation_invalid", whyU2F},
		{"w3c-l3/packed.Ed448/authentication", "7.2/21", "credential_record_tampered", whyAlgorithm},
		{"w3c-l3/packed.Ed448/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"w3c-l3/tpm.ES256/registration", "7.1/22", "attestation_invalid", whyVendor},
		{"webauthn-framework/AndroidSafetyNetAttestationStatementTest/anAndroidSafetyNetAttestationCanBeVerified/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"webauthn-framework/AssertionTest/anAssertionWithUserHandleCanBeVerified/authentication", "7.2/21", "authenticator_data_malformed", whyAttested},
		{"webauthn-ruby/seeds/android_key_direct/registration", "7.1/22", "attestation_invalid", whyRoots},
		{"webauthn-ruby/seeds/android_safetynet_direct/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"webauthn-ruby/seeds/u2f_migration/authentication", "7.2/15", "rp_id_mismatch", whyAppID},
		{"webauthn4j/TestDataUtil/createRegistrationObjectWithAndroidSafetyNetAttestation/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"yubico-java/RealExamples/Mldsa44/authentication", "7.2/7", "request_malformed", whyAlgorithm},
		{"yubico-java/RealExamples/Mldsa65/authentication", "7.2/7", "request_malformed", whyAlgorithm},
		{"yubico-java/RealExamples/Mldsa65/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"yubico-java/RealExamples/Mldsa87/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"yubico-java/RegistrationTestData/BasicAttestation/registration", "7.1/22", "attestation_invalid", whySafetyNet},
		{"yubico-java/RegistrationTestData/BasicAttestation/registration~2", "7.1/22", "attestation_invalid", whyU2F},
		{"yubico-java/RegistrationTestData/BasicAttestationEd448/authentication", "7.2/21", "credential_record_tampered", whyAlgorithm},
		{"yubico-java/RegistrationTestData/BasicAttestationMlDsa44/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"yubico-java/RegistrationTestData/BasicAttestationMlDsa65/authentication", "7.2/7", "request_malformed", whyAlgorithm},
		{"yubico-java/RegistrationTestData/BasicAttestationMlDsa87/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"yubico-java/RegistrationTestData/BasicAttestationRs1/authentication", "7.2/21", "credential_record_tampered", whyAlgorithm},
		{"yubico-java/RegistrationTestData/BasicAttestationRs1/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"yubico-java/RegistrationTestData/BasicAttestationRs512/registration", "7.1/20", "public_key_invalid", whyRSA},
		{"yubico-java/RegistrationTestData/BasicAttestationRsa/registration", "7.1/20", "public_key_invalid", whyRSA},
		{"yubico-java/RegistrationTestData/SelfAttestationRs1/authentication", "7.2/21", "credential_record_tampered", whyAlgorithm},
		{"yubico-java/RegistrationTestData/SelfAttestationRs1/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"yubico-java/RegistrationTestData/ValidEs256Alt/registration", "7.1/22", "attestation_invalid", whyClock},
	}
}

// undecided are the vectors on which either verdict would do, and ours.
func undecided() []verdict {
	return []verdict{
		{"go-webauthn/compound/sub-statement-none/registration", "7.1/22", "attestation_invalid", whyCompoundNone},
		{"py_webauthn/test_verify_registration_response_fido_u2f/test_verify_attestation_with_unsupported_token_binding/registration", "7.1/6", "client_data_malformed", whyBinding},
		{"simplewebauthn/verifyAttestationPacked.test/should verify (broken) Packed response from Chrome virtual authenticator/registration", "", "", whyLenientX509},
		{"w3c-l3/android-key.ES256/registration", "7.1/22", "attestation_invalid", whyRoots},
		{"yubico-java/RegistrationTestData/Default-indefinite-length-cbor/registration", "7.1/13", "attestation_object_malformed", whyCanonical},
		{"yubico-java/RegistrationTestData/ValidEs256/registration", "7.1/22", "attestation_invalid", whyPubArea},
		{"yubico-java/RegistrationTestData/ValidRs1/registration", "7.1/20", "public_key_invalid", whyAlgorithm},
		{"yubico-java/RegistrationTestData/ValidRs256/registration", "7.1/20", "public_key_invalid", whyRSA},
	}
}
