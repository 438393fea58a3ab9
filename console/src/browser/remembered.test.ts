import { beforeEach, describe, expect, test, vi } from "vitest";

import { forget, keep, offer, postpone, postponed, remembered, sessionIsHere, visited } from "./remembered";

const DAY = 24 * 3600 * 1000;
let stored: Map<string, string>;

beforeEach(() => {
  stored = new Map();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  });
});

const ana = { username: "ana", name: "Ana", here: false };

describe("remembered people", () => {
  test("only who wants to be, and then always", () => {
    visited(ana, false);
    expect(remembered()).toEqual([]);
    visited(ana, true);
    visited({ ...ana, name: "Ana E." }, false);
    expect(remembered().map((one) => one.name)).toEqual(["Ana E."]);
    forget("ana");
    expect(remembered()).toEqual([]);
  });

  test("a passkey that was here once stays known", () => {
    visited({ ...ana, here: true }, true);
    visited(ana, false);
    expect(remembered()[0]?.here).toBe(true);
    expect(sessionIsHere()).toBe(false);
  });

  test("nothing but names, a yes or no, and moments", () => {
    visited(ana, true);
    offer("ana");
    expect(Object.keys(remembered()[0] ?? {}).sort()).toEqual(["here", "name", "offered", "used", "username"]);
  });

  test("the most recent five, in that order", () => {
    vi.useFakeTimers();
    for (const name of ["a", "b", "c", "d", "e", "f"]) {
      vi.advanceTimersByTime(1000);
      visited({ username: name, name, here: false }, true);
    }
    expect(remembered().map((one) => one.username)).toEqual(["f", "e", "d", "c", "b"]);
    vi.useRealTimers();
  });

  test("what is stored is not trusted", () => {
    for (const text of ["", "{", "null", '"x"', '[null, 1, {"username": 1}, {"username": "a"}]']) {
      stored.set("keyturn.people", text);
      expect(remembered()).toEqual([]);
    }
    vi.stubGlobal("localStorage", undefined);
    expect(remembered()).toEqual([]);
    visited(ana, true);
    expect(sessionIsHere()).toBe(false);
  });

  test("emptying the storage forgets nobody while keep runs", async () => {
    visited(ana, true);
    await keep(async () => stored.clear());
    expect(remembered()).toHaveLength(1);
  });
});

test("a first passkey that is not wanted now is not offered for thirty days", async () => {
  vi.useFakeTimers();
  expect(postponed("1")).toBe(false);
  postpone("1");
  expect([postponed("1"), postponed("2")]).toEqual([true, false]);
  await keep(async () => stored.clear());
  vi.advanceTimersByTime(30 * DAY - 1);
  expect(postponed("1")).toBe(true);
  vi.advanceTimersByTime(1);
  expect(postponed("1")).toBe(false);
  stored.set("keyturn.later", '[null, {"at": "x"}, 1]');
  expect(postponed("1")).toBe(false);
  vi.useRealTimers();
});

describe("the offer of a passkey for this device", () => {
  test("once in thirty days, to who is remembered without one here", () => {
    vi.useFakeTimers();
    expect(offer("ana")).toBe(false);
    visited(ana, true);
    expect(offer("ana")).toBe(true);
    expect(offer("ana")).toBe(false);
    vi.advanceTimersByTime(30 * DAY - 1);
    expect(offer("ana")).toBe(false);
    vi.advanceTimersByTime(1);
    expect(offer("ana")).toBe(true);
    visited({ ...ana, here: true }, false);
    vi.advanceTimersByTime(60 * DAY);
    expect(offer("ana")).toBe(false);
    vi.useRealTimers();
  });
});
