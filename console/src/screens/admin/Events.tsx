import { CircleAlert, Download, KeyRound, LifeBuoy, LogIn, type LucideIcon, Mail, ShieldAlert, UserRound } from "lucide-react";
import { useEffect } from "react";

import { get } from "../../api/call";
import type { Event, Events as List, Verdict } from "../../api/admin";
import type { Passkey } from "../../api/types";
import { useText } from "../../i18n/text";
import { inWords } from "../../ui/agent";
import { Button, named } from "../../ui/Button";
import type { Notice } from "../../ui/notice";
import { Loading } from "../../ui/Loading";
import { useMoment } from "../../ui/Time";
import { download } from "../account/codes";
import { type Desk, useList } from "./desk";
import { exported } from "./export";
import { told } from "./told";

// What happened to everybody, and whether the record of it is whole.
export function Events({ desk }: { desk: Desk }) {
  const text = useText();

  const verify = () =>
    void desk.act(async (): Promise<Notice> => {
      const { intact, chains } = await get<Verdict>("/v1/admin/events/verify");
      const broken = chains.find(({ fault }) => fault);
      if (!intact) return { kind: "error", key: "admin.tampered", values: { chain: broken?.chain ?? "" } };
      return { kind: "ok", key: "admin.verified", values: { count: chains.reduce((sum, { events }) => sum + events, 0) } };
    });

  const save = () =>
    void desk.act(async (): Promise<Notice> => {
      download("events.ndjson", (await exported()).join(""), "application/x-ndjson");
      return { kind: "ok", key: "admin.exported" };
    });

  return (
    <section aria-labelledby="events-title">
      <div className="section-head">
        <h2 id="events-title">{text("admin.events")}</h2>
        <div className="head-actions">
          <Button {...named("export")} kind="quiet" disabled={desk.activity.busy} onClick={save}>
            <Download size={20} aria-hidden />
            {text("admin.export")}
          </Button>
          <Button {...named("verify")} kind="quiet" disabled={desk.activity.busy} onClick={verify}>
            {text("admin.verify")}
          </Button>
        </div>
      </div>
      <EventList desk={desk} path="/v1/admin/events?limit=50" linked />
    </section>
  );
}

interface ListProps {
  desk: Desk;
  path: string;
  linked?: boolean; // with whom each concerns
  passkeys?: Passkey[]; // whose names are known
  turn?: number; // read again when it grows
}

export function EventList({ desk, path, linked = false, passkeys = [], turn = 0 }: ListProps) {
  const text = useText();
  const list = useList<List, "events">(desk, path, "events");
  const { reload } = list;
  useEffect(() => {
    if (turn > 0) void reload();
  }, [turn, reload]);
  return (
    <>
      {!list.value && !desk.activity.notice && <Loading rows={3} />}
      {list.value?.events.length === 0 && <p className="muted">{text("admin.no-events")}</p>}
      <ul {...named("events")} className="rows events">
        {list.value?.events.map((event) => (
          <Row key={event.id} event={event} linked={linked} passkey={passkeys.find(({ id }) => id === event.passkey_id)} />
        ))}
      </ul>
      {list.more && (
        <Button {...named("more-events")} kind="quiet" disabled={desk.activity.busy} onClick={list.more}>
          {text("admin.more")}
        </Button>
      )}
    </>
  );
}

// By what an event is about, or by itself where it is a warning.
const icons: Record<string, LucideIcon> = {
  account: UserRound,
  invitation: Mail,
  email: Mail,
  recovery: LifeBuoy,
  passkey: KeyRound,
  session: LogIn,
  attempts: ShieldAlert,
  notice: ShieldAlert,
  "email.link_denied": ShieldAlert,
  "recovery.hold_cancelled": ShieldAlert,
  "passkey.regressed": ShieldAlert,
  "session.refresh_reused": ShieldAlert,
};

function Row({ event, linked, passkey }: { event: Event; linked: boolean; passkey: Passkey | undefined }) {
  const text = useText();
  const when = useMoment()(event.at);
  const { sentence, known, code } = told(event, passkey && (passkey.name || text("passkeys.unnamed")), text);
  const Icon = icons[event.name] ?? icons[event.name.replace(/\..*/, "")] ?? CircleAlert;
  return (
    <li data-testid="event" data-id={event.id} data-name={event.name} data-warn={Icon === ShieldAlert || undefined}>
      <Icon size={20} aria-hidden />
      <div className="row-text">
        <p className="event-sentence" title={event.name}>
          {known ? sentence : <code>{sentence}</code>} {code && <span className="badge">{code}</span>}
        </p>
        <p className="passkey-line">
          <time dateTime={event.at} title={when.exact}>
            {when.words}
          </time>
          {linked && event.account_id && <Someone key="on" id={event.account_id} words="admin.on" />}
          {event.actor_id && <Someone key="by" id={event.actor_id} words="admin.by" />}
          {event.user_agent && <span>{inWords(event.user_agent, text)}</span>}
          {event.network && <span>{event.network}</span>}
          {event.door && <span>{event.door}</span>}
        </p>
        {event.note && <p className="passkey-line">“{event.note}”</p>}
      </div>
    </li>
  );
}

// An account in an event: the end of its id, which tells one from another at a glance.
function Someone({ id, words }: { id: string; words: "admin.by" | "admin.on" }) {
  const text = useText();
  return (
    <span>
      <a href={`/admin?account=${id}`} title={id}>
        {text(words, { who: `…${id.slice(-6)}` })}
      </a>
    </span>
  );
}
