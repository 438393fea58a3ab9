import { expect, test } from "vitest";

import type { Events } from "../../api/types";
import { extended, renewed } from "./events";

const list = (ids: string, next_cursor?: string): Events => ({
  events: [...ids].map((id) => ({ id, name: "session.signed_in", at: "2026-03-14T09:26:53Z" })),
  ...(next_cursor ? { next_cursor } : {}),
});

test("a part follows what is there, and its cursor leads on", () => {
  expect(extended(list("fe", "e"), list("dc", "c"))).toEqual(list("fedc", "c"));
  expect(extended(list("fe", "e"), list("dc"))).toEqual(list("fedc"));
});

test.each([
  ["nothing new", list("fedc", "c"), list("fe", "e"), list("fedc", "c")],
  ["one new", list("fedc", "c"), list("gf", "f"), list("gfedc", "c")],
  ["the end known", list("fedc"), list("gf", "f"), list("gfedc")],
  ["so many new that some between are not known", list("fedc", "c"), list("ih", "h"), list("ih", "h")],
  ["nothing before", list(""), list("ba"), list("ba")],
])("the head anew: %s", (_, known, head, want) => {
  expect(renewed(known, head)).toEqual(want);
});
