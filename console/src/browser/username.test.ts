import { expect, it } from "vitest";

import { unfit } from "./username";

it.each([
  ["ana@example.org", "sign-up.username-address"],
  ["@ana", "sign-up.username-address"],
  ["ana", null],
  ["", null],
])("%s", (username, want) => {
  expect(unfit(username)).toBe(want);
});
