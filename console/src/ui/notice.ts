// What is said to a person after something happened.

import { Problem } from "../api/call";
import type { Key } from "../i18n/text";
import type { Values } from "../i18n/format";

export type Kind = "ok" | "calm" | "error";

export interface Notice {
  kind: Kind;
  key: Key;
  values?: Values;
  details?: { code: string; request: string };
  until?: number; // when waiting is over, ms since 1970
  field?: "name"; // it is about what the person is called
  retry?: () => void;
  unreachable?: boolean;
}

const sentences: Record<string, Key> = {
  authentication_failed: "error.refused",
  name_taken: "error.name-taken",
  username_not_allowed: "error.username",
  account_unknown: "error.unknown",
  already_registered: "error.registered",
  expired: "error.expired",
  sign_up_closed: "sign-up.closed",
  registration_refused: "error.registration",
  unauthenticated: "error.signed-out",
  last_passkey: "error.last",
  conflict: "error.conflict",
  policy_refused: "error.policy",
  not_found: "error.gone",
  forbidden: "error.forbidden",
};

const aboutTheName = new Set(["name_taken", "username_not_allowed", "account_unknown"]);

export const calm: Notice = { kind: "calm", key: "error.calm" };

// explain puts a failure into words, and keeps its code and request id for whoever
// is asked for help. again is offered where trying again can help.
export function explain(error: unknown, again?: () => void): Notice {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "AbortError") return calm;
  if (name === "InvalidStateError") return { kind: "error", key: "error.registered" };
  if (!(error instanceof Problem)) return { kind: "error", key: "error.general" };
  const details = { code: error.code, request: error.requestId };
  if (error.status === 429) {
    const seconds = error.retryAfter;
    return { kind: "error", key: "error.limited", values: { seconds }, details, until: Date.now() + seconds * 1000 };
  }
  if (error.unreachable) {
    const key: Key = navigator.onLine ? "error.unreachable" : "error.offline";
    return { kind: "error", key, details, unreachable: true, ...(again ? { retry: again } : {}) };
  }
  if (error.fields.includes("email")) return { kind: "error", key: "error.email", details, field: "name" };
  if (error.fields.includes("username")) return { kind: "error", key: "error.username", details, field: "name" };
  return {
    kind: "error",
    key: sentences[error.code] ?? "error.general",
    details,
    ...(aboutTheName.has(error.code) ? { field: "name" as const } : {}),
  };
}
