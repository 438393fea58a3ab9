import { describe, expect, it } from "vitest";

import { Problem } from "../api/call";
import { refusedForGood } from "./register";

describe("refusedForGood", () => {
  const cases: [string, { code: string; step?: string }, boolean][] = [
    ["a step of the standard", { code: "registration_refused", step: "7.1/14" }, true],
    ["the name is somebody's", { code: "name_taken" }, true],
    ["a policy", { code: "policy_refused" }, true],
    ["a challenge that is spent, perhaps by this very passkey", { code: "registration_refused", step: "7.1/8" }, false],
    ["a link that is used, perhaps by this very passkey", { code: "expired" }, false],
    ["a server that is away", { code: "unavailable" }, false],
  ];
  it.each(cases)("%s", (_name, body, want) => {
    expect(refusedForGood(new Problem(422, body))).toBe(want);
  });
});
