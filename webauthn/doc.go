// Package webauthn holds the relying party procedures of Web Authentication
// Level 3: section 7.1, registering a new credential (29 steps), and section
// 7.2, verifying an authentication assertion (25 steps).
//
// It owns the two tables of steps, the strict parsing of what a browser posts,
// and the stable codes that say which check refused. Each step is one entry of
// [RegistrationSteps] or [AssertionSteps]; one that is done elsewhere stands in
// the table with the place. A refusal is an [*Error] that carries the step.
//
// It hides the encodings: JSON, base64url, CBOR, COSE keys, attestation
// statements, certificates. Libraries decode them; what is strict beyond them is
// judged here, once. The statements of the formats tpm, android-key, apple and
// android-safetynet are verified by github.com/go-webauthn/webauthn, which also makes
// the keys and whose types do not leave this package.
//
// It never does I/O, never keeps state, never looks anything up: whether a
// challenge was issued and is unspent, whose credential it is, and what is stored,
// are the caller's. It never reads a clock, the time is part of the expectation;
// but the library does, for the certificates of tpm and android-safetynet.
//
// A finish has two halves. [ParseRegistration] and [ParseAssertion] read the
// envelope and the client data, so that the caller can open the challenge found
// in it; Verify on the result judges everything against a named expectation, all
// of whose fields read as the strictest value when they are zero, but for
// [BackupAllow].
package webauthn
