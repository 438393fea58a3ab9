import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { allAsked, forgetAsked, noteAsked, onUsed, typed } from "./mail";

let storage: Map<string, string>;
let listener: ((event: { key: string }) => void) | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  storage = new Map();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => storage.set(key, value),
  });
  vi.stubGlobal("window", {
    addEventListener: (_: string, listen: typeof listener) => (listener = listen),
    removeEventListener: () => (listener = undefined),
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const begun = (request: string) => ({ request, expires_in: 600, resend_in: 30 });

test("what was asked for is kept until its link ends, the newest first", () => {
  noteAsked("ana@example.com", begun("a"), "/sign-in");
  vi.advanceTimersByTime(300_000);
  noteAsked("ana@example.com", begun("b"), "/sign-in");
  expect(allAsked().map(({ request }) => request)).toEqual(["b", "a"]);
  vi.advanceTimersByTime(300_000);
  expect(allAsked().map(({ request }) => request)).toEqual(["b"]);
  vi.advanceTimersByTime(300_000);
  expect(allAsked()).toEqual([]);
});

test("no more are kept than links can be open", () => {
  for (const request of ["a", "b", "c", "d"]) noteAsked(`${request}@example.com`, begun(request), "/sign-in");
  expect(allAsked().map(({ request }) => request)).toEqual(["d", "c", "b"]);
});

test("one that is used is forgotten, and the tab that waits is told", () => {
  noteAsked("ana@example.com", begun("a"), "/sign-in");
  noteAsked("bob@example.com", begun("b"), "/sign-in");
  let used = 0;
  const stop = onUsed("a", () => used++);
  listener?.({ key: "keyturn.mail" });
  listener?.({ key: "keyturn.people" });
  expect(used).toBe(0);
  forgetAsked("ana@example.com");
  expect(allAsked().map(({ request }) => request)).toEqual(["b"]);
  listener?.({ key: "keyturn.mail" });
  expect(used).toBe(1);
  stop();
  expect(listener).toBeUndefined();
});

test.each(["{", "[1, null, {}]", "{}"])("storage that holds %s holds nobody", (text) => {
  storage.set("keyturn.mail", text);
  expect(allAsked()).toEqual([]);
});

test.each([
  ["k7mq2x", "K7MQ2X"],
  [" K7M-Q2X\n", "K7MQ2X"],
  ["k7m q2x", "K7MQ2X"],
])("%j is typed for %s", (code, want) => {
  expect(typed(code)).toBe(want);
});
