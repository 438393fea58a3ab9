// Events as sentences about somebody else. A server newer than this page may know more
// events: those go by their names.

import type { Event } from "../../api/admin";
import type { Key, Text } from "../../i18n/text";

const sentences: Record<string, Key> = {
  "account.signed_up": "admin.event.signed-up",
  "account.first_admin": "admin.event.first-admin",
  "account.added": "admin.event.added",
  "account.imported": "admin.event.imported",
  "account.link_made": "admin.event.link-made",
  "account.changed": "admin.event.changed",
  "account.deleted": "activity.account.deleted",
  "account.disabled": "activity.account.disabled",
  "account.enabled": "activity.account.enabled",
  "account.role_changed": "admin.event.role",
  "attempts.failed": "admin.event.failed",
  "email.asked": "activity.email.asked",
  "email.added": "activity.email.added",
  "email.removed": "activity.email.removed",
  "email.link_honoured": "admin.event.link-used",
  "email.code_made": "activity.email.code_made",
  "email.link_denied": "admin.event.link-denied",
  "invitation.made": "admin.event.invited",
  "invitation.withdrawn": "admin.event.withdrawn",
  "notice.undone": "admin.event.undone",
  "passkey.added": "activity.passkey.added",
  "passkey.renamed": "activity.passkey.renamed",
  "passkey.suspended": "activity.passkey.suspended",
  "passkey.restored": "activity.passkey.restored",
  "passkey.removed": "activity.passkey.removed",
  "passkey.regressed": "activity.passkey.regressed",
  "recovery.codes_made": "activity.recovery.codes_made",
  "recovery.codes_saved": "admin.event.codes-saved",
  "recovery.used": "activity.recovery.used",
  "recovery.hold_cancelled": "activity.recovery.hold_cancelled",
  "session.signed_in": "admin.event.signed-in",
  "session.stepped_up": "admin.event.stepped-up",
  "session.signed_out": "admin.event.signed-out",
  "session.all_ended": "admin.event.all-ended",
  "session.refresh_reused": "activity.session.refresh_reused",
};

const roles: Record<string, Key> = { member: "admin.role.member", support: "admin.role.support", admin: "admin.role.admin" };

export interface Told {
  sentence: string;
  known: boolean; // there is a sentence; else it is the name of the event
  code?: string; // what the sentence does not say
}

// told puts an event into words. passkey is what the one that it is about is called, where
// that is known.
export function told(event: Event, passkey: string | undefined, text: Text): Told {
  const { name, code, counts = {} } = event;
  const key = sentences[name];
  const role = name === "account.role_changed" ? roles[code ?? ""] : undefined;
  const values = {
    known: passkey === undefined ? "no" : "yes",
    name: passkey ?? "",
    role: role ? text(role) : (code ?? ""),
    count: Object.values(counts).reduce((sum, count) => sum + count, 0),
  };
  return { sentence: key ? text(key, values) : name, known: key !== undefined, ...(code && !role ? { code } : {}) };
}
