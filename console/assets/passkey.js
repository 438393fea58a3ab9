// Passkeys as the browser knows them: making one, using one, and autofill.

import { post } from "./api.js";

// A challenge lives five minutes; autofill waits longer than that, so it is asked
// again before its challenge is too old to be answered.
const RENEWAL_MS = 4 * 60 * 1000;

export const supported =
  typeof window.PublicKeyCredential === "function" &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function" &&
  typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function";

// What the prf extension computed is a secret of the page's own: it never travels.
function toWire(credential) {
  const wire = credential.toJSON();
  if (wire.clientExtensionResults?.prf) delete wire.clientExtensionResults.prf.results;
  return wire;
}

export async function createPasskey(path, begin) {
  const { publicKey } = await post(`${path}/options`, { ...begin, session_mode: "cookie" });
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
  });
  return post(path, { credential: toWire(credential) });
}

// usePasskey signs in. The signal ends the wait for a passkey, never the call that
// presents one: that one may have happened already.
export async function usePasskey(begin, { signal, onAsk, onPick } = {}) {
  const { publicKey } = await post("/v1/sign-in/passkey/options", { ...begin, session_mode: "cookie" }, signal);
  onAsk?.();
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
    mediation: begin.mediation ?? "optional",
    signal,
  });
  onPick?.();
  return post("/v1/sign-in/passkey", { credential: toWire(credential) });
}

// Autofill offers passkeys in the name field without asking for anything. Only one
// request to the browser can be open at a time, so it steps aside before a modal
// one: stop() resolves when nothing is open any more.
export class Autofill {
  #abort = null;
  #running = Promise.resolve();
  #timer = 0;
  #since = 0;
  #on;

  // on: { state(name), pick(), done(), failed(error) }
  constructor(on) {
    this.#on = on;
  }

  async start() {
    await this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.#since = Date.now();
    this.#timer = setTimeout(() => this.renew(), RENEWAL_MS);
    this.#running = this.#offer(abort.signal);
  }

  async stop() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
    await this.#running;
  }

  // A page in the background renews nothing; it does when it is looked at again.
  async renew() {
    if (this.#abort === null || document.hidden) return;
    if (Date.now() - this.#since >= RENEWAL_MS) await this.start();
  }

  async #offer(signal) {
    let picked = false;
    const onAsk = () => this.#on.state("armed");
    const onPick = () => {
      picked = true;
      clearTimeout(this.#timer);
      this.#on.pick();
    };
    try {
      const offered = await PublicKeyCredential.isConditionalMediationAvailable?.();
      if (!offered || signal.aborted) return;
      await usePasskey({ mediation: "conditional" }, { signal, onAsk, onPick });
      this.#on.state("done");
      this.#on.done();
    } catch (error) {
      this.#on.state("off");
      // Autofill was not asked for: until a passkey is picked it fails in silence.
      if (picked) this.#on.failed(error);
    }
  }
}
