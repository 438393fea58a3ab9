// Making a passkey and telling the server of it, in two halves: between them the
// person may name it.

import { type CallOptions, Problem, post } from "../api/call";
import type { Made } from "./passkey";
import { signalRefused } from "./signal";

// What the server will not think otherwise about. "expired" is not among it, nor a
// challenge that is spent (step 7.1/8): a finish that arrives twice, because a lost
// connection was tried again, is answered so although the passkey is registered.
const final = new Set(["policy_refused", "name_taken"]);

export const refusedForGood = (problem: Problem): boolean =>
  final.has(problem.code) || (problem.code === "registration_refused" && problem.step !== "7.1/8");

// finish registers what was made. One that the server refused is taken back: it
// would be offered at every sign-in and never work.
export async function finish<T>(path: string, made: Made, name: string, options?: CallOptions): Promise<T> {
  try {
    return await post<T>(path, { credential: made.wire, name }, options);
  } catch (error) {
    if (error instanceof Problem && refusedForGood(error)) {
      await signalRefused(location.hostname, made.credential.id);
    }
    throw error;
  }
}

// nameable is a name as the server takes it: 1 to 64 characters, none of them a
// control character.
export function nameable(name: string): string {
  return [...name.replace(/\p{Cc}/gu, " ").trim()].slice(0, 64).join("");
}
