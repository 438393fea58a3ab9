// Who keeps a passkey, and what to call one that was just made.

import type { Key } from "../i18n/text";
import list from "./providers.json";

const names: Record<string, string> = list.providers;

export const providerName = (aaguid: string): string | undefined => names[aaguid];

// monogram is what stands for a provider on its tile: the first letters of its first
// two words, or the capitals and digits of its only one.
export function monogram(name: string): string {
  const words = name.split(" ").filter((word) => !small.has(word));
  if (words.length > 1) return words.slice(0, 2).map(([letter]) => letter?.toUpperCase()).join("");
  const capitals = name.match(/[\p{Lu}\p{N}]/gu) ?? [];
  return capitals.slice(0, 2).join("") || (name[0] ?? "").toUpperCase();
}

const small = new Set(["on", "of", "for"]);

// The AAGUID in authenticator data: 16 bytes after hash, flags, count
// (WebAuthn Level 3, 6.1 and 6.5.1).
export function aaguidOf(credential: PublicKeyCredential): string {
  const response = credential.response as AuthenticatorAttestationResponse;
  const data = new Uint8Array(response.getAuthenticatorData?.() ?? new ArrayBuffer(0));
  if (data.length < 53) return "";
  const hex = [...data.slice(37, 53)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// A name for a new passkey: a provider's own, or a sentence of ours.
export type Suggestion = { name: string } | { key: Key };

export function suggestion(credential: PublicKeyCredential, userAgent: string): Suggestion {
  const provider = providerName(aaguidOf(credential));
  if (provider) return { name: provider };
  if (credential.authenticatorAttachment === "platform") return { key: device(userAgent) };
  const transports = (credential.response as AuthenticatorAttestationResponse).getTransports?.() ?? [];
  return { key: transports.includes("hybrid") || transports.includes("internal") ? "devices.phone" : "devices.security-key" };
}

// device is what kind of machine a browser runs on.
export function device(userAgent: string): Key {
  const kinds: [RegExp, Key][] = [
    [/iPhone/, "devices.iphone"],
    [/iPad/, "devices.ipad"],
    [/Android/, "devices.android"],
    [/CrOS/, "devices.chromeos"],
    [/Windows/, "devices.this-windows"],
    [/Mac OS X/, "devices.this-mac"],
    [/Linux/, "devices.linux"],
  ];
  return kinds.find(([sign]) => sign.test(userAgent))?.[1] ?? "passkeys.unnamed";
}
