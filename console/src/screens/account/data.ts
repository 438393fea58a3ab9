import { get } from "../../api/call";
import type { Account, Events, Passkey, RecoveryCodes, Session } from "../../api/types";

export interface Data {
  account: Account;
  passkeys: Passkey[];
  sessions: Session[];
  codes: RecoveryCodes;
  events: Events; // the newest
}

// How many events the page begins with: one look, not a log.
const EVENTS = 5;

export async function load(): Promise<Data> {
  const [account, { passkeys }, { sessions }, codes, events] = await Promise.all([
    get<Account>("/v1/account"),
    get<{ passkeys: Passkey[] }>("/v1/passkeys"),
    get<{ sessions: Session[] }>("/v1/account/sessions"),
    get<RecoveryCodes>("/v1/account/recovery-codes"),
    get<Events>(`/v1/account/activity?limit=${EVENTS}`),
  ]);
  return { account, passkeys, sessions, codes, events };
}
