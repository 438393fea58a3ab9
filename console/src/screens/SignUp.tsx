import { type FormEvent, useRef, useState } from "react";

import { supported } from "../browser/passkey";
import { type Key, useText } from "../i18n/text";
import { type SignUpMode, useSite } from "../site";
import { useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import { Field, plainName } from "../ui/Field";
import type { Notice } from "../ui/notice";
import { Page } from "../ui/Page";
import { create } from "./create";
import { useReset } from "./reset";

export interface SignUpProps {
  ticket?: string | undefined;
  initial?: { notice?: Notice; fault?: boolean };
}

// What is said instead of a form to somebody who comes without a ticket.
const closed: Partial<Record<SignUpMode, Key>> = { invite: "sign-up.closed", closed: "sign-up.none" };

const unsupported: Notice = { kind: "error", key: "error.unsupported" };

export function SignUp({ ticket, initial = {} }: SignUpProps) {
  const text = useText();
  const site = useSite();
  const username = useRef<HTMLInputElement>(null);
  const name = useRef<HTMLInputElement>(null);
  const remember = useRef<HTMLInputElement>(null);
  const activity = useActivity(initial.notice ?? (supported ? null : unsupported));
  const [fault, setFault] = useState(initial.fault ?? false);
  useReset(activity, initial.notice);

  async function go(): Promise<void> {
    const begin = {
      username: username.current?.value.trim(),
      display_name: name.current?.value.trim() || undefined,
      ticket,
    };
    const wanted = remember.current?.checked ?? false;
    const well = await activity.attempt(
      () => create("/v1/sign-up/passkey", begin, text, wanted),
      () => void go(),
    );
    if (well) activity.say({ kind: "ok", key: "passkeys.added" });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const missing = !username.current?.value.trim();
    setFault(missing);
    if (missing) username.current?.focus();
    else void go();
  }

  const shut = ticket ? undefined : closed[site.sign_up];
  if (shut) {
    return (
      <Page page="sign-up" activity={activity} foot={<Foot />}>
        <h1>{text("sign-up.heading")}</h1>
        <p {...named("closed")}>{text(shut)}</p>
      </Page>
    );
  }
  const about = activity.notice?.field === "username" ? text(activity.notice.key) : undefined;
  return (
    <Page page="sign-up" activity={activity} foot={<Foot />}>
      <h1>{text("sign-up.heading")}</h1>
      <form {...named("sign-up")} onSubmit={submit} noValidate>
        <Field name="display-name" label={text("sign-up.name")} autoComplete="name" maxLength={64} ref={name} />
        <Field
          name="username"
          label={text("sign-up.username")}
          hint={text("sign-up.username.hint")}
          fault={fault ? text("sign-up.username-missing") : about}
          autoComplete="username"
          maxLength={64}
          required
          ref={username}
          {...plainName}
        />
        <label className="check">
          <input {...named("remember")} type="checkbox" ref={remember} />
          {text("sign-in.remember")}
        </label>
        <Button {...named("create")} type="submit" kind="primary" disabled={activity.busy || !supported}>
          {text("sign-up.create")}
        </Button>
      </form>
    </Page>
  );
}

function Foot() {
  const text = useText();
  return (
    <>
      <p className="aside">{text("explain.passkey")}</p>
      <p className="foot">
        {text("sign-up.known")}{" "}
        <a {...named("to-sign-in")} href="/sign-in">
          {text("sign-up.to-sign-in")}
        </a>
      </p>
    </>
  );
}
