// Asking for a link from a page, and what the page shows instead of itself until the
// link is used. What was asked for in this tab is still waited for when the tab comes
// back: a phone throws pages away while their person reads mail.

import { type ReactNode, lazy, startTransition, useState } from "react";

import { type Asked, allAsked } from "../../browser/mail";
import type { Activity } from "../../ui/activity";

const Waiting = lazy(() => import("./Waiting"));

const KEY = "keyturn.waiting";

function waiting(): Asked | null {
  try {
    const request = sessionStorage.getItem(KEY);
    return allAsked().find((asked) => asked.request === request) ?? null;
  } catch {
    return null;
  }
}

function wait(asked: Asked | null): void {
  try {
    if (asked) sessionStorage.setItem(KEY, asked.request);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage may be off: then a page that was thrown away begins anew.
  }
}

export interface Mailing {
  ask: (email: string) => Promise<void>;
  screen: ReactNode; // what the page shows instead of itself, if anything
}

export function useMailing(page: string, activity: Activity, initial?: Asked): Mailing {
  const [asked, setAsked] = useState<Asked | null>(() => initial ?? waiting());
  function change(now: Asked | null) {
    wait(now);
    // The page stays as it is until the chunk of the other is there.
    startTransition(() => setAsked(now));
  }

  async function ask(email: string): Promise<void> {
    const well = await activity.attempt(
      async () => {
        const { askForLink } = await import("./ask");
        change(await askForLink(email));
      },
      () => void ask(email),
    );
    if (well) activity.rest(false);
  }

  const screen = asked && <Waiting page={page} asked={asked} activity={activity} asks={change} back={() => change(null)} />;
  return { ask, screen };
}
