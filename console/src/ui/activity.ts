// One thing at a time: while it runs the buttons rest, and what goes wrong is said.

import { useCallback, useEffect, useRef, useState } from "react";

import { type Notice, calm, explain } from "./notice";

export interface Activity {
  busy: boolean; // the buttons rest
  notice: Notice | null;
  say: (notice: Notice | null) => void;
  rest: (on: boolean) => void;
  // attempt answers whether it went well. settle runs before what went wrong is said.
  attempt: (work: () => Promise<void>, again?: () => void) => Promise<boolean>;
}

// How long good news stays where it lies over the page.
const FADE_MS = 10_000;

export function useActivity(initial: Notice | null = null, fades = false): Activity {
  const [running, setRunning] = useState(false);
  const [notice, say] = useState<Notice | null>(initial);
  const first = useRef(initial);
  const passing = fades && notice?.kind !== "error" && notice !== first.current;
  useFading(passing ? notice : null, say);
  const waiting = notice?.until !== undefined;
  const busy = running || waiting;
  useReturningFocus(busy);
  useEnd(notice?.until, () => say(calm));

  const attempt = useCallback(async (work: () => Promise<void>, again?: () => void): Promise<boolean> => {
    say(null);
    setRunning(true);
    try {
      await work();
      return true;
    } catch (error) {
      setRunning(false);
      say(explain(error, again));
      return false;
    }
  }, []);
  return { busy, notice, say, rest: setRunning, attempt };
}

// A disabled button loses the focus, so it goes back to where the person was on the
// page; what a dialog had is gone with it.
function useReturningFocus(busy: boolean): void {
  const focused = useRef<Element | null>(null);
  useEffect(() => {
    const note = (event: FocusEvent) => {
      const target = event.target as Element;
      if (target.closest("main")) focused.current = target;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, []);
  useEffect(() => {
    const last = focused.current;
    if (busy || document.activeElement !== document.body) return;
    if (last instanceof HTMLElement && last.isConnected) last.focus();
  }, [busy]);
}

// What is said before anything happened stays: the page is about it.
function useFading(notice: Notice | null, say: (notice: null) => void): void {
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => say(null), FADE_MS);
    return () => clearTimeout(timer);
  }, [notice, say]);
}

function useEnd(until: number | undefined, done: () => void): void {
  const latest = useRef(done);
  latest.current = done;
  useEffect(() => {
    if (until === undefined) return;
    const timer = setTimeout(() => latest.current(), until - Date.now());
    return () => clearTimeout(timer);
  }, [until]);
}
