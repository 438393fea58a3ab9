// Where a person was heading when they had to sign in first. It is kept for this tab
// alone, since it may hold the token of a link.

const KEY = "keyturn.next";

// ours tells whether a place is a page of this site: a path, and no other host's.
export function ours(place: string | undefined | null): place is string {
  if (!place?.startsWith("/")) return false;
  try {
    return new URL(place, location.origin).origin === location.origin;
  } catch {
    return false;
  }
}

export function setNext(place: string): void {
  try {
    sessionStorage.setItem(KEY, place);
  } catch {
    // Storage may be off: then they go on to their account.
  }
}

function takeNext(): string | null {
  try {
    const place = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    return place;
  } catch {
    return null;
  }
}

// goOn leads somebody who is signed in to where they were heading.
export function goOn(to?: string, fallback = "/account"): void {
  const kept = takeNext();
  const place = [to, kept].find(ours) ?? fallback;
  location.assign(place);
}
