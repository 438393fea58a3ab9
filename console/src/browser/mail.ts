// Links that this browser asked for by mail. The secret that comes back from asking is
// what lets this browser, and no other, use the link; a link opens in a tab of its own,
// so it is kept for the whole site, until the link is over.

import type { EmailBegun } from "../api/types";

const KEY = "keyturn.mail";
const MOST = 3; // so many links a person may have open at once

export interface Asked {
  request: string;
  email: string;
  until: number; // when the link ends, ms since 1970
  resend: number; // when asking again is worth it
  back?: string; // the page that asked
}

function read(): Asked[] {
  try {
    const all: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(all) ? all.filter(isAsked) : [];
  } catch {
    return [];
  }
}

function isAsked(value: unknown): value is Asked {
  const asked = value as Partial<Asked> | null;
  return typeof asked?.request === "string" && typeof asked.email === "string" && typeof asked.until === "number";
}

function write(all: Asked[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(all.slice(0, MOST)));
  } catch {
    // Storage may be full or off: then the code from the link's page is the way.
  }
}

// allAsked are those whose link may still be good, the newest first.
export const allAsked = (): Asked[] => read().filter(({ until }) => until > Date.now());

export function noteAsked(email: string, begun: EmailBegun, back: string): Asked {
  const now = Date.now();
  const asked = {
    request: begun.request,
    email,
    until: now + begun.expires_in * 1000,
    resend: now + begun.resend_in * 1000,
    back,
  };
  write([asked, ...allAsked()]);
  return asked;
}

// forgetAsked drops what was asked for one address: the link was used, or is not wanted.
export function forgetAsked(email: string): void {
  write(read().filter((asked) => asked.email !== email));
}

// onUsed calls back when another tab has used the link.
export function onUsed(request: string, used: () => void): () => void {
  const look = (event: StorageEvent) => {
    if (event.key === KEY && !read().some((asked) => asked.request === request)) used();
  };
  window.addEventListener("storage", look);
  return () => window.removeEventListener("storage", look);
}

// typed is a code as people type it, without what they put between its characters.
export const typed = (code: string): string => code.replace(/[^\p{L}\p{N}]/gu, "").toUpperCase();
