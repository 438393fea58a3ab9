// Where a person was heading when they had to sign in first. The address of the page to
// sign in says it; what must not stand in an address, since it holds the token of a
// link, is kept for this tab alone.

const KEY = "keyturn.next";

// What the server takes to put into a mailed link, in bytes.
const MOST = 256;

// ours tells whether a place is a page of this site, however it is read: a path with one
// slash at its beginning and never two in a row, of the characters of RFC 3986, without
// dot segments, and with nothing encoded that would be refused here. The server judges
// by the same rule what it is told.
export function ours(place: string | undefined | null): place is string {
  if (!place || !/^\/[\w\-.~!$&'()*+,;=:@/?#%]*$/.test(place) || /\/\/|#.*#/.test(place)) return false;
  const path = place.replace(/[?#].*/, "");
  try {
    return !/[\p{Cc}\\%\ufffd]/u.test(decodeURIComponent(place)) && !/%2f/i.test(path) && !/\/\.\.?(?=[/;]|$)/.test(decodeURIComponent(path));
  } catch {
    return false; // not UTF-8
  }
}

// destination is where the address says that somebody is heading. Nobody heads for the
// page to sign in: they are there.
export function destination(): string | undefined {
  const to = new URLSearchParams(location.search).get("return_to");
  return ours(to) && to.length <= MOST && !/^\/sign-in\b/.test(to) ? to : undefined;
}

// onTheWay is the address of a page that leads on to the same place.
export const onTheWay = (page: string, to = destination()): string => (to ? `${page}?return_to=${encodeURIComponent(to)}` : page);

// signInFirst leads somebody who is signed out to where they can sign in, and from there
// back to where they are.
export function signInFirst(): void {
  const here = location.pathname + location.search + location.hash;
  location.replace(ours(here) && here !== "/account" ? onTheWay("/sign-in", here) : "/sign-in");
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

// goOn leads somebody who is signed in to where they were heading: what the server says,
// before what the address of this page does, before what was kept.
export function goOn(to?: string, fallback = "/account"): void {
  const kept = takeNext();
  const place = [to, destination(), kept].find(ours) ?? fallback;
  location.assign(place);
}
