import type { ReactNode } from "react";

import { Lost } from "../screens/Lost";
import { SignIn } from "../screens/SignIn";
import { SignUp } from "../screens/SignUp";
import { Enrol } from "../screens/Enrol";
import Account from "../screens/account/Account";
import { NamingDialog } from "../screens/account/naming";
import { StepUpDialog } from "../screens/account/stepup";
import type { Site } from "../site";
import { Failed } from "../ui/boundary";
import type { Notice } from "../ui/notice";
import { type World, all, lengthy, long, manyMore, passkey, person, several, siblings } from "./pretend";

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
const taken: Notice = { kind: "error", key: "error.name-taken", field: "username", details: { ...details, code: "name_taken" } };
const ok = (key: Notice["key"], name = ""): Notice => ({ kind: "ok", key, values: { name } });
const nothing = () => undefined;

const only = [passkey({ this_session: true })];
const account = (notice?: Notice) => <Account {...(notice ? { initial: { notice } } : {})} />;
const lone = several[1] ?? passkey({});

export const states: Record<string, State> = {
  "sign-in": { render: () => <SignIn /> },
  "sign-in-closed": { render: () => <SignIn />, site: { sign_up: "closed", email_links: false } },
  "sign-in-people": { render: () => <SignIn />, world: { people: [person, { ...person, username: "b", name: long.display_name ?? "" }] } },
  "sign-in-missing": { render: () => <SignIn initial={{ fault: true }} /> },
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
  "lost": { render: () => <Lost /> },
  "failed": { render: () => <Failed page="account" /> },
};
