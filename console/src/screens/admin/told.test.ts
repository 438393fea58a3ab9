import { describe, expect, test } from "vitest";

import source from "../../../../internal/audit/audit.go?raw";

import type { Event } from "../../api/admin";
import { told } from "./told";

const text = (key: string, values: object = {}): string => `${key} ${JSON.stringify(values)}`;
const event = (over: Partial<Event>): Event => ({ id: "1", name: "account.added", at: "2026-03-14T09:26:53Z", ...over });

describe("events are told", () => {
  test("by the name that the passkey has", () => {
    expect(told(event({ name: "passkey.suspended", code: "by_person" }), "Blue key", text)).toMatchObject({
      sentence: expect.stringMatching(/^activity\.passkey\.suspended .*"known":"yes","name":"Blue key"/),
      known: true,
      code: "by_person",
    });
    expect(told(event({ name: "passkey.suspended" }), undefined, text).sentence).toContain('"known":"no"');
  });

  test("with the role in words, and not again as a code", () => {
    const { sentence, code } = told(event({ name: "account.role_changed", code: "support" }), undefined, text);
    expect(sentence).toContain("admin.role.support");
    expect(code).toBeUndefined();
    expect(told(event({ name: "account.role_changed", code: "owner" }), undefined, text)).toMatchObject({ code: "owner" });
  });

  test("with how many attempts failed, of all kinds", () => {
    expect(told(event({ name: "attempts.failed", counts: { sign_in: 3, recovery: 4 } }), undefined, text).sentence).toContain('"count":7');
  });

  test("by their name, when it is new", () => {
    expect(told(event({ name: "account.merged", code: "x" }), undefined, text)).toEqual({ sentence: "account.merged", known: false, code: "x" });
  });
});

// The names stand in the server's source; session.new_browser is a subject of mails only.
test("every event that the server writes has its sentence", () => {
  const names = [...source.matchAll(/\bName = "([a-z_.]+)"/g)].map(([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(30);
  const unknown = names.filter((name) => !told(event({ name }), undefined, text).known);
  expect(unknown).toEqual(["session.new_browser"]);
});
