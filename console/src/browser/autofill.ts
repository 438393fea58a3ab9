// Autofill offers passkeys in the name field without asking for anything. Only one
// request to the browser can be open at a time, so it steps aside before a modal
// one: stop() resolves when nothing is open any more.

import { type Used, use } from "./passkey";

// A challenge lives five minutes; autofill waits longer than that, so it is asked
// again before its challenge is too old to be answered.
const RENEWAL_MS = 4 * 60 * 1000;

export type AutofillState = "off" | "armed" | "done";

export interface AutofillEvents {
  state: (name: AutofillState) => void;
  pick: () => void;
  done: (used: Used) => void;
  failed: (error: unknown) => void;
}

export class Autofill {
  #abort: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();
  #timer = 0;
  #since = 0;
  readonly #on: AutofillEvents;

  constructor(on: AutofillEvents) {
    this.#on = on;
  }

  async start(): Promise<void> {
    await this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.#since = Date.now();
    this.#timer = window.setTimeout(() => void this.renew(), RENEWAL_MS);
    this.#running = this.#offer(abort.signal);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
    await this.#running;
  }

  // A page in the background renews nothing; it does when it is looked at again.
  async renew(): Promise<void> {
    if (this.#abort === null || document.hidden) return;
    if (Date.now() - this.#since >= RENEWAL_MS) await this.start();
  }

  async #offer(signal: AbortSignal): Promise<void> {
    let picked = false;
    try {
      const offered = await PublicKeyCredential.isConditionalMediationAvailable?.();
      if (!offered || signal.aborted) return;
      const used = await use("/v1/sign-in/passkey", {
        begin: { mediation: "conditional", session_mode: "cookie" },
        mediation: "conditional",
        signal,
        onAsk: () => this.#on.state("armed"),
        onPick: () => {
          picked = true;
          clearTimeout(this.#timer);
          this.#on.pick();
        },
      });
      this.#on.state("done");
      this.#on.done(used);
    } catch (error) {
      this.#on.state("off");
      // Autofill was not asked for: until a passkey is picked it fails in silence.
      if (picked) this.#on.failed(error);
    }
  }
}
