// takeFragment reads what stands behind the # and takes it out of the address bar.
export function takeFragment(): URLSearchParams {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.has("ticket") || fragment.has("added")) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return fragment;
}
