import { useEffect, useRef, useState } from "react";

import { Autofill, type AutofillState } from "../browser/autofill";
import { type Used, supported } from "../browser/passkey";
import type { Activity } from "../ui/activity";
import { explain } from "../ui/notice";

export interface AutofillHandle {
  state: AutofillState;
  start: () => Promise<void>;
  stop: () => Promise<void>;
}

// useAutofill keeps autofill waiting while the page is looked at.
// Somebody who has just left does not want to be let in again: with wait it begins when
// there is a sign of them.
export function useAutofill(activity: Activity, done: (used: Used) => void, wait = false): AutofillHandle {
  const [state, setState] = useState<AutofillState>("off");
  const latest = useRef({ activity, done });
  latest.current = { activity, done };
  const autofill = useRef<Autofill | null>(null);
  autofill.current ??= new Autofill({
    state: setState,
    pick: () => {
      latest.current.activity.say(null);
      latest.current.activity.rest(true);
    },
    done: (used) => latest.current.done(used),
    failed: (error) => {
      latest.current.activity.rest(false);
      latest.current.activity.say(explain(error));
      void autofill.current?.start();
    },
  });
  const { current } = autofill;

  useEffect(() => {
    if (!supported) return;
    const renew = () => void current.renew();
    const again = (event: PageTransitionEvent) => {
      if (event.persisted) void current.start();
    };
    document.addEventListener("visibilitychange", renew);
    window.addEventListener("pageshow", again);
    const signs = ["pointermove", "pointerdown", "keydown", "focusin"];
    const arrive = () => {
      for (const sign of signs) document.removeEventListener(sign, arrive);
      void current.start();
    };
    if (wait) for (const sign of signs) document.addEventListener(sign, arrive);
    else void current.start();
    return () => {
      for (const sign of signs) document.removeEventListener(sign, arrive);
      document.removeEventListener("visibilitychange", renew);
      window.removeEventListener("pageshow", again);
      void current.stop();
    };
  }, [current, wait]);
  return { state, start: () => current.start(), stop: () => current.stop() };
}
