// An account's life by a client whose types are generated from the server's document:
//
//   node client.js SERVER AUTHENTICATOR
//
// AUTHENTICATOR answers POST /create and /get, given the options, with what toJSON()
// would give a page. It prints "done" when all went as the types say.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

const [server, authenticator] = process.argv.slice(2);
assert.ok(server && authenticator, "usage: node client.js SERVER AUTHENTICATOR");

const client = createClient<paths>({ baseUrl: server });

let tokens: { access: string; refresh: string };

client.use({
  onRequest({ request, schemaPath }) {
    if (tokens !== undefined && schemaPath !== "/v1/token") {
      request.headers.set("Authorization", `Bearer ${tokens.access}`);
    }
  },
});

async function ask<Answer>(what: string, options: object): Promise<Answer> {
  const answer = await fetch(`${authenticator}/${what}`, { method: "POST", body: JSON.stringify(options) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Answer;
}

const create = (options: Schemas["CreationOptions"]) => ask<Schemas["RegistrationResponse"]>("create", options);
const get = (options: Schemas["RequestOptions"]) => ask<Schemas["AuthenticationResponse"]>("get", options);

// told is the answer of a call that must succeed.
function told<Data>(result: { data?: Data; error?: unknown; response: Response }): Data {
  assert.ok(result.data !== undefined, `${result.response.status} ${JSON.stringify(result.error)}`);
  return result.data;
}

function carry(answer: Schemas["TokenAnswer"]) {
  assert.ok(answer.access_token !== undefined && answer.refresh_token !== undefined);
  assert.equal(answer.token_type, "Bearer");
  tokens = { access: answer.access_token, refresh: answer.refresh_token };
}

const signUp = async (username: string) => {
  const { publicKey } = told(await client.POST("/v1/sign-up/passkey/options", { body: { username } }));
  return client.POST("/v1/sign-up/passkey", { body: { credential: await create(publicKey), name: "First" } });
};

async function signIn(username: string) {
  const { publicKey } = told(await client.POST("/v1/sign-in/passkey/options", { body: { username } }));
  carry(told(await client.POST("/v1/sign-in/passkey", { body: { credential: await get(publicKey) } })));
}

const refresh = (token: string) =>
  client.POST("/v1/token", {
    body: { grant_type: "refresh_token", refresh_token: token },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });

async function onlyPasskey(): Promise<Schemas["Passkey"]> {
  const { passkeys } = told(await client.GET("/v1/passkeys"));
  const [passkey] = passkeys;
  assert.ok(passkey !== undefined && passkeys.length === 1);
  return passkey;
}

async function sessions(): Promise<Schemas["ListedSession"][]> {
  const all: Schemas["ListedSession"][] = [];
  let from: { cursor?: string } = {};
  for (;;) {
    const page = told(await client.GET("/v1/account/sessions", { params: { query: { limit: 1, ...from } } }));
    assert.ok(page.sessions.length <= 1);
    all.push(...page.sessions);
    if (page.next_cursor === undefined) return all;
    from = { cursor: page.next_cursor };
  }
}

const made = told(await signUp("ana"));
carry(made);
assert.equal(made.account.username, "ana");
assert.equal(made.passkey?.name, "First");

const taken = await signUp("ana");
assert.equal(taken.response.status, 409);
assert.ok(taken.error?.code === "name_taken");

await signIn("ana");
const passkey = await onlyPasskey();
assert.equal(passkey.times_used, 1);
assert.equal(passkey.this_session, true);

const params = { path: { id: passkey.id } };
const renamed = told(await client.PATCH("/v1/passkeys/{id}", { params, body: { name: "Renamed" } }));
assert.equal(renamed.name, "Renamed");

const before = tokens!;
carry(told(await refresh(before.refresh)));
assert.notEqual(tokens!.refresh, before.refresh);
assert.equal((await onlyPasskey()).name, "Renamed");

const listed = await sessions();
assert.deepEqual(listed.map((s) => s.mode), ["token", "token"]);
assert.equal(listed.filter((s) => s.this_session).length, 1);

const last = await client.DELETE("/v1/passkeys/{id}", { params });
assert.equal(last.response.status, 409);
assert.ok(last.error?.code === "last_passkey");

const left = await client.POST("/v1/sign-out");
assert.equal(left.response.status, 204);
const after = await client.GET("/v1/passkeys");
assert.equal(after.response.status, 401);
assert.ok(after.error?.code === "unauthenticated");
const ended = await refresh(tokens!.refresh);
assert.equal(ended.response.status, 400);
assert.ok(ended.error && "error" in ended.error && ended.error.error === "invalid_grant");

console.log("done");
