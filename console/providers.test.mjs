import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { differences, faults, repeated } from "./providers.mjs";

const apple = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd";
const list = (providers, over = {}) => ({ source: "the providers", license: "Apache-2.0", providers, ...over });

test("the list that the pages use has no fault", () => {
  const text = readFileSync(new URL("src/browser/providers.json", import.meta.url), "utf8");
  expect(faults(JSON.parse(text))).toEqual([]);
  expect(repeated(text)).toEqual([]);
});

test.each([
  ["no source", list({ [apple]: "Apple" }, { source: " " })],
  ["no licence", list({ [apple]: "Apple" }, { license: undefined })],
  ["nobody", list({})],
  ["capitals", list({ [apple.toUpperCase()]: "Apple" })],
  ["too short", list({ [apple.slice(1)]: "Apple" })],
  ["the AAGUID of nobody", list({ "00000000-0000-0000-0000-000000000000": "Apple" })],
  ["no name", list({ [apple]: "" })],
  ["space around a name", list({ [apple]: " Apple" })],
  ["a line end", list({ [apple]: "Ap\nple" })],
  ["a name of 65 characters", list({ [apple]: "a".repeat(65) })],
  ["an object for a name", list({ [apple]: { name: "Apple" } })],
])("%s is a fault", (_what, wrong) => {
  expect(faults(wrong)).toHaveLength(1);
});

test("what stands twice is found in the text", () => {
  expect(repeated(`{"${apple}": "a", "${apple.toUpperCase()}": "b"}`)).toEqual([apple]);
});

test("another list is compared", () => {
  const ours = list({ [apple]: "Apple", "2fc0579f-8113-47ea-b116-bb5a8db9202a": "Key" });
  const theirs = { [apple.toUpperCase()]: { name: "iCloud" }, "ee882879-721c-4913-9775-3dfcce97072a": "Other" };
  expect(differences(ours, theirs)).toEqual([
    `otherwise:  ${apple} Apple, there iCloud`,
    "only here:  2fc0579f-8113-47ea-b116-bb5a8db9202a Key",
    "only there: ee882879-721c-4913-9775-3dfcce97072a Other",
  ]);
  expect(differences(ours, ours)).toEqual([]);
});
