// The answers of the API as the pages use them.

export interface Passkey {
  id: string;
  credential_id: string;
  name: string;
  created_at: string;
  last_used_at?: string;
  times_used: number;
  transports: string[];
  aaguid: string;
  provider?: { name: string; icon_light?: string; icon_dark?: string };
  backup_eligible: boolean;
  backed_up: boolean;
  user_verified: boolean;
  suspended: boolean;
  rp_id: string;
  this_session: boolean;
}

export interface Account {
  id: string;
  username?: string;
  email?: string;
  pending_email?: string;
  display_name?: string;
}

export interface Session {
  id: string;
  created_at: string;
  last_seen_at: string;
  user_agent?: string;
  this_session: boolean;
}

export interface SignedIn {
  account: Account;
  passkey?: Passkey;
}

export interface Signal {
  rp_id: string;
  user_handle: string;
  accepted_credential_ids: string[];
  name: string;
  display_name: string;
}

export interface Options<T> {
  publicKey: T;
}
