import { expect, test } from "vitest";

import { placeOf } from "./place";

test.each([
  ["", { view: "accounts", search: "" }],
  ["?view=events", { view: "events", search: "" }],
  ["?view=nothing", { view: "accounts", search: "" }],
  ["?search=a%20b", { view: "accounts", search: "a b" }],
  ["?account=01a2-b3", { view: "accounts", search: "", account: "01a2-b3" }],
  ["?account=../../account", { view: "accounts", search: "" }],
  ["?account=", { view: "accounts", search: "" }],
])("%s", (query, want) => {
  expect(placeOf(query)).toEqual(want);
});
