// The link that proves an address. It takes a session of the account that claimed the
// address: whoever reads the mail must be whoever asked for it.

import { type ReactNode, useEffect, useState } from "react";

import { Problem, get, post } from "../api/call";
import type { Account } from "../api/types";
import { setNext } from "../browser/next";
import { useText } from "../i18n/text";
import { type Activity, useActivity } from "../ui/activity";
import { Button, named } from "../ui/Button";
import { Loading } from "../ui/Loading";
import type { Notice } from "../ui/notice";
import { Page } from "../ui/Page";
import { useReset } from "./reset";

export type State = { at: "looking" | "incomplete" | "nobody" } | { at: "someone"; email?: string | undefined } | { at: "done"; email: string };

export interface ConfirmEmailProps {
  token?: string | undefined;
  initial?: { state?: State; notice?: Notice };
}

const refused = (error: unknown, code: string) => error instanceof Problem && error.code === code;
const taken: Notice = { kind: "error", key: "proof.taken" };

export default function ConfirmEmail({ token, initial = {} }: ConfirmEmailProps) {
  const text = useText();
  const activity = useActivity(initial.notice ?? null);
  const [state, setState] = useState<State>(initial.state ?? { at: token ? "looking" : "incomplete" });
  const looking = state.at === "looking";
  useReset(activity);
  const { say } = activity;

  useEffect(() => {
    if (!looking) return;
    get<Account>("/v1/account")
      .then(({ pending_email: email }) => setState({ at: "someone", email }))
      // Whatever else is wrong, confirming says it.
      .catch((error: unknown) => setState({ at: refused(error, "unauthenticated") ? "nobody" : "someone" }));
  }, [looking]);

  async function confirm(): Promise<void> {
    let conflict = false;
    const well = await activity.attempt(
      async () => {
        try {
          const { email = "" } = await post<Account>("/v1/account/email/proof", { token });
          setState({ at: "done", email });
        } catch (error) {
          if (refused(error, "unauthenticated")) return setState({ at: "nobody" });
          conflict = refused(error, "conflict");
          throw error;
        }
      },
      () => void confirm(),
    );
    if (conflict) say(taken);
    if (well) activity.rest(false);
  }

  function signIn() {
    setNext(`/confirm-email#${token ?? ""}`);
    location.assign("/sign-in");
  }

  switch (state.at) {
    case "looking":
      return <Frame activity={activity}>{<Loading />}</Frame>;
    case "incomplete":
      return (
        <Frame activity={activity}>
          <p {...named("end")}>{text("link.incomplete")}</p>
          <a {...named("to-account")} className="button secondary" href="/account">
            {text("proof.to-account")}
          </a>
        </Frame>
      );
    case "nobody":
      return (
        <Frame activity={activity}>
          <p {...named("end")}>{text("proof.sign-in")}</p>
          <Button {...named("to-sign-in")} kind="primary" onClick={signIn}>
            {text("link.to-sign-in")}
          </Button>
        </Frame>
      );
    case "done":
      return (
        <Frame activity={activity}>
          <p {...named("end")} role="status">
            {text("proof.done", { email: state.email })}
          </p>
          <a {...named("to-account")} className="button secondary" href="/account">
            {text("proof.to-account")}
          </a>
        </Frame>
      );
    default:
      return (
        <Frame activity={activity}>
          <p>{state.email ? text("proof.text", { email: state.email }) : text("proof.unknown")}</p>
          <Button {...named("confirm-email")} kind="primary" disabled={activity.busy} onClick={() => void confirm()}>
            {text("proof.confirm")}
          </Button>
        </Frame>
      );
  }
}

function Frame({ activity, children }: { activity: Activity; children: ReactNode }) {
  const text = useText();
  return (
    <Page page="confirm-email" activity={activity}>
      <h1>{text("proof.heading")}</h1>
      {children}
    </Page>
  );
}
