// What happened, said politely: a live region that is always there, the countdown,
// another try, and the details for whoever is asked for help.

import { useEffect, useState } from "react";

import { useText } from "../i18n/text";
import type { Activity } from "./activity";
import { Button, named } from "./Button";
import type { Notice } from "./notice";

export function Status({ activity }: { activity: Activity }) {
  const text = useText();
  const { notice } = activity;
  return (
    <div className="said" data-empty={notice === null || notice.field !== undefined || undefined}>
      <Live notice={notice} words={notice ? text(notice.key, notice.values) : ""} />
      {notice?.until !== undefined && <Waiting notice={notice} until={notice.until} />}
      {notice?.retry && (
        <Button {...named("retry")} kind="secondary" onClick={notice.retry}>
          {text("retry")}
        </Button>
      )}
      <details {...named("details")} hidden={!notice?.details} key={notice?.details?.request}>
        <summary>{text("details")}</summary>
        <dl>
          <dt>{text("details.code")}</dt>
          <dd {...named("details-code")}>{notice?.details?.code}</dd>
          <dt>{text("details.request")}</dt>
          <dd {...named("details-request")}>{notice?.details?.request || text("details.none")}</dd>
        </dl>
      </details>
    </div>
  );
}

// A live region only announces a change, so the words go first and come back when
// the same thing is said again. What stands on the page already is only said.
function Live({ words, notice }: { words: string; notice: Notice | null }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    setSaid("");
    if (!words) return;
    const timer = setTimeout(() => setSaid(words), 20);
    return () => clearTimeout(timer);
  }, [words, notice]);
  return (
    <p
      {...named("status")}
      className={notice?.field || notice?.until !== undefined ? "unseen" : "status"}
      role="status"
      aria-live="polite"
      data-kind={notice?.kind ?? ""}
    >
      {said}
    </p>
  );
}

// How long to wait is counted down for the eye. It was said once: who listens is not
// told every second.
function Waiting({ notice, until }: { notice: Notice; until: number }) {
  const text = useText();
  const left = useLeft(until);
  return (
    <p className="status countdown" data-kind={notice.kind} aria-hidden="true">
      {text(notice.key, { ...notice.values, seconds: left })}
    </p>
  );
}

// useLeft is how many seconds are left until a moment, never less than none.
export function useLeft(until: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return Math.max(0, Math.ceil((until - now) / 1000));
}
