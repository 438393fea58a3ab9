// The passkeys and the sessions of somebody else.

import { Pause, Play, Trash2 } from "lucide-react";

import type { Passkey, Session } from "../../api/types";
import { providerName } from "../../browser/provider";
import { useText } from "../../i18n/text";
import { inWords } from "../../ui/agent";
import { Button, named } from "../../ui/Button";
import { Mark } from "../../ui/Mark";
import Menu, { type Item } from "../../ui/Menu";
import { useMoment } from "../../ui/Time";
import type { Question } from "./Ask";

interface PasskeysProps {
  passkeys: Passkey[];
  acts: boolean; // may suspend
  decides: boolean; // may restore and remove
  busy: boolean;
  ask: (question: Question) => void;
  suspend: (passkey: Passkey, suspended: boolean, reason: string) => void;
  remove: (passkey: Passkey, reason: string) => void;
}

export function Passkeys({ passkeys, acts, decides, busy, ask, suspend, remove }: PasskeysProps) {
  const text = useText();
  const moment = useMoment();
  return (
    <>
      <h3 className="sub">{text("passkeys.heading")}</h3>
      {passkeys.length === 0 && <p className="muted">{text("admin.no-passkeys")}</p>}
      <ul {...named("passkeys")} className="rows">
        {passkeys.map((passkey) => {
          const name = passkey.name || text("passkeys.unnamed");
          const when = moment(passkey.last_used_at ?? passkey.created_at);
          const standing: Question = passkey.suspended
            ? { heading: "admin.restore.heading", text: "admin.restore.text", button: "passkeys.restore", name, required: true, go: (reason) => suspend(passkey, false, reason) }
            : { heading: "passkeys.suspend.heading", text: "passkeys.suspend.text", button: "passkeys.suspend", name, go: (reason) => suspend(passkey, true, reason) };
          const removing: Question = {
            heading: "passkeys.delete.heading",
            text: "admin.remove.text",
            button: "passkeys.delete",
            name,
            danger: true,
            go: (reason) => remove(passkey, reason),
          };
          const items: Item[] = [];
          if (passkey.suspended ? decides : acts) {
            items.push({
              name: passkey.suspended ? "restore" : "suspend",
              label: text(standing.button),
              icon: passkey.suspended ? <Play size={20} aria-hidden /> : <Pause size={20} aria-hidden />,
              act: () => ask(standing),
            });
          }
          if (decides) items.push({ name: "delete", label: text("passkeys.delete"), icon: <Trash2 size={20} aria-hidden />, danger: true, act: () => ask(removing) });
          return (
            <li key={passkey.id} data-testid="passkey" data-id={passkey.id}>
              <Mark provider={providerName(passkey.aaguid)} />
              <div className="row-text">
                <div className="row-head">
                  <h4 className="passkey-name" dir="auto">
                    {name}
                  </h4>
                  {passkey.suspended && (
                    <span className="badge" data-kind="warn">
                      {text("passkeys.badge.suspended")}
                    </span>
                  )}
                </div>
                <p className="passkey-line">
                  <span>{text(passkey.backed_up ? "passkeys.synced" : "passkeys.one-device")}</span>
                  <time dateTime={passkey.last_used_at ?? passkey.created_at} title={when.exact}>
                    {text(passkey.last_used_at ? "passkeys.last-used" : "passkeys.created", { when: when.words })}
                  </time>
                  {passkey.times_used > 0 && <span>{text("passkeys.times", { count: passkey.times_used })}</span>}
                </p>
              </div>
              {items.length > 0 && <Menu label={text("passkeys.menu", { name })} disabled={busy} items={items} />}
            </li>
          );
        })}
      </ul>
    </>
  );
}

interface SessionsProps {
  sessions: Session[];
  acts: boolean; // may end them
  busy: boolean;
  end: (session: Session, words: string) => void;
}

export function Sessions({ sessions, acts, busy, end }: SessionsProps) {
  const text = useText();
  const moment = useMoment();
  return (
    <>
      <h3 className="sub">{text("sessions.heading")}</h3>
      {sessions.length === 0 && <p className="muted">{text("admin.no-sessions")}</p>}
      <ul {...named("sessions")} className="rows">
        {sessions.map((session) => {
          const words = inWords(session.user_agent ?? "", text);
          return (
            <li key={session.id} data-testid="session">
              <div className="row-text">
                <h4>{words}</h4>
                <p className="passkey-line">
                  <span>{text("sessions.line", { when: moment(session.created_at).words })}</span>
                  <span>{text("sessions.seen", { when: moment(session.last_seen_at).words })}</span>
                </p>
              </div>
              {acts && (
                <Button kind="quiet" disabled={busy} data-testid="end" aria-label={text("sessions.end.label", { session: words })} onClick={() => end(session, words)}>
                  {text("sessions.end")}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}
