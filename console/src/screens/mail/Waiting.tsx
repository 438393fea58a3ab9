// "Check your mail": what is shown where a link was asked for, until it is used.

import { type FormEvent, useEffect, useRef, useState } from "react";

import { Problem, get } from "../../api/call";
import { type Asked, forgetAsked, onUsed, typed } from "../../browser/mail";
import { goOn } from "../../browser/next";
import { useText } from "../../i18n/text";
import { type Activity } from "../../ui/activity";
import { Button, named } from "../../ui/Button";
import { Field } from "../../ui/Field";
import type { Notice } from "../../ui/notice";
import { Page } from "../../ui/Page";
import { useLeft } from "../../ui/Status";
import { askForLink, show } from "./ask";

interface Props {
  page: string;
  asked: Asked;
  activity: Activity;
  asks: (asked: Asked) => void; // it was sent again
  back: () => void;
  fault?: boolean;
}

const CODE_LENGTH = 6;
const wrong: Notice = { kind: "error", key: "mail.code.wrong" };
const elsewhere: Notice = { kind: "calm", key: "mail.elsewhere" };
const expired: Notice = { kind: "calm", key: "mail.expired" };

export default function Waiting({ page, asked, activity, asks, back, fault: faulty = false }: Props) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const [fault, setFault] = useState(faulty);
  const { say } = activity;

  // The form that was here is gone, and the focus with it.
  useEffect(() => heading.current?.focus(), []);
  // Where the address is nobody's yet, the other tab signs up, and nobody is signed in.
  const used = useRef(false);
  useEffect(
    () =>
      onUsed(asked.request, () => {
        used.current = true;
        get("/v1/account").then(() => goOn(), () => say(elsewhere));
      }),
    [asked.request, say],
  );
  useEffect(() => {
    const timer = setTimeout(() => used.current || say(expired), asked.until - Date.now());
    return () => clearTimeout(timer);
  }, [asked.until, say]);

  async function check(code: string): Promise<void> {
    let refused = false;
    const well = await activity.attempt(
      () =>
        show(asked.email, { code, request: asked.request }).catch((error: unknown) => {
          refused = error instanceof Problem && error.code === "authentication_failed";
          throw error;
        }),
      () => void check(code),
    );
    if (well) return say({ kind: "ok", key: "sign-in.done" });
    if (refused) say(wrong);
    field.current?.select();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const code = typed(field.current?.value ?? "");
    setFault(code.length !== CODE_LENGTH);
    if (code.length === CODE_LENGTH) void check(code);
    else field.current?.focus();
  }

  async function again(): Promise<void> {
    const well = await activity.attempt(async () => asks(await askForLink(asked.email)), () => void again());
    if (!well) return;
    activity.rest(false);
    say({ kind: "ok", key: "mail.resent" });
  }

  function leave() {
    forgetAsked(asked.email);
    say(null);
    back();
  }

  return (
    <Page page={page} activity={activity} foot={<p className="aside">{text("mail.none")}</p>}>
      <h1 tabIndex={-1} ref={heading}>
        {text("mail.heading")}
      </h1>
      <p {...named("mailed")}>{text("mail.text", { email: asked.email })}</p>
      <form {...named("mail-code")} onSubmit={submit} noValidate>
        <Field
          name="code"
          label={text("mail.code")}
          hint={text("mail.code.hint")}
          fault={fault ? text("mail.code.missing") : undefined}
          autoComplete="one-time-code"
          autoCapitalize="characters"
          autoCorrect="off"
          spellCheck={false}
          maxLength={CODE_LENGTH + 2}
          className="code-field"
          dir="ltr"
          ref={field}
        />
        <Button {...named("check-code")} type="submit" kind="primary" disabled={activity.busy}>
          {text("mail.continue")}
        </Button>
      </form>
      <div className="under">
        <Again resend={asked.resend} busy={activity.busy} again={() => void again()} />
        <Button {...named("another-way")} kind="quiet" disabled={activity.busy} onClick={leave}>
          {text("mail.back")}
        </Button>
      </div>
    </Page>
  );
}

function Again({ resend, busy, again }: { resend: number; busy: boolean; again: () => void }) {
  const text = useText();
  const left = useLeft(resend);
  return (
    <Button {...named("resend")} kind="quiet" disabled={busy || left > 0} onClick={again} className="countdown">
      {left > 0 ? text("mail.resend-in", { seconds: left }) : text("mail.resend")}
    </Button>
  );
}
