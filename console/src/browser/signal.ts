// Telling the browser which passkeys the server accepts, so that those that are gone
// are offered no more and names stay right (WebAuthn Level 3, 5.1.10).

import { get } from "../api/call";
import type { Signal } from "../api/types";

interface Signalling {
  signalAllAcceptedCredentials?: (all: { rpId: string; userId: string; allAcceptedCredentialIds: string[] }) => Promise<void>;
  signalCurrentUserDetails?: (user: { rpId: string; userId: string; name: string; displayName: string }) => Promise<void>;
  signalUnknownCredential?: (one: { rpId: string; credentialId: string }) => Promise<void>;
}

const browser = (): Signalling => (window.PublicKeyCredential ?? {}) as unknown as Signalling;

// signalAll is a courtesy: whatever fails, nobody is told.
export async function signalAll(): Promise<void> {
  try {
    if (!browser().signalAllAcceptedCredentials) return;
    const now = await get<Signal>("/v1/passkeys/signal");
    await browser().signalAllAcceptedCredentials?.({
      rpId: now.rp_id,
      userId: now.user_handle,
      allAcceptedCredentialIds: now.accepted_credential_ids,
    });
    await browser().signalCurrentUserDetails?.({
      rpId: now.rp_id,
      userId: now.user_handle,
      name: now.name,
      displayName: now.display_name,
    });
  } catch {
    // See above.
  }
}

// signalRefused takes back a passkey that was made and that the server refused.
export async function signalRefused(rpId: string, credentialId: string): Promise<void> {
  try {
    await browser().signalUnknownCredential?.({ rpId, credentialId });
  } catch {
    // See above.
  }
}
