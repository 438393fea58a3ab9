import { type FormEvent, useState } from "react";

import { supported } from "../browser/passkey";
import { useText } from "../i18n/text";
import { useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import type { Notice } from "../ui/notice";
import { Page } from "../ui/Page";
import { useDate } from "../ui/Time";
import { create } from "./create";
import { useReset } from "./reset";

export interface EnrolProps {
  ticket?: string | undefined;
  initial?: { notice?: Notice; until?: string };
}

const unsupported: Notice = { kind: "error", key: "error.unsupported" };
const incomplete: Notice = { kind: "error", key: "enrol.incomplete" };

export default function Enrol({ ticket, initial = {} }: EnrolProps) {
  const text = useText();
  const standing = ticket ? (supported ? undefined : unsupported) : incomplete;
  const activity = useActivity(initial.notice ?? standing ?? null);
  useReset(activity, standing);
  const date = useDate();
  const [until, setUntil] = useState(initial.until);

  async function go(): Promise<void> {
    let held: string | undefined;
    const well = await activity.attempt(
      async () => {
        held = await create("/v1/enrolment/passkey", { ticket }, text, false);
      },
      () => void go(),
    );
    if (held) {
      setUntil(held);
      activity.rest(false);
    } else if (well) activity.say({ kind: "ok", key: "passkeys.added" });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void go();
  }

  if (until) {
    return (
      <Page page="enrol" activity={activity}>
        <h1>{text("enrol.heading")}</h1>
        <p {...named("end")} role="status">
          {text("recover.held", { when: date(until) })}
        </p>
        <a {...named("to-sign-in")} className="button secondary" href="/sign-in">
          {text("link.to-sign-in")}
        </a>
      </Page>
    );
  }
  return (
    <Page page="enrol" activity={activity} foot={<p className="aside">{text("explain.passkey")}</p>}>
      <h1>{text("enrol.heading")}</h1>
      <p>{text("enrol.text")}</p>
      <form {...named("enrol")} onSubmit={submit} noValidate>
        <Button {...named("create")} type="submit" kind="primary" disabled={activity.busy || standing !== undefined}>
          {text("enrol.create")}
        </Button>
      </form>
    </Page>
  );
}
