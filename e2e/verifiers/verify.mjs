// An independent relying party: reads one JSON object on standard input, verifies
// the registration in it and the assertion by the same credential, and prints what
// it learnt. Exit status 1, with the reason on standard error, when it refuses.
//
//   {origin, rpId, userVerification,
//    registration: {challenge, response}, assertion: {challenge, response}}
//
// where response is what PublicKeyCredential.toJSON() gave the page.
import { text } from "node:stream/consumers";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";

async function verify({ origin, rpId, userVerification, registration, assertion }) {
  const expected = {
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: userVerification === "required",
  };
  const registered = await verifyRegistrationResponse({
    ...expected,
    response: registration.response,
    expectedChallenge: registration.challenge,
  });
  if (!registered.verified) throw new Error("registration refused");
  const { credential, fmt, credentialBackedUp, credentialDeviceType } = registered.registrationInfo;

  const asserted = await verifyAuthenticationResponse({
    ...expected,
    response: assertion.response,
    expectedChallenge: assertion.challenge,
    credential,
  });
  if (!asserted.verified) throw new Error("assertion refused");
  return {
    credential_id: credential.id,
    format: fmt,
    sign_count: asserted.authenticationInfo.newCounter,
    user_verified: asserted.authenticationInfo.userVerified,
    backup_eligible: credentialDeviceType === "multiDevice",
    backed_up: credentialBackedUp,
  };
}

try {
  console.log(JSON.stringify(await verify(JSON.parse(await text(process.stdin)))));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
