// The answers of the API as the pages use them: openapi.ts is generated from the
// document that the server serves.

import type { components } from "./openapi";

type Schemas = components["schemas"];

export type Passkey = Schemas["Passkey"];
export type Account = Schemas["Account"];
export type Session = Schemas["ListedSession"];
export type Event = Schemas["Event"];
export type Events = Schemas["Activity"];
export type Signal = Schemas["Signal"];
export type SignedIn = Schemas["TokenAnswer"];
export type EmailBegun = Schemas["EmailBegun"];
export type EmailDone = Partial<Schemas["SignedInByMail"]> & Partial<Schemas["MaySignUp"]>;
export type LinkSeen = Schemas["LinkSeen"];
export type Whence = Schemas["Whence"];
export type EmailCode = Schemas["EmailCode"];
export type RecoveryRight = Schemas["RecoveryRight"];
export type Recovered = Schemas["Recovered"];
export type RecoveryCodes = Schemas["RecoveryCodes"];
export type NoticeSeen = Schemas["NoticeSeen"];

export interface Options<T> {
  publicKey: T;
}
