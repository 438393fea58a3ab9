import { beforeEach, expect, test, vi } from "vitest";

import { goOn, ours, setNext } from "./next";

let went: string;
let kept: Map<string, string>;

beforeEach(() => {
  went = "";
  kept = new Map();
  vi.stubGlobal("location", { origin: "https://id.example.com", assign: (to: string) => (went = to) });
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});

test.each([
  ["/account", true],
  ["/confirm-email#AQAB", true],
  ["//evil.example", false],
  ["/\\evil.example", false],
  ["/\t/evil.example", false],
  ["https://id.example.com/account", false],
  ["https://evil.example", false],
  ["javascript:alert(1)", false],
  ["", false],
  [undefined, false],
])("%s is ours: %s", (place, want) => {
  expect(ours(place)).toBe(want);
});

test("where somebody was heading is used once", () => {
  setNext("/confirm-email#AQAB");
  goOn();
  expect(went).toBe("/confirm-email#AQAB");
  goOn();
  expect(went).toBe("/account");
});

test("what the server says goes before it, and no foreign place is gone to", () => {
  setNext("/confirm-email#AQAB");
  goOn("/there");
  expect(went).toBe("/there");
  setNext("//evil.example");
  goOn("https://evil.example", "/account#added");
  expect(went).toBe("/account#added");
});
