// Administration: other people's accounts, invitations, and what happened. What somebody
// may do the server judges; the pages offer what their role allows.

import "../../styles/account.css";
import "../../styles/admin.css";

import { get } from "../../api/call";
import type { Account } from "../../api/types";
import { useText } from "../../i18n/text";
import { named } from "../../ui/Button";
import { Loading } from "../../ui/Loading";
import type { Notice } from "../../ui/notice";
import { Page } from "../../ui/Page";
import { Accounts } from "./Accounts";
import { Events } from "./Events";
import { Invitations } from "./Invitations";
import { Person, type PersonProps } from "./Person";
import { type Desk, useActing, useReading } from "./desk";
import { type Place, type View, placeOf } from "./place";

export interface AdminProps {
  place?: Place;
  initial?: { notice?: Notice; person?: PersonProps["initial"]; accounts?: Parameters<typeof Accounts>[0]["initial"] };
}

export default function Admin({ place = placeOf(location.search), initial = {} }: AdminProps) {
  const text = useText();
  const acting = useActing(initial.notice ?? null);
  const { value: me } = useReading(acting, () => get<Account>("/v1/account"));
  const { activity } = acting;
  const admin = me?.role === "admin";
  return (
    <Page page="admin" activity={activity}>
      <h1>{text("admin.heading")}</h1>
      <nav className="sections" aria-label={text("admin.heading")}>
        {me?.role && <Tab view="accounts" to="/admin" now={place.view} />}
        {admin && <Tab view="invitations" to="/admin?view=invitations" now={place.view} />}
        {admin && <Tab view="events" to="/admin?view=events" now={place.view} />}
        <a {...named("to-account")} href="/account">
          {text("account.heading")}
        </a>
      </nav>
      {!me && !activity.notice && <Loading rows={3} />}
      {me && !me.role && <p {...named("no-role")}>{text("admin.no-role")}</p>}
      {me?.role && <Part desk={{ ...acting, role: me.role }} place={place} initial={initial} />}
      {acting.stepUp.dialog}
    </Page>
  );
}

// Part is what is looked at. Support looks after members, and after nothing else.
function Part({ desk, place, initial }: { desk: Desk; place: Place; initial: NonNullable<AdminProps["initial"]> }) {
  const { view, account, search } = place;
  if (account) return <Person desk={desk} id={account} {...(initial.person ? { initial: initial.person } : {})} />;
  if (view === "invitations" && desk.role === "admin") return <Invitations desk={desk} />;
  if (view === "events" && desk.role === "admin") return <Events desk={desk} />;
  return <Accounts desk={desk} search={search} {...(initial.accounts ? { initial: initial.accounts } : {})} />;
}

function Tab({ view, to, now }: { view: View; to: string; now: View }) {
  const text = useText();
  return (
    <a href={to} aria-current={view === now ? "page" : undefined}>
      {text(`admin.${view}`)}
    </a>
  );
}
