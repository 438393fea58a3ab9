// The answers of /v1/admin as the pages use them.

import type { components } from "./openapi";

type Schemas = components["schemas"];

export type Role = Schemas["Role"];
export type Account = Schemas["AdminAccount"];
export type Accounts = Schemas["AdminAccounts"];
export type Event = Schemas["AdminEvent"];
export type Events = Schemas["AdminEvents"];
export type Verdict = Schemas["Verified"];
export type Invitation = Schemas["Invitation"];
export type Invitations = Schemas["Invitations"];

// What became of a link: it is told, or mailed, or both.
export interface Made {
  link?: string;
  mailed?: boolean;
  expires_at: string;
}

export interface Added {
  account: Account;
  enrolment: Made;
}
