import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { AutofillState } from "./autofill";

const MINUTE = 60_000;
let begun: number;
let open: number;
let answer: ((credential: unknown) => void) | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  begun = open = 0;
  const credentials = {
    get: ({ signal }: { signal: AbortSignal }) => {
      if (open > 0) throw new Error("a request is open already");
      open++;
      return new Promise((resolve, reject) => {
        answer = (credential) => {
          open--;
          resolve(credential);
        };
        signal.addEventListener("abort", () => {
          open--;
          reject(new DOMException("", "AbortError"));
        });
      });
    },
  };
  vi.stubGlobal("window", globalThis);
  vi.stubGlobal("navigator", { credentials, onLine: true });
  vi.stubGlobal("document", { hidden: false });
  const browser = Object.assign(() => undefined, {
    isConditionalMediationAvailable: () => Promise.resolve(true),
    parseRequestOptionsFromJSON: (options: unknown) => options,
  });
  vi.stubGlobal("PublicKeyCredential", browser);
  vi.stubGlobal("fetch", (path: string) => {
    if (path.endsWith("/options")) begun++;
    return Promise.resolve(Response.json(path.endsWith("/options") ? { publicKey: {} } : { account: { id: "1" } }));
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function armed() {
  const { Autofill } = await import("./autofill");
  const states: AutofillState[] = [];
  const seen = { states, picked: 0, done: 0, failed: 0 };
  const autofill = new Autofill({
    state: (name) => states.push(name),
    pick: () => seen.picked++,
    done: () => seen.done++,
    failed: () => seen.failed++,
  });
  await autofill.start();
  await vi.advanceTimersByTimeAsync(1);
  return { autofill, seen };
}

test("its challenge is renewed before it is too old", async () => {
  await armed();
  expect([begun, open]).toEqual([1, 1]);
  await vi.advanceTimersByTimeAsync(4 * MINUTE - 10);
  expect(begun).toBe(1);
  await vi.advanceTimersByTimeAsync(20);
  expect([begun, open]).toEqual([2, 1]);
  await vi.advanceTimersByTimeAsync(4 * MINUTE + 20);
  expect([begun, open]).toEqual([3, 1]);
});

test("a page in the background renews when it is looked at again", async () => {
  const { autofill } = await armed();
  vi.stubGlobal("document", { hidden: true });
  await vi.advanceTimersByTimeAsync(20 * MINUTE);
  expect(begun).toBe(1);
  vi.stubGlobal("document", { hidden: false });
  await autofill.renew();
  await vi.advanceTimersByTimeAsync(1);
  expect([begun, open]).toEqual([2, 1]);
});

test("it steps aside in silence, and stays there", async () => {
  const { autofill, seen } = await armed();
  await autofill.stop();
  expect(open).toBe(0);
  await vi.advanceTimersByTimeAsync(20 * MINUTE);
  expect([begun, seen.failed, seen.states]).toEqual([1, 0, ["armed", "off"]]);
});

test("a passkey that is picked signs in", async () => {
  const { seen } = await armed();
  answer?.({ toJSON: () => ({}), authenticatorAttachment: "platform" });
  await vi.advanceTimersByTimeAsync(1);
  expect([seen.picked, seen.done, seen.failed, seen.states]).toEqual([1, 1, 0, ["armed", "done"]]);
});

test("what fails after that is said", async () => {
  const { seen } = await armed();
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ code: "authentication_failed" }, { status: 401 })));
  answer?.({ toJSON: () => ({}), authenticatorAttachment: "platform" });
  await vi.advanceTimersByTimeAsync(1);
  expect([seen.done, seen.failed, seen.states]).toEqual([0, 1, ["armed", "off"]]);
});
