// What a link from a mail opens. It never acts by itself: the link may have been opened
// by a scanner, or have been asked for by somebody else.

import { type ReactNode, useEffect, useRef, useState } from "react";

import { Problem, post } from "../api/call";
import type { EmailCode, LinkSeen, Whence } from "../api/types";
import { allAsked } from "../browser/mail";
import { type Key, useText } from "../i18n/text";
import { useSite } from "../site";
import { type Activity, useActivity } from "../ui/activity";
import { inWords } from "../ui/agent";
import { Button, named } from "../ui/Button";
import { Loading } from "../ui/Loading";
import type { Notice } from "../ui/notice";
import { Page } from "../ui/Page";
import { useLeft } from "../ui/Status";
import { useMoment } from "../ui/Time";
import { show } from "./mail/ask";
import { useReset } from "./reset";

// What is known of the link.
export interface Seen extends LinkSeen {
  request?: string | undefined; // of this browser, where it asked for the link
}

export type State =
  | { at: "looking" }
  | { at: "denied"; used?: boolean }
  | { at: "dead"; key: Key; email?: string }
  | { at: "here" | "elsewhere" | "used"; seen: Seen }
  | { at: "code"; seen: Seen; code: string; until: number };

export interface LinkProps {
  token?: string | undefined;
  initial?: { state?: State; notice?: Notice };
}

// signInAs is the page to sign in, with an address filled in: from there another link is
// one press away. It is behind the #, where no server and no log sees it.
const signInAs = (email?: string): string => (email ? `/sign-in#${new URLSearchParams({ email })}` : "/sign-in");

const refused = (error: unknown, code: string) => error instanceof Problem && error.code === code;

// look asks what the link is about, as the one that asked for it, if this browser did.
async function look(token: string): Promise<Seen> {
  let seen: Seen | undefined;
  for (const { request } of [...allAsked(), { request: undefined }]) {
    seen = await post<LinkSeen>("/v1/sign-in/email/look", { token, ...(request ? { request } : {}) });
    if (seen.same_client) return { ...seen, request };
  }
  return seen as Seen;
}

export default function Link({ token, initial = {} }: LinkProps) {
  const text = useText();
  const site = useSite();
  const activity = useActivity(initial.notice ?? null);
  const toSignIn = (
    <a {...named("to-sign-in")} className="button secondary" href="/sign-in">
      {text("link.to-sign-in")}
    </a>
  );
  const begin: State = initial.state ?? (token ? { at: "looking" } : { at: "dead", key: "link.incomplete" });
  const [state, setState] = useState<State>(begin);
  const link = useLink(token ?? "", activity, setState);
  useReset(activity);

  const opened = useRef(begin.at !== "looking");
  useEffect(() => {
    if (opened.current) return;
    opened.current = true;
    void link.open();
  });

  switch (state.at) {
    case "looking":
      return (
        <Frame activity={activity} heading={text("link.heading", { name: site.name })}>
          {!activity.notice && <Loading />}
        </Frame>
      );
    case "dead":
      return (
        <End activity={activity} heading={text("link.dead.heading")} sentence={text(state.key)}>
          <a {...named("another-link")} className="button primary" href={signInAs(state.email)}>
            {text("link.another")}
          </a>
        </End>
      );
    case "denied":
      return (
        <End
          activity={activity}
          heading={text(state.used ? "link.ended.heading" : "link.denied.heading")}
          sentence={text(state.used ? "link.ended" : "link.denied")}
        >
          {toSignIn}
        </End>
      );
    case "used":
      return (
        <Frame activity={activity} heading={text("link.dead.heading")}>
          <Who seen={state.seen} />
          <p>{text("link.used")}</p>
          <div className="ways">
            <a {...named("another-link")} className="button primary" href={signInAs(state.seen.email)}>
              {text("link.another")}
            </a>
            <Button {...named("deny")} kind="secondary" disabled={activity.busy} onClick={() => void link.deny(true)}>
              {text("link.deny")}
            </Button>
          </div>
        </Frame>
      );
    case "code":
      return <Code activity={activity} state={state} again={() => void link.code(state.seen)} />;
    default:
      return (
        <Frame activity={activity} heading={text("link.heading", { name: site.name })}>
          <Who seen={state.seen} />
          {state.at === "elsewhere" && <p>{text("link.elsewhere")}</p>}
          <div className="ways">
            {state.at === "here" ? (
              <Button {...named("use-link")} kind="primary" disabled={activity.busy} onClick={() => void link.use(state.seen)}>
                {text("link.sign-in")}
              </Button>
            ) : (
              <Button {...named("show-code")} kind="primary" disabled={activity.busy} onClick={() => void link.code(state.seen)}>
                {text("link.show-code")}
              </Button>
            )}
            <Button {...named("deny")} kind="secondary" disabled={activity.busy} onClick={() => void link.deny(false)}>
              {text("link.deny")}
            </Button>
          </div>
        </Frame>
      );
  }
}

interface Actions {
  open: () => Promise<void>;
  use: (seen: Seen) => Promise<void>;
  code: (seen: Seen) => Promise<void>;
  deny: (used: boolean) => Promise<void>;
}

// useLink does what can be done with a link, and shows what came of it. A link that is
// refused is over, whatever was tried: it may have been used since it was opened.
function useLink(token: string, activity: Activity, set: (state: State) => void): Actions {
  async function run(work: () => Promise<State | undefined>, again: () => void, email?: string): Promise<void> {
    let next: State | undefined;
    const well = await activity.attempt(async () => {
      next = await work().catch((error: unknown): State => {
        if (refused(error, "authentication_failed")) return { at: "dead", key: "link.dead", ...(email ? { email } : {}) };
        throw error;
      });
    }, again);
    if (!well || !next) return;
    activity.rest(false);
    set(next);
  }

  const open = () =>
    run(async () => {
      const seen = await look(token);
      return { at: seen.used ? "used" : seen.same_client ? "here" : "elsewhere", seen };
    }, () => void open());

  const use = (seen: Seen) =>
    run(async () => {
      try {
        await show(seen.email, { token, request: seen.request });
      } catch (error) {
        if (refused(error, "other_browser")) return { at: "elsewhere", seen };
        throw error;
      }
      activity.say({ kind: "ok", key: "sign-in.done" });
      return undefined;
    }, () => void use(seen), seen.email);

  const code = (seen: Seen) =>
    run(async () => {
      const { code: text, expires_in: life } = await post<EmailCode>("/v1/sign-in/email/code", { token });
      return { at: "code", seen, code: text, until: Date.now() + life * 1000 };
    }, () => void code(seen), seen.email);

  const deny = (used: boolean) =>
    run(async () => {
      await post<void>("/v1/sign-in/email/deny", { token });
      return { at: "denied", used };
    }, () => void deny(used));

  return { open, use, code, deny };
}

function Frame({ activity, heading, children }: { activity: Activity; heading: string; children: ReactNode }) {
  const title = useRef<HTMLHeadingElement>(null);
  // What was pressed is gone when another thing is shown: the focus goes where it begins.
  useEffect(() => {
    if (document.activeElement === document.body) title.current?.focus();
  }, [heading]);
  return (
    <Page page="link" activity={activity}>
      <h1 tabIndex={-1} ref={title}>
        {heading}
      </h1>
      {children}
    </Page>
  );
}

function Who({ seen }: { seen: Seen }) {
  const text = useText();
  return (
    <div className="who">
      <p dir="auto">{text("link.who", { email: seen.email })}</p>
      <Asked from={seen.asked_from} />
    </div>
  );
}

// Asked says where and when a link was asked for: that is how people tell whether it was
// them.
function Asked({ from }: { from: Whence }) {
  const text = useText();
  const when = useMoment()(from.at);
  const agent = from.user_agent ? inWords(from.user_agent, text) : text("sessions.unknown");
  const values = {
    when: when.words,
    known: agent === text("sessions.unknown") ? "no" : "yes",
    agent,
    placed: from.network ? "yes" : "no",
    network: place(from.network),
  };
  return (
    <p className="aside" title={when.exact} data-testid="asked-from">
      {text("link.asked", values)}
    </p>
  );
}

// A network of one address is that address.
const place = (network = ""): string => network.replace(/\/32$/, "");

function Code({ activity, state, again }: { activity: Activity; state: State & { at: "code" }; again: () => void }) {
  const text = useText();
  const site = useSite();
  const left = useLeft(state.until);
  return (
    <Frame activity={activity} heading={text("link.heading", { name: site.name })}>
      <p>{text("link.code")}</p>
      <p className="code" dir="ltr" data-testid="code" data-over={left === 0 || undefined}>
        {state.code}
      </p>
      <p className="aside countdown" aria-hidden="true">
        {left > 0 ? text("link.code.left", { seconds: left }) : text("link.code.over")}
      </p>
      <p className="unseen" role="status">
        {left === 0 ? text("link.code.over") : ""}
      </p>
      {left > 0 ? (
        <p className="warning">{text("link.code.warning")}</p>
      ) : (
        <Button {...named("another-code")} kind="secondary" disabled={activity.busy} onClick={again}>
          {text("link.code.again")}
        </Button>
      )}
      <Asked from={state.seen.asked_from} />
    </Frame>
  );
}

interface EndProps {
  activity: Activity;
  heading: string;
  sentence: string;
  children: ReactNode; // the way on
}

function End({ activity, heading, sentence, children }: EndProps) {
  return (
    <Frame activity={activity} heading={heading}>
      <p {...named("end")}>{sentence}</p>
      {children}
    </Frame>
  );
}
