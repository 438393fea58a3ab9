import { goOn } from "../browser/next";
import { isHere, make } from "../browser/passkey";
import { finish, nameable } from "../browser/register";
import { visited } from "../browser/remembered";
import type { Recovered, SignedIn } from "../api/types";
import type { Text } from "../i18n/text";

// create makes the first passkey, of a new account or by a link, and goes on to the
// account. It is named by itself: the person has enough to do. A passkey that has to wait
// signs nobody in: then it says until when.
export async function create(path: string, begin: object, text: Text, remember: boolean): Promise<string | undefined> {
  const made = await make(`${path}/options`, { ...begin, session_mode: "cookie" });
  const { suggestion } = await import("../browser/provider");
  const suggested = suggestion(made.credential, navigator.userAgent);
  const name = nameable("key" in suggested ? text(suggested.key) : suggested.name);
  const done = await finish<SignedIn | Recovered>(path, made, name);
  if (!("account" in done)) return done.hold_until;
  const { account } = done;
  const username = account.username ?? account.email;
  visited({ username, name: account.display_name ?? username, here: isHere(made.credential) }, remember);
  goOn(undefined, "/account#added");
  return undefined;
}
