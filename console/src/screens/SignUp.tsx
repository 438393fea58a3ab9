import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";

import { Problem, post } from "../api/call";
import type { Options } from "../api/types";
import type { Asked } from "../browser/mail";
import { onTheWay } from "../browser/next";
import { supported } from "../browser/passkey";
import { unfit } from "../browser/username";
import { type Key, useText } from "../i18n/text";
import { type SignUpMode, useSite } from "../site";
import { type Activity, useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import { Field, plainName } from "../ui/Field";
import { Loading } from "../ui/Loading";
import type { Notice } from "../ui/notice";
import { Page } from "../ui/Page";
import { create } from "./create";
import { type Mailing, useMailing } from "./mail/mailing";
import { useReset } from "./reset";

export interface SignUpProps {
  ticket?: string | undefined;
  email?: string | undefined; // proved already: the ticket says so
  initial?: { notice?: Notice; fault?: boolean; asked?: Asked };
}

// What is said instead of a form to somebody who comes without a ticket.
const closed: Partial<Record<SignUpMode, Key>> = { invite: "sign-up.closed", closed: "sign-up.none" };

const unsupported: Notice = { kind: "error", key: "error.unsupported" };
const dead: Notice = { kind: "calm", key: "sign-up.dead" };

export default function SignUp({ ticket, email, initial = {} }: SignUpProps) {
  const site = useSite();
  const activity = useActivity(initial.notice ?? (supported ? null : unsupported));
  const mailing = useMailing("sign-up", activity, initial.asked);
  const permit = usePermit(ticket, email, activity);
  useReset(activity, initial.notice);
  const shut = ticket ? undefined : closed[site.sign_up];
  if (shut) return <Shut activity={activity} sentence={shut} />;
  if (!ticket && site.sign_up === "email") {
    return mailing.screen ?? <Address activity={activity} mailing={mailing} fault={initial.fault ?? false} />;
  }
  if (permit === "looking" || permit === "dead") return <Shut activity={activity} looking={permit === "looking"} />;
  return <Form activity={activity} ticket={ticket} permit={permit} fault={initial.fault ?? false} />;
}

// What a ticket permits: the name that the account will have by it, if it has one.
interface Permit {
  name?: string | undefined;
}

// usePermit finds out what a ticket is good for before anybody fills in a form: to begin
// a sign-up uses nothing up.
function usePermit(ticket: string | undefined, email: string | undefined, activity: Activity): Permit | "looking" | "dead" {
  const [permit, setPermit] = useState<Permit | "looking" | "dead">(ticket && !email ? "looking" : { name: email });
  const { say } = activity;
  useEffect(() => {
    if (!ticket) return;
    post<Options<PublicKeyCredentialCreationOptionsJSON>>("/v1/sign-up/passkey/options", { ticket, session_mode: "cookie" })
      .then(({ publicKey }) => setPermit({ name: publicKey.user.name }))
      .catch((error: unknown) => {
        const over = error instanceof Problem && error.code === "expired";
        setPermit((known) => (over ? "dead" : known === "looking" ? {} : known));
        if (over) say(dead);
      });
  }, [ticket, say]);
  return permit;
}

function Shut({ activity, sentence, looking = false }: { activity: Activity; sentence?: Key; looking?: boolean }) {
  const text = useText();
  return (
    <Page page="sign-up" activity={activity} foot={<Foot />}>
      <h1>{text("sign-up.heading")}</h1>
      {sentence && <p {...named("closed")}>{text(sentence)}</p>}
      {looking && <Loading />}
    </Page>
  );
}

// Address asks for an address first, where every account begins with a proved one.
function Address({ activity, mailing, fault: faulty }: { activity: Activity; mailing: Mailing; fault: boolean }) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState(faulty);

  function submit(event: FormEvent) {
    event.preventDefault();
    const email = field.current?.value.trim() ?? "";
    setFault(!email.includes("@"));
    if (email.includes("@")) void mailing.ask(email);
    else field.current?.focus();
  }

  return (
    <Page page="sign-up" activity={activity} foot={<Foot />}>
      <h1>{text("sign-up.heading")}</h1>
      <form {...named("sign-up")} onSubmit={submit} noValidate>
        <Field
          name="email"
          label={text("sign-up.email")}
          hint={text("sign-up.email.hint")}
          fault={fault ? text("sign-up.email-missing") : activity.notice?.field && text(activity.notice.key)}
          type="email"
          autoComplete="email"
          maxLength={254}
          required
          ref={field}
          {...plainName}
        />
        <Button {...named("send-link")} type="submit" kind="primary" disabled={activity.busy}>
          {text("sign-up.continue")}
        </Button>
      </form>
    </Page>
  );
}

const missing = (either: boolean): Key => (either ? "sign-up.either-missing" : "sign-up.username-missing");

interface FormProps {
  activity: Activity;
  ticket: string | undefined;
  permit: Permit;
  fault: boolean;
}

function Form({ activity, ticket, permit, fault: faulty }: FormProps) {
  const text = useText();
  const site = useSite();
  const username = useRef<HTMLInputElement>(null);
  const name = useRef<HTMLInputElement>(null);
  const remember = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState<Key | null>(faulty ? missing(site.mail && !ticket) : null);
  // Without mail an address could never be proved, and nobody could sign in by it.
  const either = site.mail && !ticket;

  async function go(): Promise<void> {
    const said = username.current?.value.trim();
    const begin = {
      ...(either && said?.includes("@") ? { email: said } : { username: said || undefined }),
      display_name: name.current?.value.trim() || undefined,
      ticket,
    };
    const wanted = remember.current?.checked ?? false;
    const well = await activity.attempt(
      async () => {
        await create("/v1/sign-up/passkey", begin, text, wanted);
      },
      () => void go(),
    );
    if (well) activity.say({ kind: "ok", key: "passkeys.added" });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const said = username.current?.value.trim() ?? "";
    const wrong = permit.name ? null : !said ? missing(either) : either ? null : unfit(said);
    setFault(wrong);
    if (wrong) username.current?.focus();
    else void go();
  }

  const about = activity.notice?.field ? text(activity.notice.key) : undefined;
  return (
    <Page page="sign-up" activity={activity} foot={<Foot />}>
      <h1>{text("sign-up.heading")}</h1>
      <form {...named("sign-up")} onSubmit={submit} noValidate>
        {permit.name && <Fact what={text("sign-up.email")}>{permit.name}</Fact>}
        <Field name="display-name" label={text("sign-up.name")} autoComplete="name" maxLength={64} ref={name} />
        {!permit.name && (
          <Field
            name="username"
            label={text(either ? "sign-up.either" : "sign-up.username")}
            {...(either ? {} : { hint: text("sign-up.username.hint") })}
            fault={fault ? text(fault) : about}
            autoComplete="username"
            maxLength={either ? 254 : 64}
            required
            ref={username}
            {...plainName}
          />
        )}
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

function Fact({ what, children }: { what: string; children: ReactNode }) {
  return (
    <dl className="facts">
      <dt>{what}</dt>
      <dd dir="auto" data-testid="fact">
        {children}
      </dd>
    </dl>
  );
}

function Foot() {
  const text = useText();
  return (
    <>
      <p className="aside">{text("explain.passkey")}</p>
      <p className="foot">
        {text("sign-up.known")}{" "}
        <a {...named("to-sign-in")} href={onTheWay("/sign-in")}>
          {text("sign-up.to-sign-in")}
        </a>
      </p>
    </>
  );
}
