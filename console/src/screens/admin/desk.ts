// What every part of administration does: read what there is, do one thing, and say how
// it went. Both may take a fresh proof.

import { useCallback, useEffect, useRef, useState } from "react";

import type { Role } from "../../api/admin";
import { Problem, get } from "../../api/call";
import { signInFirst } from "../../browser/next";
import { type Activity, useActivity } from "../../ui/activity";
import { type Notice, calm, explain } from "../../ui/notice";
import { useLeaving } from "../leaving";
import { type StepUp, useStepUp } from "../account/stepup";

export interface Desk extends Acting {
  role: Role; // of who sits here
}

export interface Acting {
  activity: Activity;
  stepUp: StepUp;
  // act does one thing and says what it answers, or what went wrong; after runs when it
  // went well. It answers whether it did.
  act: (work: () => Promise<Notice | null>, after?: () => Promise<void>) => Promise<boolean>;
}

export function useActing(initial: Notice | null): Acting {
  const activity = useActivity(initial, true);
  const stepUp = useStepUp();
  useLeaving(activity.notice);

  async function act(work: () => Promise<Notice | null>, after?: () => Promise<void>): Promise<boolean> {
    let notice: Notice | null = null;
    let refused: Notice | null = null;
    const well = await activity.attempt(
      async () => {
        notice = await stepUp.fresh(work).catch((error: unknown) => {
          refused = wording(error);
          throw error;
        });
      },
      () => void act(work, after),
    );
    if (refused) activity.say(refused);
    if (!well) return false;
    await after?.();
    activity.rest(false);
    activity.say(notice);
    return true;
  }
  return { activity, stepUp, act };
}

// wording is what some refusals mean here, where they mean something else than to a
// person with their own account.
function wording(error: unknown): Notice | null {
  if (!(error instanceof Problem)) return null;
  const details = { code: error.code, request: error.requestId };
  if (error.code === "forbidden") return { kind: "error", key: "admin.refused", details };
  return null;
}

export interface Reading<T> {
  value: T | null;
  reload: () => Promise<void>;
  set: (value: T) => void;
}

// useReading reads what a part shows. Who is signed out is led to where they can sign in.
export function useReading<T>({ activity, stepUp }: Acting, read: () => Promise<T>): Reading<T> {
  const [value, set] = useState<T | null>(null);
  const latest = useRef({ activity, stepUp, read });
  latest.current = { activity, stepUp, read };

  const reload = useCallback(async (): Promise<void> => {
    const { activity, stepUp, read } = latest.current;
    try {
      set(await stepUp.fresh(read));
    } catch (error) {
      if (error instanceof Problem && error.code === "unauthenticated") return signInFirst();
      const retry = () => void again();
      const told = wording(error) ?? explain(error, retry);
      // Without the proof that was not given there is nothing to see: it can be given yet.
      activity.say(told === calm ? { ...calm, retry } : told);
    }
    async function again() {
      activity.say(null);
      await reload();
    }
  }, []);

  useEffect(() => void reload(), [reload]);
  return { value, reload, set };
}

interface Part {
  next_cursor?: string;
}

// useList is useReading of a list that comes in parts.
export function useList<T extends Part, K extends keyof T>(desk: Desk, path: string, key: K): Reading<T> & { more?: () => void } {
  const list = useReading<T>(desk, () => get<T>(path));
  const cursor = list.value?.next_cursor;
  const more = (): void =>
    void desk.act(async () => {
      const part = await get<T>(`${path}${path.includes("?") ? "&" : "?"}cursor=${cursor ?? ""}`);
      const before = (list.value?.[key] ?? []) as unknown[];
      list.set({ ...part, [key]: [...before, ...(part[key] as unknown[])] });
      return null;
    });
  return cursor ? { ...list, more } : list;
}
