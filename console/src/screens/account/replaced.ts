import type { Passkey } from "../../api/types";

const unknown = "00000000-0000-0000-0000-000000000000";

// replacedBy finds the passkey that may have silently taken the place of this one: a
// browser that ignores which passkeys exist makes a second one for the same account
// with the same provider, which overwrites the first. It is a guess, so it is only
// ever shown: a newer sibling of the same provider, since which this one was not used.
export function replacedBy(passkey: Passkey, all: Passkey[]): Passkey | undefined {
  if (passkey.suspended || passkey.this_session || passkey.aaguid === unknown) return undefined;
  const newer = all.filter(
    (other) =>
      other.id !== passkey.id &&
      other.aaguid === passkey.aaguid &&
      other.created_at > passkey.created_at &&
      (passkey.last_used_at ?? "") < other.created_at,
  );
  return newer.sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
}
