// takeFragment reads what stands behind the # and takes it out of the address bar. A
// link carries a bare ticket or token; what one page tells the next has names.
export function takeFragment(): URLSearchParams {
  const text = location.hash.slice(1);
  // The menu of a page links to its own sections: nothing is secret there.
  if (!text || text.startsWith("section-")) return new URLSearchParams();
  history.replaceState(null, "", location.pathname + location.search);
  return text.includes("=") || marks.has(text) ? new URLSearchParams(text) : new URLSearchParams({ ticket: text });
}

// A link that is opened where its page stands already changes nothing but the fragment:
// the page begins anew with it.
export function renewWithFragment(): void {
  window.addEventListener("hashchange", () => {
    if (location.hash.length > 1 && !location.hash.startsWith("#section-")) location.reload();
  });
}

// What says something without a value.
const marks = new Set(["added", "left"]);
