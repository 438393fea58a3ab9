// What a page does with the options and the answer, in the words that browsers have
// for it. It is only checked: there is no browser here.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

export async function signUp(server: string, username: string) {
  const client = createClient<paths>({ baseUrl: server });
  const begun = await client.POST("/v1/sign-up/passkey/options", { body: { username, session_mode: "cookie" } });
  if (begun.error !== undefined) throw new Error(begun.error.code);
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun.data.publicKey),
  });
  if (!(credential instanceof PublicKeyCredential)) throw new TypeError("not a passkey");
  return client.POST("/v1/sign-up/passkey", { body: { credential: credential.toJSON() } });
}

export async function signIn(server: string) {
  const client = createClient<paths>({ baseUrl: server });
  const begun = await client.POST("/v1/sign-in/passkey/options", { body: { session_mode: "cookie" } });
  if (begun.error !== undefined) throw new Error(begun.error.code);
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(begun.data.publicKey),
  });
  if (!(credential instanceof PublicKeyCredential)) throw new TypeError("not a passkey");
  return client.POST("/v1/sign-in/passkey", { body: { credential: credential.toJSON() } });
}
