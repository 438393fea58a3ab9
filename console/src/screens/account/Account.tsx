import "../../styles/account.css";

import { useCallback, useEffect, useRef, useState } from "react";

import { Problem, post } from "../../api/call";
import { signInFirst } from "../../browser/next";
import { canMakeHere } from "../../browser/passkey";
import { keep, offer, postpone, postponed, visited } from "../../browser/remembered";
import { signalAll } from "../../browser/signal";
import { useText } from "../../i18n/text";
import { type Activity, useActivity } from "../../ui/activity";
import { Button, named } from "../../ui/Button";
import { Loading } from "../../ui/Loading";
import { type Notice, explain } from "../../ui/notice";
import { Page } from "../../ui/Page";
import { useLeaving } from "../leaving";
import { Events } from "./Events";
import { Passkeys, type PasskeysProps } from "./Passkeys";
import { Profile } from "./Profile";
import { Recovery, type RecoveryProps } from "./Recovery";
import { Sessions } from "./Sessions";
import { type Data, load } from "./data";
import { useStepUp } from "./stepup";

export interface AccountProps {
  added?: boolean; // came here from making a passkey
  initial?: { notice?: Notice; faster?: boolean; removing?: string; recovery?: RecoveryProps["initial"] } & Pick<PasskeysProps, "initial">;
}

const signedOut = (error: unknown) => error instanceof Problem && error.code === "unauthenticated";

export default function Account({ added = false, initial = {} }: AccountProps) {
  const text = useText();
  const activity = useActivity(initial.notice ?? null, true);
  const stepUp = useStepUp();
  const { data, reload } = useData(activity, added);
  const [faster, setFaster] = useState(initial.faster ?? false);
  useOffer(data, setFaster);
  useLeaving(activity.notice);

  // changed says how it went and shows what is there now; browsers are told, too.
  async function changed(notice: Notice): Promise<void> {
    await reload();
    activity.rest(false);
    activity.say(notice);
    void signalAll();
  }

  async function leave(everywhere: boolean): Promise<void> {
    const well = await activity.attempt(
      () => keep(() => post<void>("/v1/sign-out", { everywhere })).catch(ignoreSignedOut),
      () => void leave(everywhere),
    );
    if (well) location.replace("/sign-in#left");
  }

  const account = data?.account;
  const name = account?.display_name || account?.username || account?.email || text("account.heading");
  return (
    <Page page="account" activity={activity} foot={data && <Leave activity={activity} leave={leave} />}>
      <h1 {...named("account-name")} dir="auto" tabIndex={-1}>
        {name}
      </h1>
      {account?.username && account.username !== name && (
        <p className="line" dir="auto">
          {account.username}
        </p>
      )}
      {data ? (
        <>
          <Sections admin={data.account.role !== undefined} />
          <Passkeys
            passkeys={data.passkeys}
            activity={activity}
            stepUp={stepUp}
            changed={changed}
            faster={faster}
            later={() => {
              setFaster(false);
              if (account && data.passkeys.length === 0) postpone(account.id);
            }}
            madeHere={() => {
              setFaster(false);
              visited({ username: account?.username, name, here: true }, false);
            }}
            {...(initial.initial ? { initial: initial.initial } : {})}
          />
          <Sessions sessions={data.sessions} activity={activity} stepUp={stepUp} changed={changed} />
          <Recovery
            codes={data.codes}
            name={account?.username ?? account?.email ?? name}
            activity={activity}
            stepUp={stepUp}
            changed={changed}
            {...(initial.recovery ? { initial: initial.recovery } : {})}
          />
          <Events first={data.events} passkeys={data.passkeys} activity={activity} />
          <Profile account={data.account} activity={activity} stepUp={stepUp} changed={changed} {...(initial.removing ? { removing: initial.removing } : {})} />
        </>
      ) : (
        !activity.notice && <Loading rows={3} />
      )}
      {stepUp.dialog}
    </Page>
  );
}

// Somebody who is signed out already has what was asked for.
function ignoreSignedOut(error: unknown): void {
  if (!signedOut(error)) throw error;
}

// useData reads what the page shows, anew whenever the page is looked at again: it
// may have been changed in another tab, or belong to a session that has ended.
function useData(activity: Activity, added: boolean): { data: Data | null; reload: () => Promise<void> } {
  const [data, setData] = useState<Data | null>(null);
  const { say } = activity;
  const busy = useRef(activity.busy);
  busy.current = activity.busy;

  const reload = useCallback(async () => {
    try {
      setData(await load());
    } catch (error) {
      if (signedOut(error)) return signInFirst();
      say(explain(error, () => void first()));
    }
    async function first() {
      say(null);
      await reload();
    }
  }, [say]);

  useEffect(() => {
    void reload().then(() => {
      if (added) say({ kind: "ok", key: "passkeys.added" });
      void signalAll();
    });
    const again = () => {
      if (!document.hidden && !busy.current) void reload();
    };
    const back = (event: PageTransitionEvent) => {
      if (event.persisted) again();
    };
    document.addEventListener("visibilitychange", again);
    window.addEventListener("pageshow", back);
    return () => {
      document.removeEventListener("visibilitychange", again);
      window.removeEventListener("pageshow", back);
    };
  }, [reload, say, added]);
  return { data, reload };
}

// useOffer offers a passkey to somebody who has none on this device.
function useOffer(data: Data | null, show: (on: boolean) => void): void {
  const asked = useRef(false);
  useEffect(() => {
    if (!data || asked.current) return;
    asked.current = true;
    void canMakeHere().then((can) => {
      if (!can) return;
      const { id, username } = data.account;
      show(data.passkeys.length === 0 ? !postponed(id) : offer(username));
    });
  }, [data, show]);
}

function Sections({ admin }: { admin: boolean }) {
  const text = useText();
  return (
    <nav className="sections" aria-label={text("account.menu")}>
      {(["passkeys", "sessions", "recovery", "activity", "profile"] as const).map((name) => (
        <a key={name} href={`#section-${name}`}>
          {text(`${name}.heading`)}
        </a>
      ))}
      {admin && (
        <a {...named("to-admin")} href="/admin">
          {text("admin.link")}
        </a>
      )}
    </nav>
  );
}

function Leave({ activity, leave }: { activity: Activity; leave: (everywhere: boolean) => Promise<void> }) {
  const text = useText();
  return (
    <div className="actions">
      <Button {...named("sign-out")} kind="secondary" disabled={activity.busy} onClick={() => void leave(false)}>
        {text("account.sign-out")}
      </Button>
      <Button {...named("sign-out-everywhere")} kind="quiet" disabled={activity.busy} onClick={() => void leave(true)}>
        {text("account.sign-out-everywhere")}
      </Button>
    </div>
  );
}
