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

export interface Options<T> {
  publicKey: T;
}
