// Administration: other people's accounts, invitations, and what happened. What somebody
// may do the server judges; the pages offer it all and say what was refused.

import "../../styles/account.css";
import "../../styles/admin.css";

import { useText } from "../../i18n/text";
import { named } from "../../ui/Button";
import type { Notice } from "../../ui/notice";
import { Page } from "../../ui/Page";
import { Accounts } from "./Accounts";
import { Events } from "./Events";
import { Invitations } from "./Invitations";
import { Person, type PersonProps } from "./Person";
import { useDesk } from "./desk";
import { type Place, type View, placeOf } from "./place";

export interface AdminProps {
  place?: Place;
  initial?: { notice?: Notice; person?: PersonProps["initial"]; accounts?: Parameters<typeof Accounts>[0]["initial"] };
}

export default function Admin({ place = placeOf(location.search), initial = {} }: AdminProps) {
  const text = useText();
  const desk = useDesk(initial.notice ?? null);
  const { view, account, search } = place;
  return (
    <Page page="admin" activity={desk.activity}>
      <h1>{text("admin.heading")}</h1>
      <nav className="sections" aria-label={text("admin.heading")}>
        <Tab view="accounts" to="/admin" now={view} />
        <Tab view="invitations" to="/admin?view=invitations" now={view} />
        <Tab view="events" to="/admin?view=events" now={view} />
        <a {...named("to-account")} href="/account">
          {text("account.heading")}
        </a>
      </nav>
      {account ? (
        <Person desk={desk} id={account} {...(initial.person ? { initial: initial.person } : {})} />
      ) : view === "invitations" ? (
        <Invitations desk={desk} />
      ) : view === "events" ? (
        <Events desk={desk} />
      ) : (
        <Accounts desk={desk} search={search} {...(initial.accounts ? { initial: initial.accounts } : {})} />
      )}
      {desk.stepUp.dialog}
    </Page>
  );
}

function Tab({ view, to, now }: { view: View; to: string; now: View }) {
  const text = useText();
  return (
    <a href={to} aria-current={view === now ? "page" : undefined}>
      {text(`admin.${view}`)}
    </a>
  );
}
