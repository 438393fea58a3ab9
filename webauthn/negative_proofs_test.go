package webauthn_test

// Why a case has no test here, or not yet.
const (
	whyTrust     = "later, with FIDO metadata: whether a chain ends at an anchor is not judged yet"
	whyModels    = "later, with FIDO metadata: nothing is known of models yet"
	whyLibrary   = "later, with trust in attestation: the library verifies the format, and has not been gone through case by case"
	whyAppAttest = "later, with device keys"
	whyOptional  = "the algorithm is not offered"
)

// proofsOfCases is the table behind docs/negative-cases.md.
func proofsOfCases() []proof {
	const (
		json, envelope  = "webauthn TestJSONCases", "webauthn TestEnvelopeCases"
		client, origins = "webauthn TestClientDataCases", "webauthn TestOriginCases"
		frames, data    = "webauthn TestFrameCases", "webauthn TestAuthenticatorDataCases"
		object, self    = "webauthn TestAttestationObjectCases", "webauthn TestSelfAttestationCases"
		packed, u2f     = "webauthn TestPackedStatements", "webauthn TestU2FStatements"
		compound        = "webauthn TestCompoundStatements"
		rsaKeys         = "webauthn TestRSAAlgorithms"
		signature       = "webauthn TestSignatureCases"
		outputs         = "webauthn TestExtensionCases"
		authOutputs     = "webauthn TestAuthenticatorExtensionCases"
		appID           = "webauthn TestAppIDCases"
		formats         = "webauthn TestLibraryFormats"
		signIns         = "internal/ceremony TestNegativeSignIns"
		counters        = "internal/ceremony TestNegativeCounters"
		challenges      = "internal/ceremony TestNegativeChallenges"
		registrations   = "internal/ceremony TestNegativeRegistrations"
		options         = "internal/httpapi TestNegativeOptions"
		signUp, signIn  = "internal/httpapi TestOptionsOfSignUp", "internal/httpapi TestOptionsOfSignIn"
		excluded        = "internal/httpapi TestExcludedPasskeys"
	)
	return []proof{
		{prefix: "Req-1 P", which: "1 3 4", test: signUp},
		{prefix: "Req-1 P", which: "2", why: "a page cannot ask for attestation; the server's settings do"},
		{prefix: "Att-1 P", which: "1", test: excluded},
		{prefix: "Att-1 F", which: "1-15", test: envelope},
		{prefix: "Att-2 F", which: "1-12 15-17", test: client},
		{prefix: "Att-2 F", which: "13 14", test: origins},
		{prefix: "Att-3 P", which: "1", test: object},
		{prefix: "Att-3 F", which: "1-19", test: object},
		{prefix: "Att-4 P", which: "1", why: whyOptional},
		{prefix: "Att-4 P", which: "2-4 6 7", test: rsaKeys},
		{prefix: "Att-4 P", which: "5 8-12", test: self},
		{prefix: "Att-5 P", which: "1-4", why: whyTrust},
		{prefix: "Att-5 P", which: "5", why: whyModels},
		{prefix: "Att-5 F", which: "1 4 5", test: object},
		{prefix: "Att-5 F", which: "2 3 6 7 11-14", test: packed},
		{prefix: "Att-5 F", which: "8", why: whyModels},
		{prefix: "Att-5 F", which: "9 10", why: whyTrust},
		{prefix: "Att-6 P", which: "1", test: self},
		{prefix: "Att-6 F", which: "1 3", test: self},
		{prefix: "Att-6 F", which: "2", why: whyModels},
		{prefix: "Att-7 P", which: "1 2", test: self},
		{prefix: "Att-7 F", which: "1", test: self},
		{prefix: "Att-8 P", which: "1", test: u2f},
		{prefix: "Att-8 F", which: "1 2", test: u2f},
		{prefix: "Att-9 P", which: "1-4", why: whyLibrary},
		{prefix: "Att-9 F", which: "1-4", why: whyLibrary},
		{prefix: "Att-A P", which: "1", why: whyLibrary},
		{prefix: "Att-A F", which: "1-3", why: whyLibrary},
		{prefix: "Att-B P", which: "1", why: whyLibrary},
		{prefix: "Att-B F", which: "1-7", why: whyLibrary},
		{prefix: "GetReq-1 P", which: "1 2", test: signIn},
		{prefix: "Asn-1 P", which: "1", test: envelope},
		{prefix: "Asn-1 F", which: "1-21", test: envelope},
		{prefix: "Asn-2 F", which: "1-12 15-17", test: client},
		{prefix: "Asn-2 F", which: "13 14", test: origins},
		{prefix: "Asn-3 P", which: "1-7", test: "webauthn TestAssertionDataCases"},
		{prefix: "Asn-3 F", which: "1-5", test: "webauthn TestAssertionDataCases"},
		{prefix: "MDS P", which: "1", why: whyModels},
		{prefix: "MDS F", which: "1-5", why: whyModels},
		{prefix: "MDS2 F", which: "1", why: "version 2 of the service is gone"},
		{prefix: "JS", which: "1-3 5-26", test: json},
		{prefix: "JS", which: "4", test: "internal/httpapi TestNegativeContentType"},
		{prefix: "JS", which: "27", test: "webauthn TestExchangedBodies"},
		{prefix: "JS", which: "28", test: "webauthn TestErrorsEchoNothing"},
		{prefix: "CD", which: "1-6", test: client},
		{prefix: "CD", which: "7-11", test: challenges},
		{prefix: "CD", which: "12-21", test: origins},
		{prefix: "CD", which: "22-29", test: frames},
		{prefix: "AD", which: "1-21", test: data},
		{prefix: "CK", which: "1-23", test: "webauthn TestKeyCases"},
		{prefix: "RS", which: "1", test: "internal/ceremony TestOneCredentialOneAccount", unsaid: true},
		{prefix: "RS", which: "2 3 5 9 10", test: registrations},
		{prefix: "RS", which: "4", test: "internal/ceremony TestReplayedRegistration", unsaid: true},
		{prefix: "RS", which: "6", test: "webauthn TestRegistrationSteps", unsaid: true},
		{prefix: "RS", which: "7 8", why: whyModels},
		{prefix: "RS", which: "11", test: "internal/settings TestWithin", unsaid: true},
		{prefix: "PK", which: "1 2 15", test: object},
		{prefix: "PK", which: "3-14", test: packed},
		{prefix: "TP", which: "2", test: formats},
		{prefix: "TP", which: "1 3-25", why: whyLibrary},
		{prefix: "AK", which: "1", test: formats},
		{prefix: "AK", which: "2-18", why: whyLibrary},
		{prefix: "SN", which: "1", test: formats},
		{prefix: "SN", which: "2-7", why: whyLibrary},
		{prefix: "AP", which: "1", test: formats},
		{prefix: "AP", which: "2-5 7", why: whyLibrary},
		{prefix: "AP", which: "6", test: "webauthn TestLeafAtCeremony"},
		{prefix: "U2", which: "1-5", test: u2f},
		{prefix: "U2", which: "6", why: "the standard library reads certificates, and decides"},
		{prefix: "NO", which: "1-5", test: object},
		{prefix: "CP", which: "1-6 8 9", test: compound},
		{prefix: "CP", which: "7", why: "all statements must verify; there is no such policy"},
		{prefix: "AA", which: "1-18", why: whyAppAttest},
		{prefix: "AS", which: "1-8 28", test: signIns},
		{prefix: "AS", which: "9 11-16 18", test: signature},
		{prefix: "AS", which: "10", test: "webauthn TestSignatureOfRegistration"},
		{prefix: "AS", which: "17", test: "webauthn TestOtherPadding"},
		{prefix: "AS", which: "19-23", test: counters},
		{prefix: "AS", which: "24", test: "internal/ceremony TestFailureKeepsCounter"},
		{prefix: "AS", which: "25", test: "internal/ceremony TestOneCountOnce"},
		{prefix: "AS", which: "26", test: challenges},
		{prefix: "AS", which: "27", test: "internal/ceremony TestWhatMayNotSignIn", unsaid: true},
		{prefix: "EX", which: "1-3 8-13", test: outputs},
		{prefix: "EX", which: "4 6 7", test: appID},
		{prefix: "EX", which: "5", why: "appid is never requested: there are no U2F credentials to migrate"},
		{prefix: "EX", which: "14", why: "no protection level is enforced"},
		{prefix: "EX", which: "15-19 22", test: authOutputs},
		{prefix: "EX", which: "20 21", test: data},
		{prefix: "MD", which: "1-29", why: whyModels},
		{prefix: "OP", which: "1-4 11 12", test: options},
		{prefix: "OP", which: "5", test: "internal/httpapi TestOptionsTellNobody"},
		{prefix: "OP", which: "6 7 10", test: signUp},
		{prefix: "OP", which: "8", test: excluded},
		{prefix: "OP", which: "9", test: signIn},
	}
}
