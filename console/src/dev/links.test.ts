import { expect, test } from "vitest";

import { linksOf } from "./links";

test.each([
  ["Sign in at https://login.example.com/account, suspend what you don't know.", ["https://login.example.com/account"]],
  ["Look at https://login.example.com/account. Or at https://login.example.com/account", ["https://login.example.com/account"]],
  ["This wasn't me:\nhttps://login.example.com/undo#a-b_c\n\n(http://localhost:8080/)", ["https://login.example.com/undo#a-b_c", "http://localhost:8080/"]],
  ["https://", []],
  ["nothing", []],
])("%s", (text, want) => {
  expect(linksOf(text)).toEqual(want);
});
