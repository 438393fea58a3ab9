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
    <>
      <Live notice={notice} words={notice ? text(notice.key, notice.values) : ""} />
      {notice?.until !== undefined && <Countdown until={notice.until} />}
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
    </>
  );
}

// A live region only announces a change, so the words go first and come back when
// the same thing is said again. What stands beside its field already is only said.
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
      className={notice?.field ? "unseen" : "status"}
      role="status"
      aria-live="polite"
      data-kind={notice?.kind ?? ""}
    >
      {said}
    </p>
  );
}

function Countdown({ until }: { until: number }) {
  const text = useText();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <p className="countdown" aria-hidden="true">
      {text("error.countdown", { seconds: Math.max(0, Math.ceil((until - now) / 1000)) })}
    </p>
  );
}
