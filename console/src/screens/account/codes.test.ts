import { expect, test } from "vitest";

import { inGroups } from "./codes";

test.each([
  ["7KQ2M9TZ4XWPB3HN6RVC8DYFJG", "7KQ2-M9TZ-4XWP-B3HN-6RVC-8DYF-JG"],
  ["7KQ2-M9TZ-4XWP-B3HN-6RVC-8DYF-JG", "7KQ2-M9TZ-4XWP-B3HN-6RVC-8DYF-JG"],
  ["", ""],
])("%s is shown as %s", (code, want) => {
  expect(inGroups(code)).toBe(want);
});
