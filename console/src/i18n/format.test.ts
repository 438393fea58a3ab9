import { describe, expect, test } from "vitest";

import { type Message, format } from "./format";
import { moment } from "./moment";

const times: Message = [
  { p: "count", o: { "=0": [{ t: "never" }], one: [{ n: true }, { t: " time" }], other: [{ n: true }, { t: " times" }] } },
];

describe("format", () => {
  test.each<[Message, Record<string, string | number>, string, string]>([
    ["plain", {}, "en", "plain"],
    [[{ t: "Hello, " }, { a: "name" }], { name: "Ana" }, "en", "Hello, Ana"],
    [[{ a: "name" }], {}, "en", ""],
    [times, { count: 0 }, "en", "never"],
    [times, { count: 1 }, "en", "1 time"],
    [times, { count: 1234 }, "en", "1,234 times"],
    [times, { count: 1234 }, "de", "1.234 times"],
    [[{ s: "who", o: { her: [{ t: "she" }], other: [{ t: "they" }] } }], { who: "her" }, "en", "she"],
    [[{ s: "who", o: { her: [{ t: "she" }], other: [{ t: "they" }] } }], { who: "x" }, "en", "they"],
  ])("%j with %j in %s", (message, values, language, want) => {
    expect(format(message, values, language)).toBe(want);
  });

  test("plural forms are those of the language", () => {
    const forms: Message = [{ p: "n", o: { few: [{ t: "few" }], many: [{ t: "many" }], other: [{ t: "other" }] } }];
    expect(format(forms, { n: 3 }, "pl")).toBe("few");
    expect(format(forms, { n: 5 }, "pl")).toBe("many");
    expect(format(forms, { n: 3 }, "en")).toBe("other");
  });
});

describe("moment", () => {
  const now = Date.parse("2026-03-14T12:00:00Z");
  const ago = (seconds: number) => moment(new Date(now - seconds * 1000).toISOString(), "en", "just now", now).words;

  test.each([
    [0, "just now"],
    [59, "just now"],
    [60, "1 minute ago"],
    [3599, "59 minutes ago"],
    [7200, "2 hours ago"],
    [86_400, "yesterday"],
    [6.9 * 86_400, "6 days ago"],
    [8 * 86_400, "Mar 6, 2026"],
    [-30, "just now"],
  ])("%d seconds ago: %s", (seconds, want) => {
    expect(ago(seconds)).toBe(want);
  });
});
