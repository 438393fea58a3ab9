// The way back in for who has lost every passkey: a saved code, then a new passkey.
// There is no session at the end of it.

import { type FormEvent, type ReactNode, useRef, useState } from "react";

import { Problem, post } from "../api/call";
import type { Recovered, RecoveryRight } from "../api/types";
import { make, supported } from "../browser/passkey";
import { suggestion } from "../browser/provider";
import { finish, nameable } from "../browser/register";
import { useText } from "../i18n/text";
import { type Activity, useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import { Field, plainName } from "../ui/Field";
import type { Notice } from "../ui/notice";
import { Page } from "../ui/Page";
import { useDate } from "../ui/Time";
import { useReset } from "./reset";

export type State = { at: "ask" } | { at: "make"; right: RecoveryRight } | { at: "done"; until?: string | undefined };

export interface RecoverProps {
  initial?: { state?: State; notice?: Notice; fault?: Missing };
}

interface Missing {
  name?: boolean;
  code?: boolean;
}

const unsupported: Notice = { kind: "error", key: "error.unsupported" };
const refused: Notice = { kind: "error", key: "recover.refused" };

export default function Recover({ initial = {} }: RecoverProps) {
  const text = useText();
  const date = useDate();
  const standing = supported ? null : unsupported;
  const activity = useActivity(initial.notice ?? standing);
  const [state, setState] = useState<State>(initial.state ?? { at: "ask" });
  useReset(activity, standing);

  async function show(username: string, code: string): Promise<void> {
    let wrong = false;
    const well = await activity.attempt(
      async () => {
        try {
          setState({ at: "make", right: await post<RecoveryRight>("/v1/recovery", { username, code }) });
        } catch (error) {
          wrong = error instanceof Problem && error.code === "authentication_failed";
          throw error;
        }
      },
      () => void show(username, code),
    );
    if (wrong) activity.say(refused);
    if (well) activity.rest(false);
  }

  async function create(recovery: string): Promise<void> {
    const well = await activity.attempt(
      async () => {
        const made = await make("/v1/recovery/passkey/options", { recovery });
        const suggested = suggestion(made.credential, navigator.userAgent);
        const name = nameable("key" in suggested ? text(suggested.key) : suggested.name);
        const { hold_until: until } = await finish<Recovered>("/v1/recovery/passkey", made, name);
        setState({ at: "done", until });
      },
      () => void create(recovery),
    );
    if (well) activity.rest(false);
  }

  if (state.at === "ask") {
    return <Ask activity={activity} show={(username, code) => void show(username, code)} missing={initial.fault ?? {}} />;
  }
  if (state.at === "make") {
    const { right } = state;
    return (
      <Frame activity={activity}>
        <p {...named("recovered")}>{text("recover.make")}</p>
        {right.hold_until && <p data-testid="hold">{text("recover.hold", { when: date(right.hold_until) })}</p>}
        <Button {...named("create")} kind="primary" disabled={activity.busy} onClick={() => void create(right.recovery)}>
          {text("recover.create")}
        </Button>
      </Frame>
    );
  }
  return (
    <Frame activity={activity}>
      <p {...named("end")} role="status">
        {state.until ? text("recover.held", { when: date(state.until) }) : text("recover.done")}
      </p>
      <a {...named("to-sign-in")} className="button secondary" href="/sign-in">
        {text("link.to-sign-in")}
      </a>
    </Frame>
  );
}

interface AskProps {
  activity: Activity;
  show: (username: string, code: string) => void;
  missing: Missing;
}

function Ask({ activity, show, missing: lacking }: AskProps) {
  const text = useText();
  const username = useRef<HTMLInputElement>(null);
  const code = useRef<HTMLInputElement>(null);
  const [missing, setMissing] = useState(lacking);

  function submit(event: FormEvent) {
    event.preventDefault();
    const said = { name: username.current?.value.trim() ?? "", code: code.current?.value.trim() ?? "" };
    setMissing({ name: !said.name, code: !said.code });
    if (!said.name) username.current?.focus();
    else if (!said.code) code.current?.focus();
    else show(said.name, said.code);
  }

  return (
    <Frame activity={activity} foot={<p className="aside">{text("recover.no-code")}</p>}>
      <p>{text("recover.text")}</p>
      <form {...named("recover")} onSubmit={submit} noValidate>
        <Field
          name="username"
          label={text("sign-in.username")}
          fault={missing.name ? text("sign-in.name-missing") : undefined}
          autoComplete="username"
          maxLength={254}
          ref={username}
          {...plainName}
        />
        <Field
          name="recovery-code"
          label={text("recover.code")}
          hint={text("recover.code.hint")}
          fault={missing.code ? text("recover.code-missing") : undefined}
          autoComplete="off"
          maxLength={64}
          ref={code}
          {...plainName}
          dir="ltr"
        />
        <Button {...named("show-code")} type="submit" kind="primary" disabled={activity.busy || !supported}>
          {text("recover.continue")}
        </Button>
      </form>
    </Frame>
  );
}

function Frame({ activity, foot, children }: { activity: Activity; foot?: ReactNode; children: ReactNode }) {
  const text = useText();
  return (
    <Page page="recover" activity={activity} foot={foot}>
      <h1>{text("recover.heading")}</h1>
      {children}
    </Page>
  );
}
