// "This was not me": what a notice leads to. It says what would be undone, and does it
// when it is told to.

import { type ReactNode, useEffect, useState } from "react";

import { Problem, post } from "../api/call";
import type { NoticeSeen } from "../api/types";
import { type Key, useText } from "../i18n/text";
import { type Activity, useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import { Loading } from "../ui/Loading";
import { type Notice, explain } from "../ui/notice";
import { Page } from "../ui/Page";
import { useMoment } from "../ui/Time";
import { useReset } from "./reset";

export type State = { at: "looking" | "kept" } | { at: "done"; about?: string | undefined } | { at: "dead"; key: Key } | { at: "seen"; seen: NoticeSeen };

export interface UndoProps {
  token?: string | undefined;
  initial?: { state?: State; notice?: Notice };
}

const sentences: Record<string, Key> = {
  "passkey.added": "undo.passkey.added",
  "email.added": "undo.email.added",
  "recovery.used": "undo.recovery.used",
};

const over = (error: unknown) => error instanceof Problem && error.code === "expired";

export default function Undo({ token, initial = {} }: UndoProps) {
  const text = useText();
  const activity = useActivity(initial.notice ?? null);
  const [state, setState] = useState<State>(initial.state ?? (token ? { at: "looking" } : { at: "dead", key: "link.incomplete" }));
  const looking = state.at === "looking";
  useReset(activity);
  const { say } = activity;

  useEffect(() => {
    if (!looking) return;
    const look = () => {
      say(null);
      post<NoticeSeen>("/v1/notices/look", { token })
        .then((seen) => setState({ at: "seen", seen }))
        .catch((error: unknown) => (over(error) ? setState({ at: "dead", key: "undo.dead" }) : say(explain(error, look))));
    };
    look();
  }, [looking, say, token]);

  async function undo(): Promise<void> {
    const well = await activity.attempt(
      async () => {
        try {
          await post<void>("/v1/notices/undo", { token });
          setState((was) => ({ at: "done", about: was.at === "seen" ? was.seen.about : undefined }));
        } catch (error) {
          if (!over(error)) throw error;
          setState({ at: "dead", key: "undo.dead" });
        }
      },
      () => void undo(),
    );
    if (well) activity.rest(false);
  }

  switch (state.at) {
    case "looking":
      return <Frame activity={activity} heading={text("undo.heading")}>{!activity.notice && <Loading />}</Frame>;
    case "seen":
      return (
        <Frame activity={activity} heading={text("undo.heading")}>
          <What seen={state.seen} />
          <div className="ways">
            <Button {...named("undo")} kind="danger" disabled={activity.busy} onClick={() => void undo()}>
              {text("undo.undo")}
            </Button>
            <Button {...named("keep")} kind="secondary" disabled={activity.busy} onClick={() => setState({ at: "kept" })}>
              {text("undo.keep")}
            </Button>
          </div>
        </Frame>
      );
    case "dead":
      return <End activity={activity} heading={text("link.dead.heading")} sentence={text(state.key)} />;
    case "kept":
      return <End activity={activity} heading={text("undo.kept.heading")} sentence={text("undo.kept")} />;
    default:
      return <End activity={activity} heading={text("undo.done.heading")} sentence={text(state.about === "recovery.used" ? "undo.done.recovery" : "undo.done")} />;
  }
}

function What({ seen }: { seen: NoticeSeen }) {
  const text = useText();
  const when = useMoment()(seen.at);
  const key = sentences[seen.about] ?? "undo.other";
  return (
    <>
      <p data-testid="about" dir="auto">
        {text(key, { named: seen.subject ? "yes" : "no", subject: seen.subject ?? "" })}
      </p>
      <p className="when">
        <time dateTime={seen.at} title={when.exact}>
          {text("undo.at", { when: when.words })}
        </time>
      </p>
      <p>{text("undo.ends")}</p>
    </>
  );
}

function Frame({ activity, heading, children }: { activity: Activity; heading: string; children: ReactNode }) {
  return (
    <Page page="undo" activity={activity}>
      <h1>{heading}</h1>
      {children}
    </Page>
  );
}

function End({ activity, heading, sentence }: { activity: Activity; heading: string; sentence: string }) {
  const text = useText();
  return (
    <Frame activity={activity} heading={heading}>
      <p {...named("end")} role="status">
        {sentence}
      </p>
      <a {...named("to-sign-in")} className="button secondary" href="/sign-in">
        {text("link.to-sign-in")}
      </a>
    </Frame>
  );
}
