import type { ReactNode } from "react";

import ConfirmEmail from "../screens/ConfirmEmail";
import Mailbox from "../dev/Mailbox";
import Link, { type Seen } from "../screens/Link";
import Recover from "../screens/Recover";
import Undo from "../screens/Undo";
import { Lost } from "../screens/Lost";
import Admin, { type AdminProps } from "../screens/admin/Admin";
import { placeOf } from "../screens/admin/place";
import { SignIn } from "../screens/SignIn";
import SignUp from "../screens/SignUp";
import Enrol from "../screens/Enrol";
import Account from "../screens/account/Account";
import { NamingDialog } from "../screens/account/naming";
import { StepUpDialog } from "../screens/account/stepup";
import type { Asked } from "../browser/mail";
import type { Site } from "../site";
import { Failed } from "../ui/boundary";
import type { Notice } from "../ui/notice";
import { type World, agents, all, ana, freshCodes, held, lengthy, long, manyMore, noCodes, passkey, person, reachable, several, siblings, spent, unsaved } from "./pretend";

interface State {
  render: () => ReactNode;
  world?: World;
  site?: Partial<Site>;
}

const details = { code: "authentication_failed", request: "7FKX2M4Q6ZT3WJ5N8R1VABCDEF" };
const refused: Notice = { kind: "error", key: "error.refused", details };
const calm: Notice = { kind: "calm", key: "error.calm" };
const unreachable: Notice = {
  kind: "error",
  key: "error.unreachable",
  details: { code: "unreachable", request: "" },
  retry: () => undefined,
};
const offline: Notice = { ...unreachable, key: "error.offline" };
const limited = (): Notice => ({
  kind: "error",
  key: "error.limited",
  values: { seconds: 30 },
  details: { code: "rate_limited", request: details.request },
  until: Date.now() + 30_000,
});
const taken: Notice = { kind: "error", key: "error.name-taken", field: "name", details: { ...details, code: "name_taken" } };
const ok = (key: Notice["key"], name = ""): Notice => ({ kind: "ok", key, values: { name } });
const nothing = () => undefined;

const asked: Asked = { request: "r", email: "ana@example.com", until: Date.now() + 600_000, resend: Date.now() + 25_000 };
const made = { link: `https://id.example.com/enrol#ticket=${"AQAAAAEAAAABhLLv7cHHyq_".repeat(12)}`, expires_at: "2026-03-14T09:56:53Z" };
const soon = "2026-03-15T09:26:53Z";
const seen: Seen = {
  email: "ana@example.com",
  same_client: true,
  asked_from: { at: "2026-03-14T09:24:53Z", network: "192.0.2.1/32", user_agent: agents.mac },
};
const far: Seen = { ...seen, email: `${"donaudampfschifffahrt".repeat(2)}@gesellschaft.example`, asked_from: { at: seen.asked_from.at } };
const undoing = (about: string, subject?: string) => (
  <Undo token="x" initial={{ state: { at: "seen", seen: { about, at: "2026-03-13T19:00:00Z", ...(subject ? { subject } : {}) } } }} />
);

const only = [passkey({ this_session: true })];
const account = (notice?: Notice) => <Account {...(notice ? { initial: { notice } } : {})} />;
const administrator: World = { account: { ...ana, role: "admin" } };
const support: World = { account: { ...ana, role: "support" } };
const admin = (query: string, initial: AdminProps["initial"] = {}) => <Admin place={placeOf(query)} initial={initial} />;
const lone = several[1] ?? passkey({});

export const states: Record<string, State> = {
  "sign-in": { render: () => <SignIn /> },
  "sign-in-closed": { render: () => <SignIn />, site: { sign_up: "closed", email_links: false } },
  "sign-in-people": { render: () => <SignIn />, world: { people: [person, { ...person, username: "b", name: long.display_name ?? "" }] } },
  "sign-in-missing": { render: () => <SignIn initial={{ fault: "name" }} /> },
  "sign-in-cancelled": { render: () => <SignIn initial={{ notice: calm, other: true }} /> },
  "sign-in-refused": { render: () => <SignIn initial={{ notice: refused, other: true }} /> },
  "sign-in-limited": { render: () => <SignIn initial={{ notice: limited() }} /> },
  "sign-in-unreachable": { render: () => <SignIn initial={{ notice: unreachable }} /> },
  "sign-in-offline": { render: () => <SignIn initial={{ notice: offline }} /> },
  "sign-in-unsupported": { render: () => <SignIn initial={{ notice: { kind: "error", key: "error.unsupported" } }} /> },
  "sign-in-left": { render: () => <SignIn left /> },
  "sign-in-none-here": {
    render: () => <SignIn initial={{ notice: { kind: "calm", key: "sign-in.none-here", values: { links: "yes" } }, other: true }} />,
  },
  "sign-in-done": { render: () => <SignIn initial={{ notice: ok("sign-in.done") }} /> },
  "sign-in-links": {
    render: () => <SignIn />,
    site: {
      name: "Donaudampfschifffahrtsgesellschaft mit beschränkter Haftung",
      links: { terms: "https://example.com/terms", privacy: "https://example.com/privacy", support: "mailto:help@example.com" },
    },
  },
  "sign-up": { render: () => <SignUp /> },
  "sign-up-missing": { render: () => <SignUp initial={{ fault: true }} /> },
  "sign-up-taken": { render: () => <SignUp initial={{ notice: taken }} /> },
  "sign-up-invite": { render: () => <SignUp />, site: { sign_up: "invite" } },
  "sign-up-closed": { render: () => <SignUp />, site: { sign_up: "closed" } },
  "sign-up-refused": { render: () => <SignUp initial={{ notice: { kind: "error", key: "sign-up.closed", details } }} /> },
  "sign-up-registered": { render: () => <SignUp initial={{ notice: { kind: "error", key: "error.registered" } }} /> },
  "enrol": { render: () => <Enrol ticket="x" /> },
  "enrol-expired": {
    render: () => <Enrol ticket="x" initial={{ notice: { kind: "error", key: "error.expired", details: { ...details, code: "expired" } } }} />,
  },
  "enrol-incomplete": { render: () => <Enrol /> },
  "enrol-held": { render: () => <Enrol ticket="x" initial={{ until: "2026-03-15T09:26:53Z" }} /> },
  "account": { render: () => account() },
  "account-added": { render: () => account(ok("passkeys.added")), world: { passkeys: only } },
  "account-empty": { render: () => account(), world: { passkeys: [] } },
  "account-only": { render: () => account(), world: { passkeys: only, sessions: [] } },
  "account-replaced": { render: () => account(), world: { passkeys: siblings } },
  "account-activity": { render: () => account(), world: { events: all } },
  "account-activity-none": { render: () => account(), world: { events: { events: [] } } },
  "account-activity-more": { render: () => account(), world: { events: manyMore } },
  "account-long": { render: () => account(), world: { account: long, passkeys: lengthy } },
  "account-faster": { render: () => <Account initial={{ faster: true }} /> },
  "account-first": { render: () => <Account initial={{ faster: true }} />, world: { passkeys: [] } },
  "account-held": { render: () => account(), world: { passkeys: held } },
  "account-addresses": { render: () => account(), world: { account: reachable }, site: { mail: true } },
  "account-addresses-none": { render: () => account(), world: { account: { ...ana, email: "", emails: [] } }, site: { mail: true } },
  "account-address-remove": {
    render: () => <Account initial={{ removing: "ana@example.com" }} />,
    world: { account: reachable },
    site: { mail: true },
  },
  "account-address-fault": {
    render: () => account({ kind: "error", key: "error.email", field: "name", details: { ...details, code: "invalid_field" } }),
    site: { mail: true },
  },
  "account-codes": { render: () => <Account initial={{ recovery: { fresh: freshCodes } }} />, world: { codes: unsaved } },
  "account-codes-none": { render: () => account(), world: { codes: noCodes } },
  "account-codes-unsaved": { render: () => account(), world: { codes: unsaved } },
  "account-codes-spent": { render: () => account(), world: { codes: spent } },
  "account-codes-renew": { render: () => <Account initial={{ recovery: { asking: true } }} /> },
  "account-admin": { render: () => account(), world: administrator },
  "admin": { render: () => admin(""), world: administrator },
  "admin-support": { render: () => admin(""), world: support },
  "admin-member": { render: () => admin("") },
  "admin-search-none": { render: () => admin("search=nobody"), world: administrator },
  "admin-add": { render: () => admin("", { accounts: { drafting: true } }), world: administrator, site: { mail: true } },
  "admin-added": { render: () => admin("", { accounts: { made }, notice: ok("admin.added") }), world: administrator },
  "admin-account": { render: () => admin("account=a4"), world: administrator, site: { mail: true } },
  "admin-account-bare": { render: () => admin("account=a2"), world: administrator },
  "admin-account-equal": { render: () => admin("account=a1"), world: administrator },
  "admin-account-support": { render: () => admin("account=a4"), world: support, site: { mail: true } },
  "admin-account-mailed": { render: () => admin("account=a4", { person: { made: { mailed: true, expires_at: soon } } }), world: administrator },
  "admin-account-disable": {
    render: () =>
      admin("account=a4", { person: { question: { heading: "admin.disable.heading", text: "admin.disable.text", button: "admin.disable", name: "Bo Example", danger: true } } }),
    world: administrator,
  },
  "admin-refused": {
    render: () => admin("account=a4", { notice: { kind: "error", key: "admin.refused", details: { ...details, code: "forbidden" } } }),
    world: administrator,
  },
  "admin-invitations": { render: () => admin("view=invitations"), world: administrator },
  "admin-events": { render: () => admin("view=events"), world: administrator },
  "admin-loading": { render: () => admin(""), world: { silent: true } },
  "mailbox": { render: () => <Mailbox /> },
  "account-renaming": { render: () => <Account initial={{ initial: { renaming: true } }} />, world: { passkeys: only } },
  "account-delete": { render: () => <Account initial={{ initial: { question: { passkey: lone, what: "delete", only: false } } }} /> },
  "account-delete-this": {
    render: () => <Account initial={{ initial: { question: { passkey: passkey({ this_session: true }), what: "delete", only: false } } }} />,
  },
  "account-delete-only": {
    render: () => <Account initial={{ initial: { question: { passkey: passkey({}), what: "delete", only: true } } }} />,
    world: { passkeys: only },
  },
  "account-suspend": { render: () => <Account initial={{ initial: { question: { passkey: lone, what: "suspend", only: false } } }} /> },
  "account-naming": {
    render: () => (
      <>
        <Account />
        <NamingDialog suggested="Apple Passwords" settle={nothing} />
      </>
    ),
  },
  "account-step-up": {
    render: () => (
      <>
        <Account />
        <StepUpDialog asked={{ proved: nothing, refused: nothing }} />
      </>
    ),
  },
  "account-step-up-failed": {
    render: () => (
      <>
        <Account />
        <StepUpDialog asked={{ proved: nothing, refused: nothing }} initial={{ kind: "error", key: "step-up.failed" }} />
      </>
    ),
  },
  "account-deleted": { render: () => account(ok("passkeys.deleted", "Old phone")) },
  "account-conflict": { render: () => account({ kind: "error", key: "error.conflict", details: { ...details, code: "conflict" } }) },
  "account-unreachable": { render: () => account(unreachable), world: { silent: true } },
  "account-loading": { render: () => account(), world: { silent: true } },
  "sign-in-sent": { render: () => <SignIn initial={{ asked }} /> },
  "sign-in-sent-again": { render: () => <SignIn initial={{ asked: { ...asked, resend: 0 }, notice: ok("mail.resent") }} /> },
  "sign-in-sent-wrong": { render: () => <SignIn initial={{ asked, notice: { kind: "error", key: "mail.code.wrong" } }} /> },
  "sign-in-email-missing": { render: () => <SignIn initial={{ fault: "email" }} /> },
  "sign-up-either": { render: () => <SignUp />, site: { mail: true } },
  "sign-up-address": { render: () => <SignUp />, site: { sign_up: "email" } },
  "sign-up-address-missing": { render: () => <SignUp initial={{ fault: true }} />, site: { sign_up: "email" } },
  "sign-up-sent": { render: () => <SignUp initial={{ asked }} />, site: { sign_up: "email" } },
  "sign-up-proved": { render: () => <SignUp ticket="x" email="ana@example.com" />, site: { sign_up: "email" } },
  "sign-up-looking": { render: () => <SignUp ticket="x" /> },
  "sign-up-dead": { render: () => <SignUp ticket="x" email="x" />, world: { refuse: { "/v1/sign-up/passkey/options": "expired" } } },
  "link": { render: () => <Link token="x" initial={{ state: { at: "here", seen } }} /> },
  "link-elsewhere": { render: () => <Link token="x" initial={{ state: { at: "elsewhere", seen } }} /> },
  "link-long": { render: () => <Link token="x" initial={{ state: { at: "elsewhere", seen: far } }} /> },
  "link-code": { render: () => <Link token="x" initial={{ state: { at: "code", seen, code: "K7MQ2X", until: Date.now() + 110_000 } }} /> },
  "link-code-over": { render: () => <Link token="x" initial={{ state: { at: "code", seen, code: "K7MQ2X", until: 0 } }} /> },
  "link-looking": { render: () => <Link token="x" />, world: { silent: true } },
  "link-dead": { render: () => <Link token="x" initial={{ state: { at: "dead", key: "link.dead" } }} /> },
  "link-used": { render: () => <Link token="x" initial={{ state: { at: "used", seen } }} /> },
  "link-ended": { render: () => <Link token="x" initial={{ state: { at: "denied", used: true } }} /> },
  "link-denied": { render: () => <Link token="x" initial={{ state: { at: "denied" } }} /> },
  "link-incomplete": { render: () => <Link /> },
  "link-unreachable": { render: () => <Link token="x" initial={{ state: { at: "here", seen }, notice: unreachable }} /> },
  "confirm-email": { render: () => <ConfirmEmail token="x" initial={{ state: { at: "someone", email: "ana@example.com" } }} /> },
  "confirm-email-nobody": { render: () => <ConfirmEmail token="x" initial={{ state: { at: "nobody" } }} /> },
  "confirm-email-taken": {
    render: () => <ConfirmEmail token="x" initial={{ state: { at: "someone" }, notice: { kind: "error", key: "proof.taken", details } }} />,
  },
  "confirm-email-done": { render: () => <ConfirmEmail token="x" initial={{ state: { at: "done", email: "ana@example.com" } }} /> },
  "confirm-email-incomplete": { render: () => <ConfirmEmail /> },
  "undo-passkey": { render: () => undoing("passkey.added", "MacBook") },
  "undo-email": { render: () => undoing("email.added", "mallory@example.com") },
  "undo-recovery": { render: () => undoing("recovery.used") },
  "undo-other": { render: () => undoing("something.new") },
  "undo-done": { render: () => <Undo token="x" initial={{ state: { at: "done" } }} /> },
  "undo-done-recovery": { render: () => <Undo token="x" initial={{ state: { at: "done", about: "recovery.used" } }} /> },
  "undo-kept": { render: () => <Undo token="x" initial={{ state: { at: "kept" } }} /> },
  "undo-dead": { render: () => <Undo token="x" initial={{ state: { at: "dead", key: "undo.dead" } }} /> },
  "recover": { render: () => <Recover /> },
  "recover-missing": { render: () => <Recover initial={{ fault: { name: true, code: true } }} /> },
  "recover-refused": { render: () => <Recover initial={{ notice: { kind: "error", key: "recover.refused" } }} /> },
  "recover-make": { render: () => <Recover initial={{ state: { at: "make", right: { recovery: "x", expires_in: 600 } } }} /> },
  "recover-make-held": {
    render: () => <Recover initial={{ state: { at: "make", right: { recovery: "x", expires_in: 600, hold_until: soon } } }} />,
  },
  "recover-done": { render: () => <Recover initial={{ state: { at: "done" } }} /> },
  "recover-done-held": { render: () => <Recover initial={{ state: { at: "done", until: soon } }} /> },
  "lost": { render: () => <Lost /> },
  "failed": { render: () => <Failed page="account" /> },
};
