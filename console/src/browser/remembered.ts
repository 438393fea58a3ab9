// People who chose to be remembered on this device: their name, whether they have
// used or made a passkey here, and when. Never a token, a credential ID or a handle.

const KEY = "keyturn.people";
const HERE = "keyturn.here";
const LATER = "keyturn.later";
const MOST = 5;
const OFFER_MS = 30 * 24 * 3600 * 1000;

export interface Person {
  username: string;
  name: string; // as shown
  here: boolean; // a passkey was used or made on this device
  used: number; // ms since 1970
  offered?: number; // when a passkey for this device was last offered
}

// Storage may be full, off or emptied at any time; then nobody is remembered.
function read(): Person[] {
  try {
    const people: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(people) ? people.filter(isPerson) : [];
  } catch {
    return [];
  }
}

function isPerson(value: unknown): value is Person {
  const person = value as Partial<Person> | null;
  return typeof person?.username === "string" && typeof person.name === "string" && typeof person.used === "number";
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See read.
  }
}

const store = (people: Person[]): void => write(KEY, JSON.stringify(people));

export const remembered = (): Person[] => read().sort((a, b) => b.used - a.used);

export interface Visit {
  username?: string | undefined;
  name?: string | undefined;
  here: boolean;
}

// visited notes a sign-in or a registration: of whom is remembered already, and of
// whom wants to be.
export function visited(visit: Visit, wanted: boolean): void {
  const { username } = visit;
  write(HERE, visit.here ? "yes" : "no");
  if (!username) return;
  const before = read().find((person) => person.username === username);
  if (!before && !wanted) return;
  const person: Person = {
    ...before,
    username,
    name: visit.name ?? username,
    here: visit.here || (before?.here ?? false),
    used: Date.now(),
  };
  store([person, ...read().filter((other) => other.username !== username)].slice(0, MOST));
}

export const forget = (username: string): void => store(read().filter((person) => person.username !== username));

// Whether the passkey of the session is on this device.
export function sessionIsHere(): boolean {
  try {
    return localStorage.getItem(HERE) === "yes";
  } catch {
    return false;
  }
}

// offer tells whether to offer a passkey for this device, and notes that it did.
export function offer(username: string | undefined): boolean {
  const people = read();
  const person = people.find((one) => one.username === username);
  if (!person || person.here || Date.now() - (person.offered ?? 0) < OFFER_MS) return false;
  person.offered = Date.now();
  store(people);
  return true;
}

// postpone notes that an account without a passkey does not want one now; postponed
// tells whether that was lately.
export function postpone(account: string): void {
  write(LATER, JSON.stringify([{ account, at: Date.now() }, ...later().filter((one) => one.account !== account)].slice(0, MOST)));
}

export const postponed = (account: string): boolean =>
  later().some((one) => one.account === account && Date.now() - one.at < OFFER_MS);

function later(): { account: string; at: number }[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(LATER) ?? "[]");
    return Array.isArray(list) ? list.filter((one) => typeof (one as { at?: unknown } | null)?.at === "number") : [];
  } catch {
    return [];
  }
}

// Signing out makes the browser empty the storage of this site. Who chose to be
// remembered stays, and what they want later: keep(…) puts it back afterwards.
export async function keep<T>(work: () => Promise<T>): Promise<T> {
  const people = read();
  const put = later();
  const done = await work();
  if (people.length > 0) store(people);
  if (put.length > 0) write(LATER, JSON.stringify(put));
  return done;
}
