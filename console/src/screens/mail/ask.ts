// Asking for a link, and going on with what it brings.

import { post } from "../../api/call";
import type { EmailBegun, EmailDone } from "../../api/types";
import { type Asked, forgetAsked, noteAsked } from "../../browser/mail";
import { destination, goOn, ours, setNext } from "../../browser/next";
import { visited } from "../../browser/remembered";

// askForLink has a link sent. Whoever the address belongs to, the answer is the same.
export async function askForLink(email: string): Promise<Asked> {
  const to = destination();
  const begun = await post<EmailBegun>("/v1/sign-in/email", {
    email,
    session_mode: "cookie",
    ...(to ? { return_to: to } : {}),
  });
  return noteAsked(email, begun, location.pathname);
}

export interface Shown {
  token?: string;
  code?: string;
  request?: string | undefined;
}

// show presents a link, or the code that stands for it, and goes on: to where the person
// was heading, or to sign up, when the address is nobody's.
export async function show(email: string, shown: Shown): Promise<void> {
  const { sign_up: right, return_to: to, account } = await post<EmailDone>("/v1/sign-in/email/finish", shown);
  forgetAsked(email);
  if (right) {
    if (ours(to)) setNext(to);
    return location.assign(`/sign-up#${new URLSearchParams({ ticket: right.ticket, email: right.email })}`);
  }
  const username = account?.username ?? account?.email;
  visited({ username, name: account?.display_name ?? username, here: false }, false);
  goOn(to);
}
