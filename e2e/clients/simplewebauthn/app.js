// An app by somebody else: @simplewebauthn/browser in the browser, Keyturn behind it.
// Where Keyturn is and what the app carries, tokens or cookies, stands in the address:
// ?api=ORIGIN&mode=token|cookie.

import { startAuthentication, startRegistration } from "@simplewebauthn/browser";

const address = new URLSearchParams(location.search);
const api = address.get("api") ?? "";
const mode = address.get("mode");

const element = (id) => document.getElementById(id);
const username = () => element("username").value;

let accessToken; // in token mode, while somebody is signed in

class Refusal extends Error {
  name = "Refusal";

  constructor(code) {
    super(code);
    this.code = code;
  }
}

async function call(method, path, body) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (accessToken !== undefined) headers.Authorization = `Bearer ${accessToken}`;
  const answer = await fetch(api + path, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  const said = text === "" ? undefined : JSON.parse(text);
  if (!answer.ok) throw new Refusal(said.code);
  return said;
}

const post = (path, body) => call("POST", path, body);

// carry keeps what a finished ceremony gave. In cookie mode the browser has it already.
function carry(answer) {
  accessToken = answer.access_token;
}

async function signUp() {
  const { publicKey } = await post("/v1/sign-up/passkey/options", { username: username(), session_mode: mode });
  const credential = await startRegistration({ optionsJSON: publicKey });
  carry(await post("/v1/sign-up/passkey", { credential }));
}

async function signIn(begin) {
  const { publicKey } = await post("/v1/sign-in/passkey/options", { ...begin, session_mode: mode });
  const credential = await startAuthentication({ optionsJSON: publicKey });
  carry(await post("/v1/sign-in/passkey", { credential }));
}

async function add() {
  const { publicKey } = await post("/v1/passkeys/options", {});
  const credential = await startRegistration({ optionsJSON: publicKey });
  await post("/v1/passkeys", { credential, name: "Spare" });
}

async function signOut() {
  await post("/v1/sign-out", {});
  accessToken = undefined;
}

// The library gives its errors a code and ours have one; what has none has a name.
const word = (error) => error.code ?? error.name;

async function report(what, work) {
  element("status").textContent = "";
  try {
    await work();
    element("status").textContent = `${what}: done`;
  } catch (error) {
    element("status").textContent = `${what}: ${word(error)}`;
  }
}

// Autofill waits until somebody picks a passkey or starts something else; the library
// ends it then, and that is no news.
async function autofill() {
  try {
    const { publicKey } = await post("/v1/sign-in/passkey/options", { mediation: "conditional", session_mode: mode });
    const picked = startAuthentication({ optionsJSON: publicKey, useBrowserAutofill: true });
    // The library asks this first, so that by its answer it has asked for a passkey.
    PublicKeyCredential.isConditionalMediationAvailable().then(() => (document.body.dataset.autofill = "waiting"));
    carry(await post("/v1/sign-in/passkey", { credential: await picked }));
    element("status").textContent = "autofill: done";
  } catch (error) {
    document.body.dataset.autofill = word(error);
  }
}

element("sign-up").onclick = () => report("sign-up", signUp);
element("by-username").onclick = () => report("by-username", () => signIn({ username: username() }));
element("usernameless").onclick = () => report("usernameless", () => signIn({}));
element("add").onclick = () => report("add", add);
element("sign-out").onclick = () => report("sign-out", signOut);

// For whoever looks at the page from outside.
window.app = { call };

autofill();
