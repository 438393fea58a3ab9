"""An independent relying party, on python-fido2 0.9.

Reads one JSON object on standard input, verifies the registration in it and the
assertion by the same credential, and prints what it learnt. Exit status 1, with
the reason on standard error, when it refuses. The object is that of verify.mjs.
"""

import base64
import json
import sys

from fido2.client import ClientData
from fido2.ctap2 import AttestationObject, AttestedCredentialData, AuthenticatorData
from fido2.server import Fido2Server

BACKUP_ELIGIBLE, BACKED_UP = 0x08, 0x10


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def state(ceremony, user_verification):
    return {"challenge": ceremony["challenge"], "user_verification": user_verification}


def verify(given):
    server = Fido2Server(
        {"id": given["rpId"], "name": "verifier"},
        verify_origin=lambda origin: origin == given["origin"],
    )
    uv = given["userVerification"]

    registration = given["registration"]
    response = registration["response"]["response"]
    attestation = AttestationObject(decode(response["attestationObject"]))
    registered = server.register_complete(
        state(registration, uv), ClientData(decode(response["clientDataJSON"])), attestation
    )
    credential = AttestedCredentialData(registered.credential_data)

    assertion = given["assertion"]
    response = assertion["response"]["response"]
    auth_data = AuthenticatorData(decode(response["authenticatorData"]))
    server.authenticate_complete(
        state(assertion, uv),
        [credential],
        decode(assertion["response"]["rawId"]),
        ClientData(decode(response["clientDataJSON"])),
        auth_data,
        decode(response["signature"]),
    )
    return {
        "credential_id": base64.urlsafe_b64encode(credential.credential_id).decode().rstrip("="),
        "format": attestation.fmt,
        "sign_count": auth_data.counter,
        "user_verified": auth_data.is_user_verified(),
        "backup_eligible": bool(auth_data.flags & BACKUP_ELIGIBLE),
        "backed_up": bool(auth_data.flags & BACKED_UP),
    }


try:
    print(json.dumps(verify(json.load(sys.stdin))))
except Exception as error:  # whatever it is, it is a refusal
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(1)
