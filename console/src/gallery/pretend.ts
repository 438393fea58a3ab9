// What the states of the gallery stand on: people and passkeys that do not exist, and
// a server that answers for them.

import type { Account as AdminAccount, Event as AdminEvent, Invitation } from "../api/admin";
import type { Account, Event, Events, Passkey, RecoveryCodes, Session } from "../api/types";
import { type Person, visited } from "../browser/remembered";

export const NOW = Date.parse("2026-03-14T09:26:53Z");

const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();
const HOUR = 3600;
const DAY = 24 * HOUR;

export const ana: Account = { id: "1", username: "ana", email: "ana@example.com", emails: ["ana@example.com"], display_name: "Ana Example" };

// Names as long as they come, in a language that likes them long.
export const long: Account = {
  id: "2",
  username: "donaudampfschifffahrtsgesellschaftskapitaenswitwe-von-und-zu-x",
  display_name: "Annegret-Wilhelmine Donaudampfschifffahrtsgesellschaftskapitän",
};

export function passkey(over: Partial<Passkey>): Passkey {
  return {
    id: "p1",
    credential_id: "AA",
    name: "MacBook",
    created_at: ago(90 * DAY),
    last_used_at: ago(2 * HOUR),
    times_used: 14,
    transports: ["internal"],
    aaguid: "fbfc3007-154e-4ecc-8c0b-6e020557d7bd",
    backup_eligible: true,
    backed_up: true,
    user_verified: true,
    suspended: false,
    rp_id: "localhost",
    attestation: { format: "none", trust: "none" },
    this_session: false,
    ...over,
  };
}

export const several: Passkey[] = [
  passkey({ this_session: true }),
  passkey({
    id: "p2",
    name: "Work key",
    aaguid: "2fc0579f-8113-47ea-b116-bb5a8db9202a",
    backed_up: false,
    times_used: 1,
    last_used_at: ago(40 * DAY),
  }),
  passkey({ id: "p3", name: "Old phone", suspended: true, aaguid: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", times_used: 220 }),
];

const { last_used_at: _unused, ...fresh } = passkey({ id: "p5", name: "My iPhone", times_used: 0, created_at: ago(2 * DAY) });

export const siblings: Passkey[] = [passkey({ id: "p4", name: "iPhone", last_used_at: ago(30 * DAY) }), fresh];

export const lengthy: Passkey[] = [
  passkey({ name: "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz", this_session: true }),
  passkey({ id: "p6", name: "مفتاح هاتفي", suspended: true }),
];

// Somebody with addresses long and new, and one more claimed.
export const reachable: Account = {
  ...ana,
  emails: ["ana@example.com", `${"donaudampfschifffahrt".repeat(2)}@gesellschaft.example`],
  pending_email: "ana.new@example.org",
};

export const held: Passkey[] = [
  passkey({ id: "p7", name: "New phone", times_used: 0, held_until: ago(-20 * HOUR), created_at: ago(HOUR) }),
  passkey({ this_session: true }),
];

const saved: RecoveryCodes = { left: 8, saved: true, made_at: ago(12 * DAY) };
export const unsaved: RecoveryCodes = { left: 10, saved: false, made_at: ago(HOUR) };
export const noCodes: RecoveryCodes = { left: 0, saved: false };
export const spent: RecoveryCodes = { left: 0, saved: true, made_at: ago(400 * DAY) };
export const freshCodes = Array.from("ABCDEFGHJK", (letter) => `7KQ2-M9TZ-4XWP-B3HN-6RVC-8DYF-J${letter}`);

const adminAccounts: AdminAccount[] = [
  { id: "a1", username: "ana", display_name: "Ana Example", emails: ["ana@example.com"], role: "admin", disabled: false, passkeys: 3, created_at: ago(400 * DAY) },
  { id: "a2", username: long.username ?? "", display_name: long.display_name ?? "", role: "member", disabled: true, passkeys: 1, created_at: ago(20 * DAY) },
  { id: "a3", pending_email: "new@example.org", role: "support", disabled: false, passkeys: 0, created_at: ago(HOUR) },
  { id: "a4", username: "bo", display_name: "Bo Example", emails: ["bo@example.com"], role: "member", disabled: false, passkeys: 3, created_at: ago(30 * DAY) },
];

const invitations: Invitation[] = [
  { id: "i1", email: "bo@example.com", display_name: "Bo Example", role: "member", created_at: ago(DAY), expires_at: ago(-6 * DAY) },
  { id: "i2", role: "support", by: "a1", created_at: ago(2 * DAY), expires_at: ago(-5 * DAY) },
];

const happened: AdminEvent[] = [
  { id: "h1", name: "account.disabled", at: ago(20), account_id: "01a20033-a2", actor_id: "01a20033-a1", note: "left the company", network: "192.0.2.1/32", door: "rest" },
  { id: "h2", name: "passkey.suspended", at: ago(HOUR), account_id: "01a20033-a2", code: "sign_count_regressed", user_agent: "curl/8.7.1" },
  { id: "h3", name: "session.signed_in", at: ago(9 * DAY), account_id: "01a20033-a1", network: "2001:db8::/64", passkey_id: "p1" },
  { id: "h4", name: "account.role_changed", at: ago(10 * DAY), account_id: "01a20033-a3", actor_id: "01a20033-a1", code: "support" },
  { id: "h5", name: "attempts.failed", at: ago(11 * DAY), counts: { sign_in: 41, recovery: 1 } },
  { id: "h6", name: "account.merged", at: ago(12 * DAY), account_id: "01a20033-a3", code: "a_name_that_this_page_does_not_know" },
];

export const agents = {
  mac: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
  phone: "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
};

function session(over: Pick<Session, "id" | "created_at" | "last_seen_at" | "user_agent"> & Partial<Session>): Session {
  const proved = { aal: 2, acr: "phr", amr: ["hwk", "user"], mode: "cookie" } as const;
  return { ...proved, amr: [...proved.amr], auth_time: over.created_at, expires_at: ago(-DAY), this_session: false, ...over };
}

export const sessions: Session[] = [
  session({ id: "s1", created_at: ago(DAY), last_seen_at: ago(20), user_agent: agents.mac, this_session: true }),
  session({ id: "s2", created_at: ago(20 * DAY), last_seen_at: ago(3 * DAY), user_agent: agents.phone }),
  session({ id: "s3", created_at: ago(30 * DAY), last_seen_at: ago(9 * DAY), user_agent: "curl/8.7.1" }),
];

function event(n: number, name: Event["name"], seconds: number, over: Partial<Event> = {}): Event {
  return { id: `e${n}`, name, at: ago(seconds), user_agent: agents.mac, network: "192.0.2.1/32", ...over };
}

const lately: Event[] = [
  event(1, "session.signed_in", 20, { passkey_id: "p1", aal: 2, this_session: true }),
  event(2, "passkey.renamed", 2 * HOUR, { passkey_id: "p2" }),
  event(3, "passkey.suspended", 20 * HOUR, { passkey_id: "p3", code: "by_person", user_agent: agents.phone }),
  event(4, "passkey.removed", 3 * DAY, { passkey_id: "gone" }),
  event(5, "session.stepped_up", 3 * DAY, { passkey_id: "p1", aal: 2 }),
];

const { user_agent: _noBrowser, network: _noNetwork, ...byOperator } = event(11, "account.link_made", 89 * DAY);

const formerly: Event[] = [
  event(6, "passkey.suspended", 5 * DAY, { passkey_id: "p2", code: "sign_count_regressed", user_agent: "curl/8.7.1" }),
  event(7, "passkey.regressed", 5 * DAY, { passkey_id: "p2", user_agent: "curl/8.7.1" }),
  event(8, "session.refresh_reused", 12 * DAY, { user_agent: agents.phone }),
  event(14, "session.signed_out", 20 * DAY, { code: "elsewhere" }),
  event(9, "session.all_ended", 30 * DAY, { user_agent: agents.phone }),
  event(10, "passkey.added", 60 * DAY, { passkey_id: "gone" }),
  byOperator,
  event(15, "email.asked", 61 * DAY),
  event(16, "email.added", 61 * DAY),
  event(17, "email.link_honoured", 62 * DAY),
  event(18, "email.code_made", 62 * DAY, { user_agent: agents.phone }),
  event(19, "email.link_denied", 63 * DAY),
  event(20, "recovery.codes_made", 64 * DAY),
  event(21, "recovery.codes_saved", 64 * DAY),
  event(22, "recovery.used", 65 * DAY),
  event(23, "recovery.hold_cancelled", 65 * DAY),
  event(29, "recovery.hold_cancelled", 65 * DAY, { code: "codes_ended" }),
  event(24, "notice.undone", 66 * DAY),
  event(30, "notice.undone", 66 * DAY, { code: "recovery.used" }),
  event(25, "email.removed", 66 * DAY),
  event(26, "account.role_changed", 67 * DAY),
  event(27, "account.disabled", 68 * DAY),
  event(28, "account.enabled", 68 * DAY),
  event(12, "account.changed", 90 * DAY),
  event(13, "account.signed_up", 90 * DAY, { passkey_id: "p1" }),
  event(31, "account.imported", 90 * DAY),
];

const some: Events = { events: lately };
export const all: Events = { events: [...lately, ...formerly] };
export const manyMore: Events = { events: lately, next_cursor: "more" };

export const person: Person = { username: "ana", name: "Ana Example", here: true, used: NOW };

const mails = [
  { id: "m1", to: "ana@example.com", subject: "Sign in to Example", at: ago(20) },
  { id: "m2", to: `${"donaudampfschifffahrt".repeat(2)}@gesellschaft.example`, subject: "Ein neuer Passkey wurde Ihrem Konto hinzugefügt", at: ago(HOUR) },
];

export interface World {
  account?: Account;
  passkeys?: Passkey[];
  sessions?: Session[];
  codes?: RecoveryCodes;
  events?: Events;
  people?: Person[];
  silent?: boolean; // no call is ever answered
  refuse?: Record<string, string>; // the codes of calls that are refused
}

// pretend puts a server in place of the real one. Storage is set up for one state and
// says nothing of anybody real: the gallery exists on developers' machines only.
export function pretend(world: World): void {
  const { account = ana, passkeys = several, sessions: listed = sessions, codes = saved, events = some, people = [], silent, refuse = {} } = world;
  localStorage.setItem("keyturn.people", JSON.stringify(people));
  visited({ here: true }, false);
  const answers: Record<string, unknown> = {
    "/v1/account": account,
    "/v1/passkeys": { passkeys },
    "/v1/account/sessions": { sessions: listed },
    "/v1/account/recovery-codes": codes,
    "/dev/mails": { mails },
    "/v1/account/activity?limit=5": events,
    "/v1/account/activity?limit=20&cursor=more": { events: formerly },
  };
  Object.assign(answers, {
    "/v1/admin/accounts?limit=50": { accounts: adminAccounts, next_cursor: "more" },
    "/v1/admin/accounts?search=nobody": { accounts: [] },
    "/v1/admin/accounts/a1": adminAccounts[0],
    "/v1/admin/accounts/a1/passkeys": { passkeys },
    "/v1/admin/accounts/a1/sessions?limit=20": { sessions: listed },
    "/v1/admin/accounts/a1/events?limit=20": { events: happened },
    "/v1/admin/accounts/a2": adminAccounts[1],
    "/v1/admin/accounts/a2/passkeys": { passkeys: [] },
    "/v1/admin/accounts/a2/sessions?limit=20": { sessions: [] },
    "/v1/admin/accounts/a2/events?limit=20": { events: [] },
    "/v1/admin/accounts/a4": adminAccounts[3],
    "/v1/admin/accounts/a4/passkeys": { passkeys },
    "/v1/admin/accounts/a4/sessions?limit=20": { sessions: listed.map((one) => ({ ...one, this_session: false })) },
    "/v1/admin/accounts/a4/events?limit=20": { events: happened },
    "/v1/admin/invitations?limit=50": { invitations },
    "/v1/admin/events?limit=50": { events: happened },
  });
  window.fetch = async (input) => {
    const code = refuse[String(input)];
    if (code) return Response.json({ code }, { status: 410 });
    const answer = answers[String(input)];
    if (silent || answer === undefined) return new Promise<Response>(() => undefined);
    return Response.json(answer);
  };
}
