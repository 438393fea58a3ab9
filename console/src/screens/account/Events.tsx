import { KeyRound, LifeBuoy, LogIn, LogOut, type LucideIcon, Mail, ShieldAlert, ShieldCheck, UserRound } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { get } from "../../api/call";
import type { Event, Events as List, Passkey } from "../../api/types";
import { type Key, useText } from "../../i18n/text";
import type { Activity } from "../../ui/activity";
import { Button, named } from "../../ui/Button";
import { useMoment } from "../../ui/Time";
import { inWords } from "../../ui/agent";
import { extended, renewed } from "./events";

interface Props {
  first: List; // the newest, read anew whenever the page is
  passkeys: Passkey[];
  activity: Activity;
}

// Every event there is. A server newer than this page may know more: those are not shown.
const icons: Record<Event["name"], LucideIcon> = {
  "account.signed_up": UserRound,
  "account.first_admin": UserRound,
  "account.added": UserRound,
  "account.imported": UserRound,
  "account.link_made": UserRound,
  "account.changed": UserRound,
  "account.deleted": UserRound,
  "account.disabled": UserRound,
  "account.enabled": UserRound,
  "account.role_changed": UserRound,
  "email.asked": Mail,
  "email.added": Mail,
  "email.removed": Mail,
  "email.link_honoured": LogIn,
  "email.code_made": Mail,
  "email.link_denied": ShieldAlert,
  "recovery.codes_made": LifeBuoy,
  "recovery.codes_saved": LifeBuoy,
  "recovery.used": LifeBuoy,
  "recovery.hold_cancelled": ShieldAlert,
  "notice.undone": ShieldAlert,
  "passkey.added": KeyRound,
  "passkey.renamed": KeyRound,
  "passkey.suspended": KeyRound,
  "passkey.restored": KeyRound,
  "passkey.removed": KeyRound,
  "passkey.regressed": ShieldAlert,
  "session.signed_in": LogIn,
  "session.stepped_up": ShieldCheck,
  "session.signed_out": LogOut,
  "session.all_ended": LogOut,
  "session.refresh_reused": ShieldAlert,
};

// How many come when somebody asks for more.
const MORE = 20;

// A passkey that nobody suspended looked like a copy.
const copied = ({ name, code, by_administrator: ordered }: Event): boolean => name === "passkey.suspended" && code !== "by_person" && !ordered;

function sentence(event: Event): Key {
  if (copied(event)) return "activity.passkey.copied";
  if (event.name === "session.signed_out" && event.code === "elsewhere") return "activity.session.elsewhere";
  if (event.name === "recovery.hold_cancelled" && event.code === "codes_ended") return "activity.recovery.codes_ended";
  if (event.name === "notice.undone" && event.code === "recovery.used") return "activity.recovery.undone";
  return `activity.${event.name}`;
}

export function Events({ first, passkeys, activity }: Props) {
  const text = useText();
  const [list, setList] = useState(first);
  useEffect(() => setList((known) => renewed(known, first)), [first]);
  const shown = list.events.filter(({ name }) => name in icons);
  const [reached, setReached] = useState("");
  const rows = useRef<HTMLUListElement>(null);
  // Who asked for more reads on where it begins.
  useEffect(() => {
    rows.current?.querySelector<HTMLElement>(`[data-id="${reached}"]`)?.focus();
  }, [reached]);

  async function more(cursor: string): Promise<void> {
    const well = await activity.attempt(
      async () => {
        const part = await get<List>(`/v1/account/activity?limit=${MORE}&cursor=${cursor}`);
        setList((known) => extended(known, part));
        setReached(part.events[0]?.id ?? "");
      },
      () => void more(cursor),
    );
    if (well) activity.rest(false);
  }

  const next = list.next_cursor;
  return (
    <section aria-labelledby="activity-title" id="section-activity">
      <div className="section-head">
        <h2 id="activity-title">{text("activity.heading")}</h2>
      </div>
      <ul {...named("events")} className="rows events" ref={rows}>
        {shown.map((event) => (
          <Row key={event.id} event={event} passkey={passkeys.find(({ id }) => id === event.passkey_id)} />
        ))}
      </ul>
      {shown.length === 0 && !next && <p className="empty">{text("activity.empty")}</p>}
      {next && (
        <Button {...named("more-events")} kind="quiet" disabled={activity.busy} onClick={() => void more(next)}>
          {text("activity.more")}
        </Button>
      )}
    </section>
  );
}

function Row({ event, passkey }: { event: Event; passkey: Passkey | undefined }) {
  const text = useText();
  const when = useMoment()(event.at);
  const Icon = copied(event) ? ShieldAlert : icons[event.name];
  const by = event.by_administrator ? text("activity.by-administrator") : event.this_session ? text("sessions.this") : event.user_agent && inWords(event.user_agent, text);
  return (
    <li data-testid="event" data-id={event.id} data-warn={Icon === ShieldAlert || undefined} tabIndex={-1}>
      <Icon size={20} aria-hidden />
      <div className="row-text">
        <p className="event-sentence">
          {text(sentence(event), { known: passkey ? "yes" : "no", name: passkey?.name || text("passkeys.unnamed") })}
        </p>
        <p className="passkey-line">
          <time dateTime={event.at} title={when.exact}>
            {when.words}
          </time>
          {by && <span>{by}</span>}
        </p>
      </div>
    </li>
  );
}
