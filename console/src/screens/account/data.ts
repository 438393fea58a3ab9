import { get } from "../../api/call";
import type { Account, Passkey, Session } from "../../api/types";

export interface Data {
  account: Account;
  passkeys: Passkey[];
  sessions: Session[];
}

export async function load(): Promise<Data> {
  const [account, { passkeys }, { sessions }] = await Promise.all([
    get<Account>("/v1/account"),
    get<{ passkeys: Passkey[] }>("/v1/passkeys"),
    get<{ sessions: Session[] }>("/v1/account/sessions"),
  ]);
  return { account, passkeys, sessions };
}
