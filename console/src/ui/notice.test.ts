import { beforeEach, expect, test, vi } from "vitest";

import { Problem } from "../api/call";
import { explain } from "./notice";

beforeEach(() => void vi.stubGlobal("navigator", { onLine: true }));

const problem = (status: number, code: string, field?: string) =>
  new Problem(status, { code, request_id: "R", ...(field ? { errors: [{ field }] } : {}) }, new Headers({ "Retry-After": "7" }));

test.each([
  ["a person who calls it off", new DOMException("", "NotAllowedError"), "error.calm", undefined],
  ["a device that is known", new DOMException("", "InvalidStateError"), "error.registered", undefined],
  ["a sign-in", problem(401, "authentication_failed"), "error.refused", undefined],
  ["a name", problem(409, "name_taken"), "error.name-taken", "name"],
  ["a username", problem(400, "invalid_field", "username"), "error.username", "name"],
  ["an address", problem(400, "invalid_field", "email"), "error.email", "name"],
  ["another field", problem(400, "invalid_field", "display_name"), "error.general", undefined],
  ["a role", problem(403, "forbidden"), "error.forbidden", undefined],
  ["a code of tomorrow", problem(418, "teapot"), "error.general", undefined],
  ["anything else", new Error("x"), "error.general", undefined],
])("%s", (_, error, key, field) => {
  const notice = explain(error);
  expect([notice.key, notice.field]).toEqual([key, field]);
});

test("how long to wait is said, and when it is over", () => {
  const notice = explain(problem(429, "rate_limited"));
  expect(notice).toMatchObject({ key: "error.limited", values: { seconds: 7 }, details: { code: "rate_limited", request: "R" } });
  expect((notice.until ?? 0) - Date.now()).toBeGreaterThan(6000);
});

test("a server that is away can be tried again", () => {
  const again = () => undefined;
  expect(explain(problem(503, "unavailable"), again)).toMatchObject({ key: "error.unreachable", retry: again });
  vi.stubGlobal("navigator", { onLine: false });
  expect(explain(new Problem(0, {}), again)).toMatchObject({ key: "error.offline", retry: again });
});
