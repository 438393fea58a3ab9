import { beforeEach, expect, test, vi } from "vitest";

import { destination, goOn, onTheWay, ours, setNext, signInFirst } from "./next";

let went: string;
let kept: Map<string, string>;

// at puts the person on a page.
function at(address: string): void {
  const { pathname, search, hash, origin } = new URL(address, "https://id.example.com");
  const go = (to: string) => (went = to);
  vi.stubGlobal("location", { origin, pathname, search, hash, assign: go, replace: go });
}

const wanting = (to: string): void => at(`/sign-in?return_to=${encodeURIComponent(to)}`);

beforeEach(() => {
  went = "";
  kept = new Map();
  at("/sign-in");
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});

test.each([
  "/", "/account", "/account?tab=passkeys", "/account#section-recovery", "/admin?search=a%20b&view=events", "/confirm-email#AQAB",
  "/...", "/a..b", "/caf%C3%A9", "/authorize?redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=x", `/${"a".repeat(255)}`,
])("%s is ours", (place) => {
  expect(ours(place)).toBe(true);
  wanting(place);
  goOn();
  expect(went).toBe(place);
});

const hostile = [
  "", "account", "?a", "#a", "https://id.example.com/account", "https://evil.example", "javascript:alert(1)", "data:text/html,x",
  "//evil.example", "///evil.example", "/\\evil.example", "\\/evil.example", "/a\\b", "/%5cevil.example", "/%2fevil.example", "/%252fevil.example",
  "/\t/evil.example", "/\n/evil.example", " //evil.example", "/a b", "/%0d%0aSet-Cookie:%20x=y", "/%00", "/a\u007f", "/\u0085", "/%C2%85",
  "/.", "/./", "/..", "/a/../b", "/.//evil.example", "/%2e%2e/a", "/.%2e/a", "/..;/a", "/a//b", "/a?next=//evil.example", "/a?b#c#d", "/a#%00",
  "/https://evil.example", "/caf\u00e9", "/\u2028", "/\uff0f/evil.example", "/%", "/%2", "/%ff", "/%EF%BF%BD", "/<script>", "/\"onload=x", "/a|b", "/[a]",
];

test.each([...hostile, undefined, null])("%j is not ours", (place) => {
  expect(ours(place)).toBe(false);
  wanting(place ?? "");
  expect(destination()).toBeUndefined();
  setNext(place ?? "");
  goOn(place ?? undefined);
  expect(went).toBe("/account");
});

test.each(["/sign-in", "/sign-in?return_to=%2Fsign-in", "/sign-in#left", `/${"a".repeat(256)}`])("nobody heads for %s", (place) => {
  wanting(place);
  expect(destination()).toBeUndefined();
  expect(onTheWay("/sign-up")).toBe("/sign-up");
});

test("where somebody was heading is used once", () => {
  setNext("/confirm-email#AQAB");
  goOn();
  expect(went).toBe("/confirm-email#AQAB");
  goOn();
  expect(went).toBe("/account");
});

test("what the server says goes before the address, and that before what was kept", () => {
  setNext("/kept");
  wanting("/asked");
  goOn("/there");
  expect(went).toBe("/there");
  setNext("/kept");
  goOn();
  expect(went).toBe("/asked");
  setNext("//evil.example");
  at("/sign-in");
  goOn("https://evil.example", "/account#added");
  expect(went).toBe("/account#added");
});

test.each([
  ["/admin?account=01a2", "/sign-in?return_to=%2Fadmin%3Faccount%3D01a2"],
  ["/account#section-recovery", "/sign-in?return_to=%2Faccount%23section-recovery"],
  ["/account", "/sign-in"],
  ["/account?x=//evil.example", "/sign-in"],
])("who is signed out at %s is led to %s", (here, want) => {
  at(here);
  signInFirst();
  expect(went).toBe(want);
  at(want);
  expect(onTheWay("/sign-up")).toBe(want.replace("sign-in", "sign-up"));
});
