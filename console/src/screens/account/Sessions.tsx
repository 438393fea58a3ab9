import { Monitor, Smartphone } from "lucide-react";

import { call } from "../../api/call";
import type { Session } from "../../api/types";
import { useText } from "../../i18n/text";
import type { Activity } from "../../ui/activity";
import { Button, named } from "../../ui/Button";
import type { Notice } from "../../ui/notice";
import { useMoment } from "../../ui/Time";
import { inWords } from "../../ui/agent";
import type { StepUp } from "./stepup";

interface Props {
  sessions: Session[];
  activity: Activity;
  stepUp: StepUp;
  changed: (notice: Notice) => Promise<void>;
}

const handheld = /iPhone|iPad|Android/;

export function Sessions({ sessions, activity, stepUp, changed }: Props) {
  const text = useText();
  const moment = useMoment();
  const others = sessions.filter((session) => !session.this_session);

  async function end(path: string, notice: Notice): Promise<void> {
    const well = await activity.attempt(
      () => stepUp.fresh(() => call("DELETE", path)),
      () => void end(path, notice),
    );
    if (well) await changed(notice);
  }

  return (
    <section aria-labelledby="sessions-title" id="section-sessions">
      <div className="section-head">
        <h2 id="sessions-title">{text("sessions.heading")}</h2>
        {others.length > 0 && (
          <Button
            {...named("end-others")}
            kind="quiet"
            disabled={activity.busy}
            onClick={() => void end("/v1/account/sessions", { kind: "ok", key: "sessions.ended-others" })}
          >
            {text("sessions.end-others")}
          </Button>
        )}
      </div>
      <ul {...named("sessions")} className="rows">
        {sessions.map((session) => {
          const seen = moment(session.last_seen_at);
          const name = inWords(session.user_agent ?? "", text);
          const Icon = handheld.test(session.user_agent ?? "") ? Smartphone : Monitor;
          return (
            <li key={session.id} data-testid="session" data-id={session.id}>
              <span className="tile">
                <Icon size={20} aria-hidden />
              </span>
              <div className="row-text">
                <div className="row-head">
                  <h3>{name}</h3>
                  {session.this_session && <span className="badge">{text("sessions.this")}</span>}
                </div>
                <p className="passkey-line">
                  <span>{text("sessions.line", { when: moment(session.created_at).words })}</span>
                  <time dateTime={session.last_seen_at} title={seen.exact}>
                    {text("sessions.seen", { when: seen.words })}
                  </time>
                </p>
              </div>
              {!session.this_session && (
                <Button
                  kind="quiet"
                  disabled={activity.busy}
                  data-testid="end"
                  aria-label={text("sessions.end.label", { session: name })}
                  onClick={() =>
                    void end(`/v1/account/sessions/${session.id}`, { kind: "ok", key: "sessions.ended", values: { session: name } })
                  }
                >
                  {text("sessions.end")}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
      {others.length === 0 && <p className="aside">{text("sessions.only")}</p>}
    </section>
  );
}
