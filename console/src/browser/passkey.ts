// Passkeys as the browser knows them: making one and using one.

import { type CallOptions, post } from "../api/call";
import type { Options, SignedIn } from "../api/types";

export const supported =
  typeof window.PublicKeyCredential === "function" &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function" &&
  typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function";

// A passkey that was just made, before the server knows it.
export interface Made {
  credential: PublicKeyCredential;
  wire: object;
}

// What the prf extension computed is a secret of the page's own: it never travels.
function toWire(credential: PublicKeyCredential): object {
  const wire = credential.toJSON() as { clientExtensionResults?: { prf?: { results?: unknown } } };
  delete wire.clientExtensionResults?.prf?.results;
  return wire;
}

export async function make(path: string, begin: object): Promise<Made> {
  const { publicKey } = await post<Options<PublicKeyCredentialCreationOptionsJSON>>(path, begin);
  const made = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
  });
  const credential = made as PublicKeyCredential;
  return { credential, wire: toWire(credential) };
}

// NoneHere: the browser let us know that it has no passkey for this site.
export class NoneHere extends Error {
  override name = "NoneHere";
}

// Nobody reads a question and calls it off in less. A browser that looks before it asks
// has more time: a slow one is no person.
const QUICK_MS = 500;
const LOOK_MS = 1000;

// canLook tells whether the browser can answer at once that it has no passkey, instead
// of asking for a phone (Credential Management, uiMode "immediate").
async function canLook(): Promise<boolean> {
  try {
    const can = (await PublicKeyCredential.getClientCapabilities?.()) as Record<string, boolean> | undefined;
    return can?.["immediateGet"] === true;
  } catch {
    return false;
  }
}

export interface Use {
  begin: object;
  here?: boolean; // only a passkey that is at hand; without one it fails with NoneHere
  mediation?: CredentialMediationRequirement;
  signal?: AbortSignal; // ends the wait for a passkey, never the call that presents one
  onAsk?: () => void;
  onPick?: () => void;
}

export interface Used {
  answer: SignedIn;
  here: boolean; // the passkey is on this very device
}

// use presents a passkey at path (…/options begins).
export async function use(path: string, { begin, here = false, mediation, signal, onAsk, onPick }: Use): Promise<Used> {
  const options: CallOptions = signal ? { signal } : {};
  const { publicKey } = await post<Options<PublicKeyCredentialRequestOptionsJSON>>(`${path}/options`, begin, options);
  onAsk?.();
  const immediate = here && (await canLook());
  const since = performance.now();
  const asked = navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
    ...(immediate ? { uiMode: "immediate" } : { mediation: mediation ?? "optional" }),
    ...options,
  });
  const got = await asked.catch((error: unknown) => {
    const quick = performance.now() - since < (immediate ? LOOK_MS : QUICK_MS);
    throw here && quick && (error as Error).name === "NotAllowedError" ? new NoneHere() : error;
  });
  onPick?.();
  const credential = got as PublicKeyCredential;
  const answer = await post<SignedIn>(path, { credential: toWire(credential) });
  return { answer, here: isHere(credential) };
}

export const isHere = (credential: PublicKeyCredential): boolean => credential.authenticatorAttachment === "platform";

// Whether the browser could make a passkey on this device.
export async function canMakeHere(): Promise<boolean> {
  if (!supported) return false;
  try {
    return await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
  } catch {
    return false;
  }
}
