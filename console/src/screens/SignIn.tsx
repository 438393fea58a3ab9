import { KeyRound, Mail } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";

import { Problem } from "../api/call";
import type { Asked } from "../browser/mail";
import { goOn, onTheWay } from "../browser/next";
import { NoneHere, type Used, supported, use } from "../browser/passkey";
import { type Person, forget, remembered, visited } from "../browser/remembered";
import { useText } from "../i18n/text";
import { useSite } from "../site";
import { type Activity, useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import { Field, plainName } from "../ui/Field";
import type { Notice } from "../ui/notice";
import { Page } from "../ui/Page";
import { People } from "./People";
import { useAutofill } from "./autofill";
import { type Mailing, useMailing } from "./mail/mailing";
import { useReset } from "./reset";

const unsupported: Notice = { kind: "error", key: "error.unsupported" };
const signedOut: Notice = { kind: "calm", key: "sign-in.left" };

type Missing = "name" | "email";

export interface SignInProps {
  left?: boolean; // came here from signing out
  email?: string; // of whom another page has asked already
  initial?: { notice?: Notice; fault?: Missing; other?: boolean; asked?: Asked };
}

export function SignIn({ left = false, email = "", initial = {} }: SignInProps) {
  const standing = supported ? (left ? signedOut : null) : unsupported;
  const activity = useActivity(initial.notice ?? standing);
  const mailing = useMailing("sign-in", activity, initial.asked);
  return mailing.screen ?? <Form left={left} email={email} initial={initial} activity={activity} mailing={mailing} />;
}

type FormProps = Required<SignInProps> & { activity: Activity; mailing: Mailing };

function Form({ left, email, initial, activity, mailing }: FormProps) {
  const text = useText();
  const site = useSite();
  const field = useRef<HTMLInputElement>(null);
  const [people, setPeople] = useState(remembered);
  const [remember, setRemember] = useState(false);
  const [missing, setMissing] = useState<Missing | undefined>(initial.fault);
  const [other, setOther] = useState(initial.other ?? false);
  const wanted = useRef(false);
  wanted.current = remember;

  function signedIn({ answer, here }: Used) {
    const { username, email, display_name: name } = answer.account;
    visited({ username: username ?? email, name: name ?? username ?? email, here }, wanted.current);
    activity.say({ kind: "ok", key: "sign-in.done" });
    goOn();
  }

  const autofill = useAutofill(activity, signedIn, left);

  async function go(begin: { username?: string }): Promise<void> {
    activity.rest(true);
    await autofill.stop();
    let used: Used | undefined;
    let none = false;
    let asked = true; // for a passkey, which another device may have
    const well = await activity.attempt(
      async () => {
        used = await use("/v1/sign-in/passkey", {
          begin: { ...begin, session_mode: "cookie" },
          here: !begin.username && !other,
        }).catch((error: unknown) => {
          none = error instanceof NoneHere;
          asked = !(error instanceof Problem && error.unreachable);
          throw error;
        });
      },
      () => void go(begin),
    );
    if (well && used) return signedIn(used);
    if (none) activity.say({ kind: "calm", key: "sign-in.none-here", values: { links: site.email_links ? "yes" : "no" } });
    if (asked) setOther(true);
    return autofill.start();
  }

  // ask reads the field, or says what it misses.
  function ask(what: Missing, then: (name: string) => void) {
    const name = field.current?.value.trim() ?? "";
    const lacks = what === "email" ? !name.includes("@") : !name;
    setMissing(lacks ? what : undefined);
    if (lacks) field.current?.focus();
    else then(name);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    ask("name", (username) => void go({ username }));
  }

  function withoutName() {
    setMissing(undefined);
    void go({});
  }

  function remove(person: Person) {
    forget(person.username);
    setPeople(remembered());
    activity.say({ kind: "calm", key: "sign-in.person.removed", values: { person: person.name } });
    field.current?.focus();
  }

  useReset(activity, initial.notice);
  const resting = activity.busy || !supported;
  const about = activity.notice?.field ? text(activity.notice.key) : undefined;
  const mayOpen = site.sign_up === "open" || site.sign_up === "email";
  return (
    <Page page="sign-in" activity={activity} autofill={autofill.state} quietName foot={<Foot signUp={mayOpen} first={people.length === 0} />}>
      <h1>{text("sign-in.heading", { name: site.name })}</h1>
      <People people={people} busy={resting} choose={(person) => void go({ username: person.username })} remove={remove} />
      <form {...named("sign-in")} onSubmit={submit} noValidate>
        <Field
          name="username"
          label={text("sign-in.username")}
          autoComplete="username webauthn"
          maxLength={254}
          defaultValue={email}
          ref={field}
          fault={missing ? text(`sign-in.${missing}-missing`) : about}
          {...plainName}
        />
        <label className="check">
          <input {...named("remember")} type="checkbox" checked={remember} onChange={(event) => setRemember(event.target.checked)} />
          {text("sign-in.remember")}
        </label>
        <Button {...named("continue")} type="submit" kind="primary" disabled={resting}>
          {text("sign-in.continue")}
        </Button>
        <p className="or" aria-hidden="true">
          <span>{text("or")}</span>
        </p>
        <div className="ways">
          <Button {...named("passkey")} kind="secondary" disabled={resting} onClick={withoutName}>
            <KeyRound size={20} aria-hidden />
            {text(other ? "sign-in.other" : "sign-in.passkey")}
          </Button>
          {site.email_links && (
            <Button {...named("send-link")} kind="secondary" disabled={activity.busy} onClick={() => ask("email", (email) => void mailing.ask(email))}>
              <Mail size={20} aria-hidden />
              {text("sign-in.link")}
            </Button>
          )}
          {other && (
            <a {...named("to-recover")} href="/recover">
              {text("sign-in.recover")}
            </a>
          )}
        </div>
      </form>
    </Page>
  );
}

function Foot({ signUp, first }: { signUp: boolean; first: boolean }) {
  const text = useText();
  return (
    <>
      {first && <p className="aside">{text("explain.passkey")}</p>}
      {signUp && (
        <p className="foot">
          {text("sign-in.new")}{" "}
          <a {...named("to-sign-up")} href={onTheWay("/sign-up")}>
            {text("sign-in.to-sign-up")}
          </a>
        </p>
      )}
    </>
  );
}
