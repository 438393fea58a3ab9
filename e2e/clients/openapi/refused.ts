// What the types must refuse: each line below is a mistake, and one that passes the
// check is an error. None of it runs.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

export async function refused() {
  const client = createClient<paths>();
  // @ts-expect-error: no such call
  await client.POST("/v1/sign-up/passkeys", {});
  // @ts-expect-error: no such method
  await client.PUT("/v1/account", {});
  // @ts-expect-error: a text
  await client.POST("/v1/sign-up/passkey/options", { body: { username: 7 } });
  // @ts-expect-error: no such mode
  await client.POST("/v1/sign-up/passkey/options", { body: { session_mode: "jwt" } });
  // @ts-expect-error: no credential
  await client.POST("/v1/sign-in/passkey", { body: {} });
  // @ts-expect-error: no identifier in the path
  await client.PATCH("/v1/passkeys/{id}", { body: { name: "Phone" } });
  // @ts-expect-error: a number
  await client.POST("/v1/step-up/passkey/options", { body: { max_age: "300" } });
  // @ts-expect-error: no such grant
  await client.POST("/v1/token", { body: { grant_type: "password", refresh_token: "x" } });

  // @ts-expect-error: no such member
  const body: components["schemas"]["SignUpOptions"] = { user_name: "ana" };
  await client.POST("/v1/sign-up/passkey/options", { body });

  const { data, error } = await client.GET("/v1/passkeys");
  // @ts-expect-error: no such member
  data?.credentials;
  // @ts-expect-error: a boolean
  data?.passkeys[0]?.suspended.length;
  // @ts-expect-error: no code of this call
  error?.code === "name_taken";
}
