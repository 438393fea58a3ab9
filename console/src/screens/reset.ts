import { useEffect, useRef } from "react";

import type { Activity } from "../ui/activity";
import type { Notice } from "../ui/notice";

// useReset starts a page afresh that comes back from the back-forward cache.
export function useReset(activity: Activity, initial: Notice | null = null): void {
  const latest = useRef(activity);
  latest.current = activity;
  useEffect(() => {
    const again = (event: PageTransitionEvent) => {
      if (!event.persisted) return;
      latest.current.rest(false);
      latest.current.say(initial);
    };
    window.addEventListener("pageshow", again);
    return () => window.removeEventListener("pageshow", again);
  }, [initial]);
}
